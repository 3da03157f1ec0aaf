"""`metadata` of every Kubernetes object, as far as it is read."""

from typing import Annotated

from pydantic import AwareDatetime, Field, Strict

from .model import Expected, Part

Time = Annotated[AwareDatetime, Strict(False), Expected("a time as 2025-01-31T12:00:00Z")]
"""Kubernetes writes RFC 3339. A time needs a zone, so that two times can be compared."""


class ObjectMeta(Part):
    """Kubernetes API reference, `ObjectMeta`. `namespace` is "" on cluster-wide objects and where a file has none."""

    name: str
    namespace: str = ""
    generation: int = 0
    uid: str = ""
    resource_version: str = ""
    creation_timestamp: Time | None = None
    deletion_timestamp: Time | None = None
    labels: dict[str, str] = Field(default_factory=dict[str, str])
    annotations: dict[str, str] = Field(default_factory=dict[str, str])
