"""Which API reaches which provider, and what each format cannot carry → docs/reference/formats.md.

Nothing of a cell is written here: each is what the code of the formats does with a request that has this one feature.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby
from typing import Any, Final, NamedTuple

import msgspec
from msgspec.structs import replace
from multidict import CIMultiDict

from reference.format_answers import answers
from reference.format_features import CLIENT_FIELDS, GROUPS, SMALLEST, ClientField, Feature
from reference.tables import code, table
from switchover_dataplane.formats.api import Api
from switchover_dataplane.request.adapting import adapting_to
from switchover_dataplane.request.translation import Translation
from switchover_dataplane.table import upstreams
from switchover_dataplane.table.table import Table
from switchover_dataplane.translation import returning
from switchover_dataplane.translation.format import Asker, Format, ProviderKind
from switchover_dataplane.translation.formats import FORMATS
from switchover_dataplane.translation.losses import Loss
from switchover_dataplane.translation.models import model_of
from switchover_dataplane.translation.neutral import AnswerSchema, BadRequest, Media, Reasoning, Request, ToolResult
from switchover_dataplane.upstream.targets import Route, routes

_INTRODUCTION = """# What the formats carry

Made from the code: each cell is what the gateway does with a request that has this one feature.
[Formats](../formats.md) explains how a request moves from one API to another.

"""
_REACHED = """## Which client reaches which provider

`as it is`: the request goes there with its own bytes, but for
[what other models said](../formats.md#conversations-that-come-back). A name of an API: the request is translated into
it, and the answer back. `-`: the provider is passed by for such a request.

"""
_LOSSES = """
## What a target of another API can be told

| word | meaning |
|---|---|
| carried | the target is told the same |
| other form | the target is told in words of another kind, so that what the model reads may differ a little |
| holds anyway | the target does so without being told |
| falls away | a hint: the answer means the same without it. It is not sent, and `not_carried` in the log names it |
| passed by | the answer might be another one. The target is not asked for this request, but with `onLoss: Allow` |

Models of one API differ, so the columns are examples. Responses is a target of a translation only where
`customHost.pathOverride` names its path.

"""
_FIELDS = """## Fields of one API alone

What only the body of this API can say. It holds for each target of another API.

"""
NOTHING_SAID: Final = "holds anyway"
"""The word for a feature of which the target is told nothing and the log neither."""

_HERE: Final = "generativelanguage.googleapis.com"


# ── Who is reached ──────────────────────────────────────────────────────────────────────────────────────────────────


class _Head(NamedTuple):
    """The head of a request to a path."""

    path: str
    ai: bool = True
    method: str = "POST"
    headers: "CIMultiDict[str]" = CIMultiDict()
    token: str = ""


_PATHS: Final = {
    "Chat Completions": "/v1/chat/completions",
    "Responses": "/v1/responses",
    "Messages": "/v1/messages",
    "generateContent": "/v1beta/models/m:generateContent",
    "Completions": "/v1/completions",
    "Embeddings": "/v1/embeddings",
    "Messages, count_tokens": "/v1/messages/count_tokens",
    "generateContent, countTokens": "/v1beta/models/m:countTokens",
}
_PROVIDERS: Final[Mapping[str, upstreams.Provider]] = {
    "`openai`": upstreams.OpenAI("m"),
    "`openai`, another host": upstreams.OpenAI("m", has_responses=False),
    "`azureOpenai`": upstreams.AzureOpenAI("m", "2024-10-21"),
    "`azureOpenai`, another host": upstreams.AzureOpenAI("m", "2024-10-21", has_responses=False),
    "`mistral`": upstreams.Mistral("m"),
    "`anthropic`": upstreams.Anthropic("m"),
    "`gemini`": upstreams.Gemini("m"),
    "`gemini` without `model`": upstreams.Gemini(),
    "`vertexAi`": upstreams.VertexAi("p", "l", "m"),
    "`vertexAi`, ANTHROPIC": upstreams.VertexAi("p", "l", "m", publisher="anthropic"),
    "`vertexAi`, OPENAI": upstreams.VertexAi("p", "l", "m", json_schema="openai"),
    "`bedrock`": upstreams.Bedrock("m", "eu-central-1"),
}


def _reached() -> str:
    targets = [upstreams.Target(name, _HERE, 443, provider) for name, provider in _PROVIDERS.items()]
    known = routes(Table(1, "", upstreams={"all": upstreams.Upstream("all", True, (tuple(targets),))}))
    rows = ((name, *(_way(known[name], path) for path in _PATHS.values())) for name in _PROVIDERS)
    return table(("provider", *_PATHS), rows)


def _way(route: Route, path: str) -> str:
    match adapting_to(route, _Head(path)):
        case None:
            return "as it is"
        case Translation(target=target):
            return target.name
        case _:
            return "-"


# ── What is carried ─────────────────────────────────────────────────────────────────────────────────────────────────


class Target(NamedTuple):
    """A column: a model of a provider, asked in an API."""

    api: Api
    provider: ProviderKind
    model: str

    @property
    def head(self) -> str:
        """What stands above the column."""
        return f"{FORMATS[self.api].name}: {code(self.model)}"


TARGETS: Final = (
    Target(Api.CHAT, "openai", "gpt-4.1"),
    Target(Api.CHAT, "openai", "gpt-5.1"),
    Target(Api.CHAT, "mistral", "mistral-large-latest"),
    Target(Api.MESSAGES, "anthropic", "claude-sonnet-4-5"),
    Target(Api.MESSAGES, "anthropic", "claude-opus-4-8"),
    Target(Api.GENERATE, "gemini", "gemini-2.5-flash"),
    Target(Api.GENERATE, "gemini", "gemini-3-pro"),
    Target(Api.CONVERSE, "bedrock", "anthropic.claude-sonnet-4-5-v1:0"),
    Target(Api.CONVERSE, "bedrock", "amazon.nova-pro-v1:0"),
    Target(Api.RESPONSES, "openai", "gpt-5.1"),
)


class Cell(NamedTuple):
    """What becomes of a feature at a target, and why if it is not carried as it is."""

    word: str
    why: tuple[str, ...] = ()


def cell_of(feature: Feature, target: Target) -> Cell:
    """Write the request with the feature and without it, and see what differs."""
    form, asker = FORMATS[target.api], Asker(target.provider, model_of(target.model))
    body, losses = _written(form, asker, feature.request)
    plain, usual = _written(form, asker, feature.without)
    new = [loss for loss in losses if loss not in usual]
    why = tuple(dict.fromkeys(loss.why for loss in new))
    if any(not loss.is_hint for loss in new):
        return Cell("passed by", tuple(dict.fromkeys(loss.why for loss in new if not loss.is_hint)))
    if body == plain:
        return Cell("falls away" if new else NOTHING_SAID, why)
    return Cell("carried" if _says_the_same(form, body, feature) else "other form", why)


def _written(form: Format, asker: Asker, request: Request) -> tuple[Any, tuple[Loss, ...]]:
    written = form.write_request(request, asker)
    return json.loads(msgspec.json.encode(written.body)), written.losses


def _says_the_same(form: Format, body: Any, feature: Feature) -> bool:
    """Whether whoever reads the target's body as a request of its API finds the feature in it as it was."""
    try:
        read = form.read_request(body, _PATHS["generateContent"])
    except BadRequest:
        return False
    changed = [
        name for name in Request.__struct_fields__ if _part(feature.request, name) != _part(feature.without, name)
    ]
    return all(_part(read, name) == _part(feature.request, name) for name in changed)


def _part(request: Request, name: str) -> Any:
    """Return a field of a request; prompts of the system that stand first are one field, wherever they are written."""
    first = next((place for place, turn in enumerate(request.turns) if turn.role != "system"), len(request.turns))
    match name:
        case "system":
            told = [*request.system, *(block for turn in request.turns[:first] for block in turn.blocks)]
            return [_bare(text) for text in told]
        case "turns":
            return _bare(request.turns[first:])
        case _:
            return _bare(getattr(request, name))


_OF_ONE_BODY: Final[tuple[str, ...]] = ("path", "id", "call_id")


def _bare(value: Any) -> Any:
    """Return a part of a request without what each body has of its own.

    That is places, ids that pair calls and results, names of results, documents and schemas, whether a schema is
    strict, and words that say nothing.
    """
    match value:
        case Reasoning(effort="none") | Reasoning(budget=0):
            return "no thinking"
        case msgspec.Struct():
            own = _OF_ONE_BODY
            if isinstance(value, ToolResult | Media | AnswerSchema):
                own = (*own, "name")
            if isinstance(value, AnswerSchema):
                own = (*own, "strict")
            names = [name for name in value.__struct_fields__ if name not in own]
            return type(value).__name__, {name: _bare(getattr(value, name)) or None for name in names}
        case list() | tuple():
            return [_bare(each) for each in value]
        case "auto" | returning.NO_SIGNATURE:
            return ""
        case _:
            return value


# ── The page ────────────────────────────────────────────────────────────────────────────────────────────────────────


def page() -> str:
    """Write the page."""
    groups = "\n".join(_group(name, features) for name, features in GROUPS.items())
    return f"{_INTRODUCTION}{_REACHED}{_reached()}{_LOSSES}{groups}\n{_FIELDS}{_fields()}\n{answers()}"


def _group(name: str, features: Iterable[Feature]) -> str:
    cells = {feature.name: [cell_of(feature, target) for target in TARGETS] for feature in features}
    rows = ((feature, *(cell.word for cell in found)) for feature, found in cells.items())
    heads = ("feature", *(target.head for target in TARGETS))
    whys = [(feature, *why) for feature, found in cells.items() for why in _whys(found)]
    return f"### {name}\n\n{table(heads, rows)}\n{table(('feature', 'what becomes of it', 'where', 'why'), whys)}"


def _whys(cells: list[Cell]) -> Iterator[tuple[str, str, str]]:
    """Yield each reason once: what becomes of the feature, at which targets, and why."""
    found: dict[tuple[str, str], list[str]] = {}
    for cell, target in zip(cells, TARGETS, strict=True):
        for why in cell.why:
            found.setdefault((cell.word, why), []).append(target.head)
    for (word, why), heads in found.items():
        yield word, "; ".join(_joined(heads)), why


def _joined(heads: list[str]) -> Iterator[str]:
    """Join the models of one API."""
    for api, same in groupby((head.partition(": ") for head in heads), lambda parts: parts[0]):
        yield f"{api}: {', '.join(parts[2] for parts in same)}"


def _fields() -> str:
    rows = [(FORMATS[field.api].name, field.name, *_read(field)) for field in CLIENT_FIELDS]
    return table(("API of the client", "field", "what becomes of it", "why"), rows)


def _read(field: ClientField) -> tuple[str, str]:
    request = FORMATS[field.api].read_request({**SMALLEST[field.api], **field.body}, "/v1beta/models/m:generateContent")
    lost = [*request.losses, *_hosted(request)]
    assert lost, f"{field.name} of {field.api} is read as it is"
    if any(not loss.is_hint for loss in lost):
        return "passed by", _why(loss for loss in lost if not loss.is_hint)
    return "falls away", _why(lost)


def _hosted(request: Request) -> list[Loss]:
    """Return the losses of tools of the provider, which are named for each target."""
    if not request.hosted_tools:
        return []
    plain = replace(request, losses=())
    target = FORMATS[Api.CONVERSE].write_request(plain, Asker("bedrock", model_of("m")))
    return list(target.losses)


def _why(losses: Iterable[Loss]) -> str:
    return "; ".join(dict.fromkeys(loss.why for loss in losses))
