"""A whole object: the envelope that every kind shares."""

from typing import ClassVar

from pydantic import Field

from .metadata import ObjectMeta
from .model import FreeForm, Part


class Resource(Part):
    """`apiVersion`, `kind`, `metadata` and the stored `status`, which is read by nothing but the writer of statuses.

    A kind says its `GROUP`, the `VERSIONS` it is read in (the preferred one first), its `KIND` and its `PLURAL`. One
    that says who may ask has no last good version: what it allowed before may be what it was changed to forbid. One
    that is `OPTIONAL` is missed by nobody where a cluster does not have it.
    """

    GROUP: ClassVar[str]
    VERSIONS: ClassVar[tuple[str, ...]]
    KIND: ClassVar[str]
    PLURAL: ClassVar[str]
    NAMESPACED: ClassVar[bool] = True
    KEEPS_LAST_GOOD: ClassVar[bool] = True
    OPTIONAL: ClassVar[bool] = False

    api_version: str
    kind: str
    metadata: ObjectMeta
    status: FreeForm = Field(default=None, repr=False)
