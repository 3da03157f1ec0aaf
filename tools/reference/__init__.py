"""docs/reference: pages made from the code. `python tools/reference_pages.py` writes them."""
