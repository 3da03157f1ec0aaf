"""References from one object to another, as Gloo and Gateway API write them."""

from typing import Annotated

from pydantic import Field

from .model import Expected, KeepingPart, OpenPart

Name = Annotated[str, Field(min_length=1), Expected("a string that is not empty")]
"""A text that may not be left out or empty."""


class ResourceRef(OpenPart):
    """Gloo's reference to an object whose kind is known."""

    name: Name
    """Name of the object."""
    namespace: str = ""
    """Namespace of the object; unset: the one of the object that refers to it."""


class LocalRef(KeepingPart):
    """Gateway API `LocalObjectReference`: an object in the same namespace."""

    group: str
    kind: str
    name: Name
