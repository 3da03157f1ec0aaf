"""An exception while an answer is read → the reason of a failed attempt, and a line in the log.

Targets send whatever they like. What the gateway stumbles over is that answer's fault to the request, which another
target can serve, and the gateway's own to whoever reads the log.
"""

import logging
import traceback

log = logging.getLogger("switchover.answer")


def unreadable(error: Exception, target: str) -> str:
    """Log where `error` was raised and of which type; return its detail for the trace.

    Its text is left out, as it may quote the answer.
    """
    fields = {"target": target, "where": "".join(traceback.format_tb(error.__traceback__))}
    log.error("an answer of %s could not be read: %s", target, type(error).__name__, extra={"fields": fields})
    return f"the gateway could not read it: {type(error).__name__}"
