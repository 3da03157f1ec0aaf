"""The group and kind of an object that is not read → whether they are a misspelt form of ones that are."""

from difflib import get_close_matches
from typing import Final

from switchover_operator.identity import Identity
from switchover_operator.key_shapes import without_keys
from switchover_operator.resources import KINDS
from switchover_operator.resources.gateway_api import GATEWAY_GROUP
from switchover_operator.schemas import official_kinds

OTHER_KINDS: Final = {
    "gloo.solo.io": ("Proxy", "Settings", "UpstreamGroup"),
    "gateway.solo.io": ("Gateway", "MatchableHttpGateway", "MatchableTcpGateway", "RouteTable", "VirtualService"),
    "gateway.gloo.solo.io": ("DirectResponse", "GatewayParameters"),
    "ratelimit.solo.io": ("RateLimitConfig",),
    "graphql.gloo.solo.io": ("GraphQLApi",),
    "networking.k8s.io": ("Ingress", "IngressClass", "NetworkPolicy"),
    "gateway.networking.x-k8s.io": ("XListenerSet", "XBackend", "XBackendTrafficPolicy", "XMesh", "XTelemetryPolicy"),
    "networking.istio.io": ("Gateway", "VirtualService", "DestinationRule", "ServiceEntry", "Sidecar"),
    "serving.knative.dev": ("Service", "Route", "Configuration", "Revision"),
}
"""Kinds that are close to ours in name and are real; what is one of them is not misspelt."""

_COMMON: Final = frozenset({"Gateway", "Service", "Secret", "Namespace"})
"""Names of kinds that other API groups have, too."""
_CLOSE: Final = 0.8


def misspelt(identity: Identity) -> str:
    """Say what an object's group or kind should be; "" where they are not a misspelt form of ones that are read."""
    group, kind = identity.group, identity.kind
    if (
        (group, kind) in KINDS
        or kind in OTHER_KINDS.get(group, ())
        or (group == GATEWAY_GROUP and kind in official_kinds())
    ):
        return ""
    groups = {known for known, _ in KINDS}
    here = [name for known, name in KINDS if known == group]
    meant = _closest(kind, here)
    if group in groups and meant:
        return f"kind: {without_keys(kind)} is no kind of {group or 'the core group'}; did you mean {meant}?"
    meant = _closest(kind, [name for _, name in KINDS])
    homes = [known for known, name in KINDS if name == meant]
    if meant == kind and meant not in _COMMON and (group in groups or group in OTHER_KINDS):
        return f"apiVersion: {meant} is a kind of {homes[0] or 'the core group'}, not of {group or 'the core group'}"
    if group in OTHER_KINDS:
        return ""
    near = get_close_matches(group, homes, n=1, cutoff=_CLOSE)
    if meant and near:
        right = f"{near[0]}, kind {meant}" if meant != kind else near[0]
        return f"apiVersion: there is no group {without_keys(group)}; did you mean {right}?"
    return ""


def _closest(kind: str, known: list[str]) -> str:
    if kind in known:
        return kind
    by_case = {name.lower(): name for name in known}
    plural = kind.lower().removesuffix("s")
    near = get_close_matches(plural, by_case, n=1, cutoff=_CLOSE)
    return by_case[near[0]] if near else ""
