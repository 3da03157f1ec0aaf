"""Every error that the gateway answers with itself: its code, its status, what it means and what to do about it.

The answers are made of these, and so is docs/reference/errors.md.
"""

from typing import Final, NamedTuple


class OwnError(NamedTuple):
    """One error. `code` and `status` are what a client reads; `meaning` and `remedy` are sentences for the page."""

    code: str
    status: int
    meaning: str
    remedy: str

    @property
    def kind(self) -> str:
        """OpenAI's `error.type`."""
        return "invalid_request_error" if self.status < 500 else "server_error"


# ── The request itself ──────────────────────────────────────────────────────────────────────────────────────────────

BAD_REQUEST: Final = OwnError(
    "bad_request",
    400,
    "The bytes are not HTTP/1.1, or two servers could read the request in two ways.",
    "Send plain HTTP/1.1, or HTTPS where the listener has a certificate. Send each field once that the message names.",
)
BAD_PATH: Final = OwnError(
    "bad_path",
    400,
    "The path cannot be read in one way only.",
    "Send a path without `..` above the root and with whole percent codes.",
)
INVALID_BODY: Final = OwnError(
    "invalid_body",
    400,
    "The body is not the JSON object that a model is asked with, or two parsers could read it in two ways.",
    "Correct the field that `error.param` and the message name ([rules](../requests.md#the-body)).",
)
NOT_CARRIED: Final = OwnError(
    "not_carried",
    400,
    "No model of the route can be asked without losing a part of the request, as their APIs have no place for it.",
    "Leave out the fields that the message names ([what each API carries](formats.md)), add a model that speaks the "
    "client's API, or set `onLoss: Allow` of a FailoverPolicy.",
)
INVALID_PAGE: Final = OwnError(
    "invalid_page",
    400,
    "A page of the list of models is asked for that there is not.",
    "Ask from the first page on, with the size and the place that the message names.",
)
METHOD_NOT_ALLOWED: Final = OwnError(
    "method_not_allowed",
    405,
    "The path is known, but not with this method.",
    "Use a method of the answer's field `allow`.",
)
HEAD_TIMEOUT: Final = OwnError(
    "head_timeout",
    408,
    "The request's head did not come in time.",
    "Look at the network between client and gateway. `--head-timeout` sets the limit.",
)
BODY_TIMEOUT: Final = OwnError(
    "body_timeout",
    408,
    "The request's body stopped, or came too slowly.",
    "Send the body without pauses. `--body-timeout` sets the limit.",
)
REQUEST_TOO_LARGE: Final = OwnError(
    "request_too_large",
    413,
    "The body is larger than the route allows.",
    "Send less, or raise `maxRequestBody` of a FailoverPolicy.",
)
URI_TOO_LONG: Final = OwnError("uri_too_long", 414, "The request line is too long.", "Move what is long into the body.")
UNSUPPORTED_CONTENT_ENCODING: Final = OwnError(
    "unsupported_content_encoding",
    415,
    "The gateway does not know the content coding of the body.",
    "Send the body without a coding, or with one of the answer's field `accept-encoding`.",
)
UPGRADE_REQUIRED: Final = OwnError(
    "upgrade_required",
    426,
    "The client asks for a WebSocket. Models are asked by HTTP/1.1 alone.",
    "Nothing, if the client goes on by HTTP, as Codex does. Else switch WebSockets off in the client.",
)
HEAD_TOO_LARGE: Final = OwnError(
    "head_too_large",
    431,
    "The head, one of its fields, or the number of its fields is too large.",
    "Send fewer or shorter fields, for example fewer cookies ([limits](limits.md)).",
)

# ── Who may ask, and for what ───────────────────────────────────────────────────────────────────────────────────────

MISSING_API_KEY: Final = OwnError(
    "missing_api_key",
    401,
    "The route asks for the key of an app, and the request has none.",
    "Send the key that [you gave the app](../access.md), as `Authorization: Bearer KEY`.",
)
INVALID_API_KEY: Final = OwnError(
    "invalid_api_key",
    401,
    "The request has a key, and it is none of those that the route accepts.",
    "Send the app's key of this gateway, and not the provider's. Look at the Secrets that the AuthConfig selects.",
)
ACCESS_CONTROL_NOT_SERVED: Final = OwnError(
    "access_control_not_served",
    403,
    "An object asks for an access control that Switchover does not serve, so that nobody is let in.",
    "Remove the field that the status names ([list](../access.md#unsupported-access-controls-close-the-route)).",
)
FOREIGN_PAGE: Final = OwnError(
    "foreign_page",
    403,
    "The port is on loopback, and a web page of another site sent the request, or its Host is no name of this machine.",
    "Use `localhost` or `127.0.0.1`, or a hostname of the listener or the route.",
)
OPERATION_NOT_ALLOWED: Final = OwnError(
    "operation_not_allowed",
    403,
    "A route to models serves what models do. This path is another part of the provider's API, such as files.",
    "Ask the provider itself, or set `operations: All` in a FailoverPolicy, for every caller of the route.",
)

# ── Where it goes ───────────────────────────────────────────────────────────────────────────────────────────────────

NO_ROUTE: Final = OwnError(
    "no_route",
    404,
    "No route matches the port, the host, the path, the method and the fields of the request.",
    "Compare the request with the matches that `switchover check` prints, or that the HTTPRoute has.",
)
NOT_SERVED: Final = OwnError(
    "not_served",
    404,
    "No model of the route serves this path in any API that the gateway translates to.",
    "Ask a route with models that speak the client's API, or use another operation "
    "([who serves what](formats.md#which-client-reaches-which-provider)). The message names the reasons.",
)
MODEL_NOT_FOUND: Final = OwnError(
    "model_not_found",
    404,
    "The client looks up a model that the route does not list.",
    "Compare the name with the list ([which models there are](../requests.md#which-models-there-are)).",
)
INTERNAL_ERROR: Final = OwnError(
    "internal_error",
    500,
    "The gateway itself failed.",
    "Search the log for the request's ID, and report the line.",
)
BACKEND_NOT_FOUND: Final = OwnError(
    "backend_not_found",
    500,
    "The rule matches, and its backend cannot be used: it is missing, refused, or needs a ReferenceGrant.",
    "Read the condition `ResolvedRefs` of the HTTPRoute, or the reason in the log.",
)
NOT_READY: Final = OwnError(
    "not_ready",
    503,
    "The data plane has no table yet.",
    "Wait until `/readyz` is 200. If it stays, look at the operator's log.",
)
TOO_MANY_CONNECTIONS: Final = OwnError(
    "too_many_connections",
    503,
    "The data plane has as many client connections as it may.",
    "Add data planes, or raise `--max-connections` and the limit of open files.",
)
OVERLOADED: Final = OwnError(
    "overloaded",
    503,
    "There is no room to hold the body, or the body came too slowly while others needed the room.",
    "Try again after `retry-after`. If it stays, raise `--replay-memory` or add data planes.",
)

# ── What the models did ─────────────────────────────────────────────────────────────────────────────────────────────

UPSTREAM_PROTOCOL_ERROR: Final = OwnError(
    "upstream_protocol_error",
    502,
    "The last model answered with something that is no answer: a page, half a body, or not HTTP.",
    "Read `detail` of the attempts in the log. Often the host or the base path of the target is wrong.",
)
UPSTREAM_UNREACHABLE: Final = OwnError(
    "upstream_unreachable",
    503,
    "No model could be connected to: refused, name not found, TLS failed, or the address is not allowed.",
    "Read `detail` of the attempts in the log, then look at host, port, DNS and the network's rules.",
)
UPSTREAM_RESET: Final = OwnError(
    "upstream_reset",
    503,
    "The connection to the last model broke before its answer.",
    "Try again. If it stays, look at what stands between gateway and provider.",
)
NO_TARGET: Final = OwnError(
    "no_target",
    503,
    "The Upstream has no target that could be tried.",
    "Read the Upstream's status: it says which targets were left out, and why.",
)
ALL_DISABLED: Final = OwnError(
    "all_disabled",
    503,
    "Somebody took every model of the route out of rotation.",
    "Remove the annotation or the entry of `disabledModels` ([drain](../how-to/drain-a-model.md)).",
)
RATE_LIMIT_EXCEEDED: Final = OwnError(
    "rate_limit_exceeded",
    503,
    "Every model is over its rate limit for a moment. Only the Responses API gets this in the place of a 429.",
    "Try again after `retry-after`; Codex does so by itself.",
)
UPSTREAM_TIMEOUT: Final = OwnError(
    "upstream_timeout",
    504,
    "No model answered in time. The message names the limit.",
    "Raise the limit that is named, or lower the one of the first models so that the next one has its turn.",
)
STREAM_INTERRUPTED: Final = OwnError(
    "stream_interrupted",
    503,
    "The answer broke off after its first content, and no other model could continue it. It is an event of the stream, "
    "as its status 200 was sent before.",
    "Send the request again. The message says why no model continued it ([streams](../failover.md#streams)).",
)

# ── Of the admin port and of the port for tables alone ──────────────────────────────────────────────────────────────

NOT_THIS_MACHINE: Final = OwnError(
    "not_this_machine",
    403,
    "Only the data plane's own machine may read this page of the admin port.",
    "Use a port-forward, or `--admin-open`.",
)
NOT_FOUND: Final = OwnError(
    "not_found", 404, "The admin port or the port for tables has no such path.", "See [admin API](admin.md)."
)
PARTS_MISSING: Final = OwnError(
    "parts_missing",
    409,
    "The operator pushed a part of the table, and the data plane lacks another part.",
    "Nothing: the operator pushes the whole table next.",
)
TABLE_TOO_LARGE: Final = OwnError(
    "table_too_large", 413, "The table that the operator pushed is too large.", "Serve fewer objects."
)

EVERY: Final = tuple(each for each in globals().copy().values() if isinstance(each, OwnError))
