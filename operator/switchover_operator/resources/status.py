"""The statuses that Switchover writes, as the CRDs declare them. They are written as plain data (`reports.py`)."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import Field, WithJsonSchema

from .model import FreeForm, Items, ListMapKeys, Part, Port
from .reference import Name


class Condition(Part):
    """Kubernetes API reference, `Condition`."""

    type: Annotated[str, Field(min_length=1, max_length=316)]
    """What is said: Accepted, ResolvedRefs, Programmed."""
    status: Literal["True", "False", "Unknown"]
    """Whether it holds."""
    reason: Annotated[str, Field(min_length=1, max_length=1024)]
    """Why, in one word for programs."""
    message: Annotated[str, Field(max_length=32768)]
    """Why, in a sentence for people."""
    last_transition_time: Annotated[datetime, WithJsonSchema({"type": "string", "format": "date-time"})]
    """When it last changed."""
    observed_generation: Annotated[int, Field(ge=0)] | None = None
    """The generation of the object that this is said of."""


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
    """What holds for a policy at one object that it is attached to."""

    ancestor_ref: AncestorRef
    """The object that the policy is attached to."""
    controller_name: Name
    """Who says so."""
    conditions: Conditions = ()
    """What holds there."""


class PolicyStatus(Part):
    """Status of a policy, per object that it is attached to."""

    ancestors: Annotated[Items[AncestorStatus], Field(max_length=16)] = ()
    """What holds at each object that the policy is attached to."""


class RouteOptionStatus(PolicyStatus):
    """Status of a RouteOption; Gloo's own beside ours."""

    statuses: FreeForm = None
    """What Gloo says, where it runs as well."""


class UpstreamStatus(Part):
    """Status of an Upstream; Gloo's own beside ours."""

    conditions: Conditions = ()
    """What holds for the Upstream."""
    priorities: Annotated[int, Field(ge=0)] | None = None
    """How many priorities it has."""
    targets: Annotated[int, Field(ge=0)] | None = None
    """How many targets it has in all."""
    active_priority: Annotated[int, Field(ge=0)] | None = None
    """The priority that answers at present; 0 is the first."""
    statuses: FreeForm = None
    """What Gloo says, where it runs as well."""


class AuthConfigStatus(Part):
    """Status of an AuthConfig; Gloo's own beside ours."""

    conditions: Conditions = ()
    """What holds for the AuthConfig."""
    statuses: FreeForm = None
    """What Gloo says, where it runs as well."""


STATUS: dict[str, Any] = {
    "Upstream": UpstreamStatus,
    "RouteOption": RouteOptionStatus,
    "FailoverPolicy": PolicyStatus,
    "AuthConfig": AuthConfigStatus,
}
"""Kind → its status."""
