"""A rate limit that is over soon → 503, for a client whose API takes a 429 for the end.

Codex ends its session at the first 429 of the Responses API and asks again after a 503 (observed with 0.171.0). SDKs of
the other APIs ask again after both, so that their answers stay as they are.
"""

import math
from typing import Final

from switchover_dataplane.attempts.answer import Answer
from switchover_dataplane.classify import error_body
from switchover_dataplane.failover.outcome import Broken, ErrorClass, Outcome, Refused
from switchover_dataplane.formats import own_answers, own_errors
from switchover_dataplane.formats.api import Api
from switchover_dataplane.table.policies import Policy
from switchover_dataplane.upstream.decoded import coding

SOON: Final = 60.0
"""So many seconds a client may be asked to wait; a longer limit is one to tell its user of."""

_WHY: Final = "every model of this route is over its rate limit for the moment"


def try_later(
    api: Api | None, policy: Policy, outcome: Outcome | None, answer: Answer, returns: float | None
) -> Answer | None:
    """Return the answer with 503 and `Retry-After` in the place of a 429; None where that stays as it is.

    `returns` is in how many seconds the first target is back that cools down, None where that is not known. Where
    nothing tells how long the limit lasts, it is worth asking again. A written `retryOn` has answers handed on as they
    are. Neither a spent quota nor what is over a limit by itself comes back by waiting.
    """
    if api is not Api.RESPONSES or answer.status != 429 or policy.hands_on_unchanged:
        return None
    if not isinstance(outcome, (Refused, Broken)) or outcome.error_class is not ErrorClass.RATE_LIMITED:
        return None
    if outcome.scope == "request":
        return None
    wait = min((each for each in (outcome.retry_after, returns) if each is not None), default=0.0)
    if wait > SOON:
        return None
    headers = answer.headers.copy()
    headers["retry-after"] = str(max(1, math.ceil(wait)))
    if answer.rest is None and not coding(headers) and error_body.read({}, b"".join(answer.held)).is_error:
        return Answer(503, headers, held=answer.held)
    for name in ("content-length", "content-encoding", "transfer-encoding"):
        headers.popall(name, None)
    headers["content-type"] = "application/json"
    return Answer(503, headers, held=[own_answers.body(own_errors.RATE_LIMIT_EXCEEDED, _WHY)])
