"""The measured sequences of Envoy 1.40 (`vectors/envoy-retry.json`) as cases: policy, pools, behaviours, expectation.

What a case needs and does not carry stands here as a rule on its name or group, never as a list of exceptions.
"""

import json
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from as_written import retries as retries_block
from switchover_dataplane.table.policies import BackOff, CoolDown, Policy, RateLimitedBackOff, ResetHeader

ENVOY_ROUTE_TIMEOUT = 15.0
ENVOY_BODY_LIMIT = 1024 * 1024


@dataclass(frozen=True)
class Case:
    """One measured request: what it meets at each label, and what Envoy then did.

    `pace` stretches its pauses and limits alike, for machines on which a short limit would pass by itself.
    """

    name: str
    group: str
    priorities: list[list[str]]
    retries: dict[str, Any]
    behaviours: dict[str, Any]
    order: list[str]
    client_status: int | None
    pace: float = 1.0

    def behaviour(self, label: str, request: int) -> dict[str, Any]:
        """What the label does at its `request`-th request, from 0; the last behaviour of a list sticks."""
        found = self.behaviours.get(label)
        if found is None:
            dead = {"blackhole": "blackhole"}.get(label, "nothing listens" if label.startswith("refused") else None)
            return {"mode": dead} if dead else {"status": 200}
        listed = found if isinstance(found, list) else [found]
        chosen = dict(listed[min(request, len(listed) - 1)])
        return chosen | {name: chosen[name] * self.pace for name in ("delay", "gap") if name in chosen}

    @property
    def update_frequency(self) -> int | None:
        """Attempts per priority; None where `previousPriorities` is not written."""
        found: int | None = self.retries.get("previousPriorities", {}).get("updateFrequency")
        return found

    @property
    def body_size(self) -> int:
        """Bytes of padding in the request's body, from the case's name."""
        size = re.match(r"body\.(\d+)([km])\b", self.name)
        return int(size[1]) * {"k": 1024, "m": 1024 * 1024}[size[2]] if size else 0

    @property
    def is_hedged(self) -> bool:
        return "hedge" in self.name

    @property
    def client_leaves_after(self) -> float | None:
        return 0.2 * self.pace if "client_disconnect" in self.name else None

    @property
    def is_timed(self) -> bool:
        """Whether a limit runs out in it that must not run out anywhere else."""
        return self.name.endswith(".per_try_timeout") or self.group == "5 timeouts" or bool(self.client_leaves_after)

    def at_pace(self, pace: float) -> "Case":
        """The same case, slower."""
        return replace(self, pace=pace)


def load() -> list[Case]:
    text = (Path(__file__).parent / "vectors" / "envoy-retry.json").read_text()
    return [
        Case(
            name=raw["name"],
            group=raw["group"],
            priorities=raw["priorities"],
            retries=raw["retries"],
            behaviours=raw["behaviours"],
            order=raw.get("order_with_dead", raw["order"]),
            client_status=raw.get("client_status"),
        )
        for raw in json.loads(text)
    ]


def policy(case: Case, semantics: Any) -> Policy:
    """The policy that the compiler makes of the case's `retries`, with the settings that its measurement had.

    There nothing was remembered of an earlier request.
    """
    retries = case.retries
    base = _seconds(retries.get("retryBackOff", {}).get("baseInterval", "0.025s"))
    longest = retries.get("retryBackOff", {}).get("maxInterval")
    limited = retries.get("rateLimitedRetryBackOff")
    tokens = tuple(filter(None, (token.strip() for token in retries.get("retryOn", "").split(","))))
    written = retries_block(
        semantics=semantics,
        attempts=retries.get("numRetries", 1) + 1,
        tokens=tokens or None,
        status_codes=tuple(retries.get("retriableStatusCodes", ())),
        update_frequency=case.update_frequency,
        per_try_timeout=_per_try_timeout(case),
        back_off=BackOff(base, _seconds(longest) if longest else 10 * base),
        rate_limited_back_off=limited and _limited(limited),
        timeout=_route_timeout(case),
        cool_down=CoolDown(base=0.0),
    )
    return written.resolved_for_pools([len(pool) for pool in case.priorities])


def _per_try_timeout(case: Case) -> float:
    if case.name.startswith("retry_on.") and case.name.endswith(".per_try_timeout"):
        return 0.08 * case.pace
    return _seconds(case.retries.get("perTryTimeout", "0s")) * case.pace


def _route_timeout(case: Case) -> float:
    shortened = {"bigger_than_route_timeout": 0.3, "route.during_stream": 0.45}
    return next((value * case.pace for part, value in shortened.items() if part in case.name), ENVOY_ROUTE_TIMEOUT)


def _limited(block: dict[str, Any]) -> RateLimitedBackOff:
    headers = tuple(ResetHeader(header["name"].lower(), header["format"]) for header in block["resetHeaders"])
    return RateLimitedBackOff(headers, _seconds(block.get("maxInterval", "300s")))


def _seconds(text: str) -> float:
    return float(text.removesuffix("s"))


def headers_of(case: Case) -> dict[str, str]:
    """The headers that a case of the group `hdr` sends, as Envoy would act on from a client that it trusts."""
    sent = {
        "max_retries": {"x-envoy-max-retries": "1"},
        "retry_on": {"x-envoy-retry-on": "5xx"},
        "retriable_status_codes": {"x-envoy-retriable-status-codes": "418"},
        "rq_timeout": {"x-envoy-upstream-rq-timeout-ms": "200"},
        "per_try_timeout_ms": {"x-envoy-upstream-rq-per-try-timeout-ms": "150"},
        "retriable_header_names": {"x-envoy-retriable-header-names": "x-overload"},
        "attempt_count": {"x-envoy-attempt-count": "7"},
    }
    part = case.name.removeprefix("hdr.") if case.name.startswith("hdr.") else ""
    return next((headers for start, headers in sent.items() if part.startswith(start)), {})
