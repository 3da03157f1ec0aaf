"""`retryOn` texts → trigger tokens, and which of them nobody knows."""

from collections.abc import Iterable, Sequence
from difflib import get_close_matches

from switchover_operator.resources.triggers import LISTED, OF_POLICY, RETRY_ON

_ORDINARY = ("5xx", "gateway-error", "connect-failure", "retriable-status-codes", "rate-limited", "server-error")


def tokens(retry_on: str) -> tuple[str, ...]:
    """Split a text as Envoy does: commas separate, spaces round a token and empty tokens are ignored."""
    return tuple(dict.fromkeys(filter(None, (token.strip(" \t") for token in retry_on.split(",")))))


def unknown(given: Iterable[str]) -> dict[str, str]:
    """Each token of a RouteOption that nobody knows → what is right instead, as words that follow it."""
    return {token: _right(token, RETRY_ON) for token in given if token not in RETRY_ON}


def unknown_of_policy(given: Iterable[str]) -> dict[str, str]:
    """The same for a FailoverPolicy, which has no lists of statuses and headers."""
    return {token: _right_of_policy(token) for token in given if token not in OF_POLICY}


def _right_of_policy(token: str) -> str:
    if token in LISTED:
        return "a FailoverPolicy has no list to go with it; name error classes instead, as rate-limited"
    if token.isdigit():
        return (
            "a FailoverPolicy has no list of statuses; name error classes instead, as rate-limited for 429, or write "
            "retries in a RouteOption"
        )
    return _right(token, OF_POLICY)


def _right(token: str, known: Sequence[str]) -> str:
    if token.isdigit():
        return f"write retriable-status-codes, and {token} under retriableStatusCodes"
    close = get_close_matches(token.lower().replace("_", "-"), known, n=2, cutoff=0.6)
    if close:
        return f"did you mean {' or '.join(close)}?"
    return f"known are {', '.join(word for word in _ORDINARY if word in known)} and others"
