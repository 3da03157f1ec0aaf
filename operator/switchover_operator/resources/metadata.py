"""`metadata` of every Kubernetes object, as far as it is read."""

from datetime import datetime
from typing import Annotated

from pydantic import Field, Strict

from .model import Part


class ObjectMeta(Part):
    """Kubernetes API reference, `ObjectMeta`. `namespace` is "" on cluster-wide objects and where a file has none."""

    name: str
    namespace: str = ""
    generation: int = 0
    uid: str = ""
    resource_version: str = ""
    creation_timestamp: Annotated[datetime, Strict(False)] | None = None
    deletion_timestamp: Annotated[datetime, Strict(False)] | None = None
    labels: dict[str, str] = Field(default_factory=dict[str, str])
    annotations: dict[str, str] = Field(default_factory=dict[str, str])
