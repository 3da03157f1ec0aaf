"""FailoverPolicy `coolDown` and Gloo `outlierDetection` → the rule by which failing targets cool down."""

from switchover_dataplane.table.policies import CoolDown
from switchover_operator.resources.failover_policy import FailoverPolicySpec
from switchover_operator.resources.upstream_settings import OutlierDetection

_NEVER = 2**32
"""A number of consecutive failures that is never reached."""


def cool_down(spec: FailoverPolicySpec | None, outliers: OutlierDetection | None) -> dict[str, CoolDown]:
    """Return the field `cool_down` of a policy; `outlierDetection` of the Upstream has precedence. {}: the default.

    Under Envoy's semantics it is off unless written, as Envoy remembers nothing.
    """
    default = CoolDown()
    envoy = spec is not None and spec.retry_semantics == "Envoy"
    written = spec.cool_down if spec is not None else None
    if outliers is not None:
        return {"cool_down": _as_outlier_detection(outliers, envoy=envoy)}
    if written is not None:
        after = default.after if written.after is None else written.after
        longest = default.max if written.max is None else written.max
        # If only `max` is set, `base` must not exceed it.
        base = min(default.base, longest) if written.base is None else written.base
        return {"cool_down": CoolDown(after, base, max(base, longest))}
    return {"cool_down": CoolDown(base=0.0)} if envoy else {}


def _as_outlier_detection(outliers: OutlierDetection, *, envoy: bool) -> CoolDown:
    """Read Gloo's `outlierDetection` with Envoy's defaults (Envoy API, OutlierDetection).

    Unlike in Envoy, repeated ejections are capped at the normal maximum, not at five minutes.
    """
    base = outliers.base_ejection_time or 30.0
    after = 5 if outliers.consecutive_5xx is None else outliers.consecutive_5xx
    percent = outliers.max_ejection_percent
    return CoolDown(
        after=after or _NEVER,
        base=base,
        max=max(base, CoolDown().max),
        growth="multiple",
        interval=outliers.interval or 10.0,
        max_ejection_percent=10.0 if percent is None else percent,
        server_errors_only=envoy,
        plain_5xx=True,
    )
