"""`retryOn` texts → trigger tokens, and which of them nobody knows."""

from collections.abc import Iterable
from difflib import get_close_matches

from switchover_operator.resources.triggers import RETRY_ON

_ORDINARY = ("5xx", "gateway-error", "connect-failure", "retriable-status-codes", "rate-limited", "server-error")


def tokens(retry_on: str) -> tuple[str, ...]:
    """Split a text as Envoy does: commas separate, spaces round a token and empty tokens are ignored."""
    return tuple(dict.fromkeys(filter(None, (token.strip(" \t") for token in retry_on.split(",")))))


def unknown(given: Iterable[str]) -> dict[str, str]:
    """Each token that nobody knows → what is right instead, as words that follow it."""
    return {token: _right(token) for token in given if token not in RETRY_ON}


def _right(token: str) -> str:
    if token.isdigit():
        return f"write retriable-status-codes, and {token} under retriableStatusCodes"
    close = get_close_matches(token.lower().replace("_", "-"), RETRY_ON, n=2, cutoff=0.6)
    if close:
        return f"did you mean {' or '.join(close)}?"
    return f"known are {', '.join(_ORDINARY)} and others"
