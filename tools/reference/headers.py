"""The header fields that the gateway reads and sets → docs/reference/headers.md."""

from collections.abc import Iterable

from reference.tables import code, table
from switchover_dataplane.routing import headers
from switchover_dataplane.routing.callers import CLIENT_FIELDS
from switchover_dataplane.telemetry import trace

_INTRODUCTION = """# Header fields

[Which parts of a request reach a model](../requests.md) has the rules and the reasons; this page lists the names.

"""


def page() -> str:
    """Write the page."""
    return "\n".join(
        (
            f"{_INTRODUCTION}## Of a request, read by the gateway\n\n{_table(_read())}",
            f"## Of a request, forwarded to a model\n\n{_names(headers.TO_MODELS)}, and every `x-stainless-*` whose "
            "name is not that of a credential. All others are dropped, unless a route or a RouteOption adds them.\n",
            f"## Set for a target\n\n{_table(_for_targets())}",
            f"## Dropped for every target\n\nFields for one connection: {_names(headers.HOP_BY_HOP)}, and those that "
            f"`connection` names. Envoy's fields by which a client would decide about attempts: "
            f"{_names(headers.RETRY_CONTROL)}.\n",
            f"## Allowed once\n\nA request with two of one of these is answered 400 `bad_request`: "
            f"{', '.join(map(code, headers.SINGLETONS))}.\n",
            f"## Of an answer, set by the gateway\n\n{_table(_of_answers())}",
        )
    )


def _read() -> dict[str, str]:
    return {
        _names(CLIENT_FIELDS, ordered=True): "the caller's key, on a route with [access control](../access.md); the "
        "`headerName` of an AuthConfig, too",
        "`x-request-id`": "the request's identifier, if there is one of up to 128 printable characters",
        "`host`": "the listener and the route; on loopback it has to name this machine",
        "`origin`, `sec-fetch-site`": "on loopback: whether a web page of another site asks",
        "`content-type`, `content-encoding`, `content-length`, `transfer-encoding`": "how the body is read",
        "`expect`": "`100-continue` is answered before the body is read",
        "`upgrade`": "a WebSocket reaches a plain backend, and is answered 426 for models; any other is ignored",
        "any other": "where a match of a rule or `%REQ(NAME)%` names it",
    }


def _for_targets() -> dict[str, str]:
    return {
        "`x-request-id`": "the same identifier at each attempt",
        "`accept-encoding`": "for models `identity`, as the gateway reads the answers",
        "`authorization`, `api-key`": "the credential of the target",
        "`x-forwarded-for`, `x-forwarded-proto`": "for plain backends: the client's address, appended, and the scheme",
    }


def _of_answers() -> dict[str, str]:
    return {
        "`x-request-id`": "the request's identifier: search the log for it",
        code(trace.ATTEMPTS_HEADER): "how many attempts were made",
        code(trace.SERVED_BY_HEADER): "PROVIDER/MODEL whose answer this is; `http` for a plain backend",
        "`retry-after`": "seconds until it is worth asking again, with 429 and 503, where that is known",
        "`www-authenticate`": "with 401: `Bearer`",
        "`allow`": "with 405: the methods",
        "`accept-encoding`": "with 415: the codings that are known",
        "`connection`": "`close` where the connection ends with the answer",
        "`date`, `server`": "as in RFC 9110, where the target sent none",
    }


def _table(rows: dict[str, str]) -> str:
    return table(("field", "meaning"), rows.items())


def _names(names: Iterable[str], *, ordered: bool = False) -> str:
    return ", ".join(map(code, names if ordered else sorted(names)))
