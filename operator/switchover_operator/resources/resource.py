"""A whole object: the fields that every kind has."""

from typing import ClassVar

from pydantic import Field

from .metadata import ObjectMeta
from .model import FreeForm, Part


class Resource(Part):
    """`apiVersion`, `kind`, `metadata`, and the stored `status`, which only the writer of statuses reads.

    A kind has a `GROUP`, `VERSIONS` in which it is read (the preferred one first), a `KIND` and a `PLURAL`. A kind of
    access control does not keep its last good version: the change may forbid what that version allowed. A cluster
    without an `OPTIONAL` kind is complete.
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
