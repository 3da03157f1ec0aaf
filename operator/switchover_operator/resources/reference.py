"""References from one object to another, as Gloo and Gateway API write them."""

from typing import Annotated

from pydantic import Field

from .model import Expected, KeepingPart, OpenPart

Name = Annotated[str, Field(min_length=1), Expected("a string that is not empty")]
"""A text that must be set and not be empty."""


class ResourceRef(OpenPart):
    """A reference to an object of a known kind."""

    name: Name
    """Name of the object."""
    namespace: str = ""
    """Namespace of the object. Default: that of the object that refers to it."""


class LocalRef(KeepingPart):
    """Gateway API `LocalObjectReference`: an object in the same namespace."""

    group: str
    kind: str
    name: Name
