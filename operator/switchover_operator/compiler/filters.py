"""HTTPRoute filters and the options of RouteOptions → the `Filters` of a rule and of its backends."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

import msgspec

from switchover_dataplane.table import rules
from switchover_dataplane.table.rules import (
    NO_FILTERS,
    BodyDefault,
    BodyEdit,
    Filters,
    Header,
    HeaderEdit,
    Redirect,
    Rewrite,
    ValuePart,
)
from switchover_operator.compiler import header_operators
from switchover_operator.compiler.conditions import Condition
from switchover_operator.compiler.credentials import header_values
from switchover_operator.compiler.resolve import Catalogue
from switchover_operator.compiler.route_options import RuleOptions
from switchover_operator.identity import Identity
from switchover_operator.resources.gateway_api import (
    HeaderModifier,
    HttpHeader,
    HttpPathModifier,
    HttpRouteFilter,
    RequestRedirect,
    UrlRewrite,
)
from switchover_operator.resources.route_option import (
    AiOptions,
    HeaderManipulation,
    HeaderValue,
    PromptMessage,
    RouteOptions,
)

CONFIDENTIAL_HEADERS = frozenset(
    {"authorization", "proxy-authorization", "api-key", "x-api-key", "x-goog-api-key", "cookie", "set-cookie"}
)
"""Headers whose values are always credentials: a table dump must not show them."""


@dataclass(frozen=True, slots=True)
class BuiltFilters:
    """Filters of the table and their secrets. `failure`: they cannot be made, so no request of the rule is served."""

    filters: Filters = NO_FILTERS
    secrets: Mapping[str, str] = field(default_factory=dict)
    failure: Condition | None = None
    notes: tuple[str, ...] = ()


_NOTHING = BuiltFilters(NO_FILTERS)


def rule_filters(
    catalogue: Catalogue, owner: str, given: Iterable[HttpRouteFilter], options: RuleOptions
) -> BuiltFilters:
    """Make the filters of the rule `owner`: its own, then those of RouteOptions."""
    written = written_filters(owner, given)
    if not options.sources:
        return written
    manipulation = options.options.header_manipulation
    edits = BuiltFilters()
    if manipulation is not None:
        edits = _manipulation(catalogue, options.sources["header_manipulation"], manipulation)
    rewrite, notes = _with_options(written.filters.rewrite, options.options)
    filters = msgspec.structs.replace(
        written.filters,
        request_headers=written.filters.request_headers + edits.filters.request_headers,
        response_headers=written.filters.response_headers + edits.filters.response_headers,
        rewrite=rewrite,
    )
    return BuiltFilters(filters, {**written.secrets, **edits.secrets}, edits.failure, notes)


def written_filters(owner: str, given: Iterable[HttpRouteFilter]) -> BuiltFilters:
    """Make the filters that an HTTPRoute has at a rule or a backendRef, which `owner` names."""
    request: list[HeaderEdit] = []
    response: list[HeaderEdit] = []
    rewrite: Rewrite | None = None
    redirect: Redirect | None = None
    secrets: dict[str, str] = {}
    for each in given:
        if each.request_header_modifier is not None:
            request.append(_modifier(owner, each.request_header_modifier, secrets))
        if each.response_header_modifier is not None:
            response.append(_modifier(owner, each.response_header_modifier, secrets))
        if each.url_rewrite is not None:
            rewrite = _rewrite(each.url_rewrite)
        if each.request_redirect is not None:
            redirect = _redirect(each.request_redirect)
    if not (request or response or rewrite or redirect):
        return _NOTHING
    return BuiltFilters(Filters(tuple(request), tuple(response), rewrite, redirect), secrets)


def body_edit(ai: AiOptions | None) -> BodyEdit | None:
    """Gloo's `options.ai` → the edit of an LLM request's body; None if there is none."""
    if ai is None:
        return None
    defaults = tuple(
        BodyDefault(each.field, msgspec.json.encode(each.value).decode(), each.override) for each in ai.defaults
    )
    enrichment = ai.prompt_enrichment
    prepend = _messages(enrichment.prepend) if enrichment else ()
    append = _messages(enrichment.append) if enrichment else ()
    return BodyEdit(defaults, prepend, append) if defaults or prepend or append else None


def _messages(given: Iterable[PromptMessage]) -> tuple[rules.PromptMessage, ...]:
    return tuple(rules.PromptMessage(message.role.lower(), message.content) for message in given)


# ── Headers ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def _modifier(owner: str, modifier: HeaderModifier, secrets: dict[str, str]) -> HeaderEdit:
    return HeaderEdit(
        set=_headers(owner, modifier.set, secrets),
        add=_headers(owner, modifier.add, secrets),
        remove=tuple(name.lower() for name in modifier.remove),
    )


def _headers(owner: str, headers: Iterable[HttpHeader], secrets: dict[str, str]) -> tuple[Header, ...]:
    return tuple(_header(owner, header.name, header.value, secrets) for header in headers)


def _added(owner: str, header: HeaderValue, secrets: dict[str, str], *, of_answer: bool) -> Iterator[Header]:
    """Make a header of headerManipulation; nothing where an operator in its value is not served."""
    value = header_operators.read(header.value, of_answer=of_answer)
    if value.unserved:
        return
    if not any(part.operator for part in value.parts):
        yield _header(owner, header.key, "".join(part.text for part in value.parts), secrets)
        return
    name = header.key.lower()
    yield Header(name, parts=tuple(_part(owner, name, part, secrets) for part in value.parts))


def _part(owner: str, name: str, part: ValuePart, secrets: dict[str, str]) -> ValuePart:
    """Return a part of a value; the text of a credential goes to `secrets`."""
    if part.operator or name not in CONFIDENTIAL_HEADERS:
        return part
    return ValuePart(secret=_header(owner, name, part.text, secrets).secret)


def _header(owner: str, name: str, value: str, secrets: dict[str, str]) -> Header:
    """Make a header; the value of a credential goes to `secrets`."""
    name = name.lower()
    if name not in CONFIDENTIAL_HEADERS:
        return Header(name, value)
    key = f"{owner}/{name}"
    if secrets.get(key, value) != value:
        key = f"{key}/{len(secrets)}"
    secrets[key] = value
    return Header(name, secret=key)


def _manipulation(catalogue: Catalogue, option: Identity, given: HeaderManipulation) -> BuiltFilters:
    """Apply Gloo's headerManipulation; removal comes first, as in Envoy."""
    owner = str(option)
    secrets: dict[str, str] = {}
    added: list[Header] = []
    replaced: list[Header] = []
    for index, entry in enumerate(given.request_headers_to_add):
        headers = replaced if entry.append is False else added
        if entry.header is not None:
            headers += _added(owner, entry.header, secrets, of_answer=False)
        if entry.header_secret_ref is not None:
            ref = entry.header_secret_ref
            path = f"spec.options.headerManipulation.requestHeadersToAdd[{index}].headerSecretRef"
            values, failure = header_values(catalogue, option, path, ref.namespace or option.namespace, ref.name)
            if failure is not None:
                return BuiltFilters(failure=failure)
            headers += [Header(name, secret=key) for name, (key, _) in values.items()]
            secrets |= dict(values.values())
    request = _edits(given.request_headers_to_remove, replaced, added)
    answers_added: list[Header] = []
    answers_replaced: list[Header] = []
    for each in given.response_headers_to_add:
        headers = answers_replaced if each.append is False else answers_added
        headers += _added(owner, each.header, secrets, of_answer=True)
    response = _edits(given.response_headers_to_remove, answers_replaced, answers_added)
    return BuiltFilters(Filters(request, response), secrets)


def _edits(remove: Iterable[str], replaced: Iterable[Header], added: Iterable[Header]) -> tuple[HeaderEdit, ...]:
    removal = HeaderEdit(remove=tuple(name.lower() for name in remove))
    writing = HeaderEdit(set=tuple(replaced), add=tuple(added))
    return tuple(edit for edit in (removal, writing) if edit != HeaderEdit())


# ── Host and path ───────────────────────────────────────────────────────────────────────────────────────────────────


def _rewrite(given: UrlRewrite) -> Rewrite:
    full, prefix = _path(given.path)
    return Rewrite((given.hostname or "").lower(), full, prefix)


def _redirect(given: RequestRedirect) -> Redirect:
    full, prefix = _path(given.path)
    return Redirect(
        given.status_code, given.scheme or "", (given.hostname or "").lower(), given.port or 0, full, prefix
    )


def _path(modifier: HttpPathModifier | None) -> tuple[str | None, str | None]:
    """A path modifier → (the full path, the prefix), at most one of them set."""
    if modifier is None:
        return None, None
    if modifier.type == "ReplaceFullPath":
        return modifier.replace_full_path, None
    return None, modifier.replace_prefix_match


def _with_options(rewrite: Rewrite | None, options: RouteOptions) -> tuple[Rewrite | None, tuple[str, ...]]:
    """Add the rewrites of RouteOptions that the route itself does not set."""
    own = rewrite or Rewrite()
    notes: list[str] = []
    host, prefix, regex = options.host_rewrite, options.prefix_rewrite, options.regex_rewrite
    if host is not None and own.hostname:
        notes.append("the route's own urlRewrite.hostname wins over a RouteOption's hostRewrite")
    elif host is not None:
        own = msgspec.structs.replace(own, hostname=host)
    writes_path = own.full_path is not None or own.prefix is not None
    if writes_path and (prefix is not None or regex is not None):
        notes.append("the route's own urlRewrite.path wins over a RouteOption's rewrite of the path")
    elif prefix is not None:
        own = msgspec.structs.replace(own, prefix=prefix)
    elif regex is not None:
        own = msgspec.structs.replace(own, regex=(regex.pattern.regex, regex.substitution))
    return (None if own == Rewrite() else own), tuple(notes)
