"""docs/fields.md says what the models say."""

from fields_page import PAGE, page


def test_the_page_of_fields_is_what_the_models_say() -> None:
    assert PAGE.read_text() == page(), "run: python tools/fields_page.py"
