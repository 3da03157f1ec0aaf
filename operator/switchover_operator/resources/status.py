"""The statuses that Switchover writes, as the CRDs declare them. They are written as plain data (`status_merge.py`)."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import Field, WithJsonSchema

from .model import FreeForm, Items, ListMapKeys, Part, Port
from .reference import Name


class Condition(Part):
    """A condition (Kubernetes API reference, `Condition`)."""

    type: Annotated[str, Field(min_length=1, max_length=316)]
    """Type of the condition, such as Accepted, ResolvedRefs or Programmed."""
    status: Literal["True", "False", "Unknown"]
    """Whether the condition holds."""
    reason: Annotated[str, Field(min_length=1, max_length=1024)]
    """The reason, as one machine-readable word."""
    message: Annotated[str, Field(max_length=32768)]
    """The reason, as a sentence."""
    last_transition_time: Annotated[datetime, WithJsonSchema({"type": "string", "format": "date-time"})]
    """Time of the last change of `status`."""
    observed_generation: Annotated[int, Field(ge=0)] | None = None
    """Generation of the object that the condition is about."""


Conditions = Annotated[Items[Condition], ListMapKeys(("type",))]


class AncestorRef(Part):
    """Gateway API `ParentReference`."""

    group: str = ""
    kind: str = ""
    namespace: str | None = None
    name: Name
    section_name: str | None = None
    port: Port | None = None


class AncestorStatus(Part):
    """The conditions of a policy at one object that it is attached to."""

    ancestor_ref: AncestorRef
    """The object that the policy is attached to."""
    controller_name: Name
    """Name of the controller that wrote this entry."""
    conditions: Conditions = ()
    """The conditions of the policy there."""


class PolicyStatus(Part):
    """Status of a policy, for each object that it is attached to."""

    ancestors: Annotated[Items[AncestorStatus], Field(max_length=16)] = ()
    """The objects that the policy is attached to, each with its conditions."""


class RouteOptionStatus(PolicyStatus):
    """Status of a RouteOption; it can hold Gloo's own status as well."""

    statuses: FreeForm = None
    """Gloo's own status, if Gloo runs in the cluster too."""


class UpstreamStatus(Part):
    """Status of an Upstream; it can hold Gloo's own status as well."""

    conditions: Conditions = ()
    """Conditions of the Upstream."""
    priorities: Annotated[int, Field(ge=0)] | None = None
    """Number of priorities."""
    targets: Annotated[int, Field(ge=0)] | None = None
    """Total number of targets."""
    active_priority: Annotated[int, Field(ge=0)] | None = None
    """The priority that answers now; 0 is the first."""
    statuses: FreeForm = None
    """Gloo's own status, if Gloo runs in the cluster too."""


class AuthConfigStatus(Part):
    """Status of an AuthConfig; it can hold Gloo's own status as well."""

    conditions: Conditions = ()
    """Conditions of the AuthConfig."""
    statuses: FreeForm = None
    """Gloo's own status, if Gloo runs in the cluster too."""


STATUS: dict[str, Any] = {
    "Upstream": UpstreamStatus,
    "RouteOption": RouteOptionStatus,
    "FailoverPolicy": PolicyStatus,
    "AuthConfig": AuthConfigStatus,
}
"""Kind → its status."""
