"""pydantic models → the CustomResourceDefinitions in `crds/`."""
