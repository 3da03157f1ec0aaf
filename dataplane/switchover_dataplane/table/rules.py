"""What is done with a request: what is changed in it, and the upstreams that it may go to."""

from typing import Annotated, Literal

import msgspec

from switchover_dataplane.table.fields import Frozen, Natural

Operator = Literal[
    "",
    "DOWNSTREAM_DIRECT_REMOTE_ADDRESS",
    "DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT",
    "DOWNSTREAM_DIRECT_REMOTE_PORT",
    "DOWNSTREAM_LOCAL_ADDRESS",
    "DOWNSTREAM_LOCAL_ADDRESS_WITHOUT_PORT",
    "DOWNSTREAM_LOCAL_PORT",
    "DOWNSTREAM_REMOTE_ADDRESS",
    "DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT",
    "DOWNSTREAM_REMOTE_PORT",
    "DURATION",
    "HOSTNAME",
    "PROTOCOL",
    "REQ",
    "RESP",
    "RESPONSE_CODE",
    "ROUTE_NAME",
    "START_TIME",
    "UPSTREAM_CLUSTER",
    "UPSTREAM_HOST",
    "UPSTREAM_REQUEST_ATTEMPT_COUNT",
]
"""The command operators of Envoy that are served ("Substitution Formatter")."""


class ValuePart(Frozen, frozen=True):
    """A part of a header's value: a `text`, the text `Table.secrets[secret]`, or what an `operator` says of a request.

    `argument` is what it says it of: the name of a header in lower case, or the format of a time. `otherwise` is the
    name of the header that is taken where the first is missing. `longest` is in characters.
    """

    text: str = ""
    secret: str = ""
    operator: Operator = ""
    argument: str = ""
    otherwise: str = ""
    longest: Natural | None = None


class Header(Frozen, frozen=True):
    """A header to write. With `secret`, its value is `Table.secrets[secret]` and `value` is empty.

    With `parts`, its value is made of them for each request; it is not written where that is empty.
    """

    name: str
    value: str = ""
    secret: str = ""
    parts: tuple[ValuePart, ...] = ()


class HeaderEdit(Frozen, frozen=True):
    """Gateway API header modifier: `set` replaces, `add` appends, `remove` drops; names are lower case."""

    set: tuple[Header, ...] = ()
    add: tuple[Header, ...] = ()
    remove: tuple[str, ...] = ()


class Rewrite(Frozen, frozen=True):
    """URLRewrite (and Gloo's prefixRewrite, regexRewrite, hostRewrite). At most one of the path fields is set.

    `prefix` replaces the prefix that matched; `regex` is (pattern, substitution) on the path without its query.
    """

    hostname: str = ""
    full_path: str | None = None
    prefix: str | None = None
    regex: tuple[str, str] | None = None


class Redirect(Frozen, frozen=True):
    """RequestRedirect; an empty field keeps the request's own. `port` 0: as the scheme or the listener says."""

    status: Literal[301, 302, 303, 307, 308] = 302
    scheme: Literal["", "http", "https"] = ""
    hostname: str = ""
    port: Annotated[int, msgspec.Meta(ge=0, le=65535)] = 0
    full_path: str | None = None
    prefix: str | None = None


class BodyDefault(Frozen, frozen=True):
    """Gloo `options.ai.defaults[]`: `value` is JSON text; an existing field stays unless `override`."""

    field: str
    value: str
    override: bool = False


class PromptMessage(Frozen, frozen=True):
    """Gloo `options.ai.promptEnrichment.prepend[]` and `.append[]`."""

    role: str
    content: str


class BodyEdit(Frozen, frozen=True):
    """What happens to the JSON body of an AI request before a model is chosen."""

    defaults: tuple[BodyDefault, ...] = ()
    prepend: tuple[PromptMessage, ...] = ()
    append: tuple[PromptMessage, ...] = ()


class Filters(Frozen, frozen=True):
    """All that changes a request on its way to a backend and an answer on its way back."""

    request_headers: tuple[HeaderEdit, ...] = ()
    response_headers: tuple[HeaderEdit, ...] = ()
    rewrite: Rewrite | None = None
    redirect: Redirect | None = None
    body: BodyEdit | None = None


NO_FILTERS = Filters()
"""The one default: a table that refers to it takes no room for it."""


class Backend(Frozen, frozen=True):
    """One weighted choice of a rule: an upstream under a policy, or the reason why there is none (answered 500)."""

    weight: Natural = 1
    upstream: str = ""
    policy: str = ""
    filters: Filters = NO_FILTERS
    problem: str = ""


class Rule(Frozen, frozen=True):
    """One rule of one HTTPRoute. `route` is NAMESPACE/NAME, `name` the rule's own name or its index.

    `access` is a key of `Table.access`; with "" everybody may ask.
    """

    route: str
    name: str
    filters: Filters = NO_FILTERS
    backends: tuple[Backend, ...] = ()
    access: str = ""
