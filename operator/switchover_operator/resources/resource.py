"""A whole object: the envelope that every kind shares."""

from typing import ClassVar

from pydantic import Field

from .metadata import ObjectMeta
from .model import FreeForm, Part


class Resource(Part):
    """`apiVersion`, `kind`, `metadata` and the stored `status`, which is read by nothing but the writer of statuses.

    A kind says its `GROUP`, the `VERSIONS` it is read in (the preferred one first), its `KIND` and its `PLURAL`.
    """

    GROUP: ClassVar[str]
    VERSIONS: ClassVar[tuple[str, ...]]
    KIND: ClassVar[str]
    PLURAL: ClassVar[str]
    NAMESPACED: ClassVar[bool] = True

    api_version: str
    kind: str
    metadata: ObjectMeta
    status: FreeForm = Field(default=None, repr=False)
