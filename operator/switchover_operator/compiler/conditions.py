"""One named constructor for each status condition: type, status, reason and message.

Reasons are those of the Gateway API where it has one (Gateway API reference, "Condition types and reasons"). No message
holds a credential or anything derived from one.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Literal

from switchover_operator.identity import Identity
from switchover_operator.key_shapes import without_keys

Status = Literal["True", "False", "Unknown"]

LONGEST_MESSAGE = 2000
"""Characters; Kubernetes allows 32 KiB, but nobody reads that."""

OWNED_TYPES = frozenset(
    {
        "Accepted",
        "ResolvedRefs",
        "Programmed",
        "Conflicted",
        "PartiallyInvalid",
        "UnsupportedField",
        "RetryPolicy",
        "WorstCase",
        "AccessControl",
        "OpenAccess",
        "Disabled",
        "Formats",
        "SupportedVersion",
        "ReferencedObjects",
    }
)
"""The types that Switchover writes. It removes one of these that no longer holds, and leaves all other types alone."""


@dataclass(frozen=True, slots=True)
class Condition:
    """One condition of a `.status`, without generation and time, which `status_merge` adds.

    Everything that looks like a key is masked in the message. `parts` are the messages that it joins, if it joins some.
    """

    type: str
    status: Status
    reason: str
    message: str
    parts: tuple[str, ...] = field(default=(), compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "message", without_keys(self.message))
        if self.parts:
            object.__setattr__(self, "parts", tuple(map(without_keys, self.parts)))

    @property
    def messages(self) -> tuple[str, ...]:
        """What it tells, each with its own path."""
        return self.parts or (self.message,)

    def followed_by(self, text: str) -> "Condition":
        """Return it with a text at the end of its message."""
        return _joining(self.type, self.status, self.reason, _with_last(self.messages, text))


def _joining(kind: str, status: Status, reason: str, messages: Iterable[str]) -> Condition:
    """Make a condition of several messages."""
    parts = tuple(dict.fromkeys(message for message in messages if message))
    return Condition(kind, status, reason, sentences(parts), parts if len(parts) > 1 else ())


def _with_last(messages: Iterable[str], text: str) -> tuple[str, ...]:
    """Add a text to the last message, as it is not about another place."""
    *first, last = messages
    return (*first, f"{last}; {text}" if text else last)


def merged(conditions: Iterable[Condition]) -> tuple[Condition, ...]:
    """Merge the conditions of each type: False wins over True, the first reason is kept, messages are joined.

    The message of a good condition is left out if there is another one.
    """
    kinds: dict[str, list[Condition]] = {}
    for condition in conditions:
        kinds.setdefault(condition.type, []).append(condition)
    return tuple(_one_of(several) for several in kinds.values())


def _one_of(several: Sequence[Condition]) -> Condition:
    if len(several) == 1 and len(several[0].message) <= LONGEST_MESSAGE:
        return several[0]
    worth_saying = [condition for condition in several if condition.reason != condition.type] or several
    ordered = sorted(worth_saying, key=lambda condition: condition.status != "False")
    messages = (message for condition in ordered for message in condition.messages)
    return _joining(ordered[0].type, ordered[0].status, ordered[0].reason, messages)


def sentences(messages: Iterable[str]) -> str:
    """Join messages, each once, and cut the text at `LONGEST_MESSAGE`."""
    text = "; ".join(dict.fromkeys(message for message in messages if message))
    return text if len(text) <= LONGEST_MESSAGE else f"{text[: LONGEST_MESSAGE - 4]} ..."


# ── Accepted ────────────────────────────────────────────────────────────────────────────────────────────────────────


_ACCEPTED = Condition("Accepted", "True", "Accepted", "accepted")


def accepted() -> Condition:
    """The object is understood and nothing of it was refused."""
    return _ACCEPTED


INVALID = "Invalid"
"""The reason of an object that is invalid whoever serves it."""


def invalid(problems: Iterable[str], last_good: str = "") -> Condition:
    """The object itself is invalid; `last_good` names the version that is served in its place."""
    return _joining("Accepted", "False", INVALID, _with_last(problems, last_good))


def unsupported_value(problems: Iterable[str], last_good: str = "") -> Condition:
    """The object uses a value of the API that is not served here (Gateway API: UnsupportedValue)."""
    return _joining("Accepted", "False", "UnsupportedValue", _with_last(problems, last_good))


def no_matching_parent(message: str) -> Condition:
    """The parentRef names a listener or a port that the Gateway does not have, or no Gateway at all."""
    return Condition("Accepted", "False", "NoMatchingParent", message)


def not_allowed_by_listeners(message: str) -> Condition:
    """The listeners that the parentRef names accept no such route from this namespace."""
    return Condition("Accepted", "False", "NotAllowedByListeners", message)


def no_matching_listener_hostname(message: str) -> Condition:
    """No hostname of the route matches one of the listeners."""
    return Condition("Accepted", "False", "NoMatchingListenerHostname", message)


def target_not_found(message: str) -> Condition:
    """The target of a policy does not exist."""
    return Condition("Accepted", "False", "TargetNotFound", message)


def superseded(path: str, winner: Identity) -> Condition:
    """Another policy of the same kind is attached to the same target and is older, or first by name."""
    text = f"{winner} is attached to the same target and has precedence; remove one of the two"
    return Condition("Accepted", "False", "Conflicted", f"{path}: {text}")


# ── Gateways and their listeners ────────────────────────────────────────────────────────────────────────────────────


def supported_version() -> Condition:
    """The GatewayClass is ours; it serves the Gateway API's standard channel."""
    return Condition("SupportedVersion", "True", "SupportedVersion", "Gateway API v1.2 and newer is served")


def invalid_parameters(message: str) -> Condition:
    """There is a parametersRef, but parameters are not supported."""
    return Condition("Accepted", "False", "InvalidParameters", message)


def unsupported_address(message: str) -> Condition:
    """The Gateway requests an address of an unsupported type."""
    return Condition("Accepted", "False", "UnsupportedAddress", message)


def listeners_not_valid(listeners: Sequence[str], *, some_serve: bool) -> Condition:
    """Some or all listeners are not served; the Gateway is accepted if at least one is."""
    verb, whose = ("is", "its") if len(listeners) == 1 else ("are", "their")
    message = f"{', '.join(listeners)} {verb} not served; {whose} own conditions give the reasons"
    return Condition("Accepted", "True" if some_serve else "False", "ListenersNotValid", message)


def invalid_listener(message: str) -> Condition:
    """The listener contradicts itself; the others of its Gateway are served."""
    return Condition("Accepted", "False", "Invalid", message)


def unsupported_protocol(message: str) -> Condition:
    """The protocol of the listener is neither HTTP nor HTTPS with TLS terminated here."""
    return Condition("Accepted", "False", "UnsupportedProtocol", message)


def not_conflicted() -> Condition:
    """No other listener has the same port and hostname."""
    return Condition("Conflicted", "False", "NoConflicts", "no other listener conflicts with it")


def hostname_conflict(message: str) -> tuple[Condition, ...]:
    """Another listener has the same hostname and port."""
    return _conflict("HostnameConflict", message)


def protocol_conflict(message: str) -> tuple[Condition, ...]:
    """Another listener has another protocol on the same port."""
    return _conflict("ProtocolConflict", message)


def _conflict(reason: str, message: str) -> tuple[Condition, ...]:
    return Condition("Accepted", "False", reason, message), Condition("Conflicted", "True", reason, message)


# ── ResolvedRefs ────────────────────────────────────────────────────────────────────────────────────────────────────


_REFS_RESOLVED = Condition("ResolvedRefs", "True", "ResolvedRefs", "all references are resolved")


def refs_resolved() -> Condition:
    """All references of the object are resolved and permitted."""
    return _REFS_RESOLVED


def secret_not_found(message: str) -> Condition:
    """A Secret that a target needs does not exist."""
    return Condition("ResolvedRefs", "False", "SecretNotFound", message)


def invalid_secret(message: str) -> Condition:
    """A Secret exists but does not hold what is needed."""
    return Condition("ResolvedRefs", "False", "InvalidSecret", message)


def ref_not_permitted(message: str) -> Condition:
    """A reference crosses namespaces and no ReferenceGrant allows it."""
    return Condition("ResolvedRefs", "False", "RefNotPermitted", message)


def target_not_allowed(message: str) -> Condition:
    """A target has an address that is not allowed, such as a link-local one."""
    return Condition("ResolvedRefs", "False", "TargetNotAllowed", message)


def backend_not_found(message: str) -> Condition:
    """The object that a backendRef, a filter or a kube Upstream names does not exist."""
    return Condition("ResolvedRefs", "False", "BackendNotFound", message)


def invalid_backend(message: str) -> Condition:
    """The object that a backendRef names exists but is not served itself."""
    return Condition("ResolvedRefs", "False", "InvalidBackend", message)


def invalid_kind(message: str) -> Condition:
    """A reference names a group and kind that are not allowed there."""
    return Condition("ResolvedRefs", "False", "InvalidKind", message)


def unsupported_backend_protocol(message: str) -> Condition:
    """The protocol of a Service's port is not served here."""
    return Condition("ResolvedRefs", "False", "UnsupportedProtocol", message)


def invalid_certificate_ref(message: str) -> Condition:
    """A certificateRef leads to no usable key pair."""
    return Condition("ResolvedRefs", "False", "InvalidCertificateRef", message)


def invalid_route_kinds(message: str) -> Condition:
    """A listener names a kind of route that is not served here."""
    return Condition("ResolvedRefs", "False", "InvalidRouteKinds", message)


# ── Served differently than written ───────────────────────────────────────────────────────────────────────────


def fields_without_effect(fields: Sequence[str]) -> Condition:
    """The object sets fields that have no effect; all of them are named."""
    verb = "has" if len(fields) == 1 else "have"
    message = sentences([f"{', '.join(fields)} {verb} no effect"])
    parts = tuple(f"{field} has no effect" for field in fields)
    return Condition("UnsupportedField", "True", "UnsupportedField", message, parts)


def access_by_key(message: str) -> Condition:
    """Requests need the API key of a caller."""
    return Condition("AccessControl", "True", "ApiKeys", message)


def access_control_not_served(message: str) -> Condition:
    """An access control is written that is not served here: requests that it is for are answered 403."""
    return Condition("AccessControl", "False", "NotServed", message)


def open_access(message: str) -> Condition:
    """Anybody who reaches the Gateway can use a provider's key."""
    return Condition("OpenAccess", "True", "NoAccessControl", message)


def disabled(message: str) -> Condition:
    """Somebody took targets out of rotation; the message says which, and why."""
    return Condition("Disabled", "True", "Disabled", message)


def formats(messages: Iterable[str]) -> Condition:
    """Which APIs of clients reach which target as they are, and which are translated."""
    return _joining("Formats", "True", "Formats", messages)


def partially_invalid(reason: str, problems: Iterable[str]) -> Condition:
    """Some parts of the object are not served (targets, rules, ports); the others are."""
    return _joining("PartiallyInvalid", "True", reason, problems)


def policy_not_accepted(message: str) -> Condition:
    """A policy of this route is refused; the message names it and what is served instead."""
    return Condition("RetryPolicy", "False", "PolicyNotAccepted", message)


def policy_overridden(message: str) -> Condition:
    """Two policies set the same; the message names the one that has precedence."""
    return Condition("RetryPolicy", "True", "Overridden", message)


def default_triggers(message: str) -> Condition:
    """A written policy names no trigger, so the default ones apply."""
    return Condition("RetryPolicy", "True", "DefaultTriggers", message)


def worst_case(message: str) -> Condition:
    """The largest number of attempts under a written policy, and the latest start of the last one."""
    return Condition("WorstCase", "True", "Computed", message)


def deadline_too_short(message: str) -> Condition:
    """The deadline of a request may end it before all attempts that its policy allows."""
    return Condition("WorstCase", "False", "DeadlineTooShort", message)


def referenced_objects(findings: Iterable[str]) -> Condition:
    """There are findings about objects that the route uses and that have no status of their own."""
    return _joining("ReferencedObjects", "False", "Reported", findings)


# ── Programmed ──────────────────────────────────────────────────────────────────────────────────────────────────────


def programmed() -> Condition:
    """Every ready data plane serves the object."""
    return Condition("Programmed", "True", "Programmed", "every ready data plane serves it")


def not_programmed(message: str) -> Condition:
    """The object is not served; its other conditions give the reasons."""
    return Condition("Programmed", "False", "Invalid", message)


def pending(message: str) -> Condition:
    """The data planes have not acknowledged the object yet."""
    return Condition("Programmed", "False", "Pending", message)


def refused(message: str) -> Condition:
    """A data plane refused the revision with the object; the message gives its reason."""
    return Condition("Programmed", "False", "Refused", message)


def address_not_usable(message: str) -> Condition:
    """The Gateway requests an address that it cannot get (Gateway API: AddressNotUsable)."""
    return Condition("Programmed", "False", "AddressNotUsable", message)


def address_not_assigned(message: str) -> Condition:
    """The Gateway's Service has no address yet, or does not exist."""
    return Condition("Programmed", "False", "AddressNotAssigned", message)
