"""The content of one object → `Admitted`, or the reasons to refuse it, independent of all other objects.

The checks here are those that the models cannot do: values that contradict one another, that would break a request, or
that the API has and Switchover does not serve. References are not followed here, as what they refer to can change
without the object.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from switchover_operator.compiler.access_controls import unserved
from switchover_operator.compiler.auth_faults import auth_config_faults
from switchover_operator.compiler.faults import Fault, hostname_faults
from switchover_operator.compiler.left_out import in_their_parts, without
from switchover_operator.compiler.policy_faults import (
    failover_faults,
    route_option_faults,
    unserved_commands,
    unused_retry_fields,
    unused_under_envoy,
)
from switchover_operator.compiler.route_faults import route_faults
from switchover_operator.compiler.service_faults import service_faults
from switchover_operator.compiler.upstream_faults import upstream_faults
from switchover_operator.identity import Body, Identity
from switchover_operator.resources import (
    KINDS,
    Invalid,
    Problem,
    Resource,
    parse,
    sets_served_fields_only,
    unsupported_fields,
)
from switchover_operator.resources.auth_config import AuthConfig
from switchover_operator.resources.core import EndpointSlice, Service
from switchover_operator.resources.failover_policy import FailoverPolicy
from switchover_operator.resources.gateway_api import SERVICE_TYPE, SERVICE_TYPES, Gateway, HTTPRoute
from switchover_operator.resources.model import listed
from switchover_operator.resources.route_option import RouteOption
from switchover_operator.resources.upstream import Upstream
from switchover_operator.schemas import is_unknown, unknown_fields, unknown_metadata, violations, without_effect


@dataclass(frozen=True, slots=True)
class Admitted:
    """A valid body and its model. `without_effect` names the fields that have no effect, with suggestions.

    `left_out` says which parts are not served; others of their kind are.
    """

    body: Body = field(repr=False)
    model: Resource
    without_effect: tuple[str, ...] = ()
    left_out: tuple[Fault, ...] = ()

    @property
    def generation(self) -> int:
        """The generation of the content; 0 if there is none, as in files."""
        return self.model.metadata.generation


@dataclass(frozen=True, slots=True)
class Refused:
    """The reasons to refuse a body. `unknown` names its unknown fields, one of which may be what is wrong with it."""

    faults: tuple[Fault, ...]
    unknown: tuple[str, ...] = ()


def admit(identity: Identity, body: Body, *, from_file: bool) -> Admitted | Refused:
    """Check one body by itself. What comes `from_file` is checked for all that an API server would refuse, too."""
    model = parse(body)
    official = violations(identity.group, identity.kind, body) if from_file else ()
    if isinstance(model, Invalid):
        known = KINDS.get((identity.group, identity.kind))
        unknown = unknown_fields(known, body) if known is not None else ()
        faults = _together([Fault(str(each)) for each in model.problems], official)
        return Refused(faults, _beside(faults, unknown))
    faults = _together(dict.fromkeys(_faults(model)), official)
    faults = in_their_parts(model, faults) if faults else faults
    served = without(model, faults) if faults else model
    if served is None:
        return Refused(faults, _beside(faults, filter(is_unknown, _without_effect(model, body))))
    return Admitted(body, served, _beside(faults, _without_effect(model, body)), faults)


def _beside(faults: tuple[Fault, ...], without_effect: Iterable[str]) -> tuple[str, ...]:
    """Leave out the fields that are faults themselves: nobody says of these that they have no effect."""
    places = _places(faults) if faults else set()
    return tuple(text for text in without_effect if text.partition(" (")[0] not in places)


def _places(faults: Iterable[Fault]) -> set[str]:
    return {fault.text.partition(":")[0] for fault in faults}


def _together(own: Iterable[Fault], official: Iterable[Problem]) -> tuple[Fault, ...]:
    """Put faults together, of two about the same field our own, whose words are those of all messages."""
    faults = tuple(own)
    places = _places(faults) if official else set()
    return (*faults, *(Fault(str(problem)) for problem in official if problem.path not in places))


def _faults(model: Resource) -> Iterator[Fault]:
    match model:
        case HTTPRoute():
            yield from route_faults(model)
        case Gateway():
            yield from _gateway_faults(model)
        case Upstream():
            yield from upstream_faults(model)
        case RouteOption():
            yield from route_option_faults(model)
        case FailoverPolicy():
            yield from failover_faults(model)
        case AuthConfig():
            yield from auth_config_faults(model)
        case Service() | EndpointSlice():
            yield from service_faults(model)
        case _:
            return


def _without_effect(model: Resource, body: Body) -> tuple[str, ...]:
    """Return the fields that have no effect: unknown ones with the probable name, then those that are not served."""
    if not isinstance(model, Upstream | RouteOption | FailoverPolicy | AuthConfig):
        return without_effect(type(model), body)
    if sets_served_fields_only(type(model), body):
        return (*unknown_metadata(body["metadata"]), *_unused(model))
    closing = unserved(model) if isinstance(model, RouteOption) else ()
    unknown = [text for text in unknown_fields(type(model), body) if text.partition(" (")[0] not in closing]
    return (*unknown, *unsupported_fields(model), *_unused(model))


def _unused(model: Resource) -> Iterator[str]:
    """Yield the fields that have no effect because other fields are missing or set."""
    match model:
        case RouteOption():
            yield from unused_retry_fields(model)
            yield from unserved_commands(model)
        case FailoverPolicy():
            yield from unused_under_envoy(model)
        case _:
            return


def _gateway_faults(gateway: Gateway) -> Iterator[Fault]:
    service_type = gateway.spec.infrastructure.annotations.get(SERVICE_TYPE)
    if service_type is not None and service_type not in SERVICE_TYPES:
        right = listed(SERVICE_TYPES, "or")
        yield Fault(f"spec.infrastructure.annotations[{SERVICE_TYPE}]: must be {right}; got {service_type!r}")
    names = [listener.name for listener in gateway.spec.listeners]
    for index, listener in enumerate(gateway.spec.listeners):
        if names.index(listener.name) != index:
            yield Fault(f"spec.listeners[{index}].name: {listener.name!r} is already the name of another listener")
        if listener.hostname:
            yield from hostname_faults(f"spec.listeners[{index}].hostname", listener.hostname)
