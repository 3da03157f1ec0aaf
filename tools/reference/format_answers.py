"""What the format of a client can say of an answer: a section of docs/reference/formats.md.

The answer is written with one feature and without it, and read again as a client of the format reads it.
"""

import json
from typing import Any, Final, NamedTuple

import msgspec
from msgspec.structs import replace

from reference.tables import table
from switchover_dataplane.formats.api import Api
from switchover_dataplane.translation.answers import Answer, Citation, Stop, Usage
from switchover_dataplane.translation.format import Asked, Format
from switchover_dataplane.translation.formats import FORMATS
from switchover_dataplane.translation.neutral import Reasoning, Refusal, Request, Text, Thinking, ToolCall

_INTRODUCTION = """## What the client can be told of an answer

An answer of another API comes back in the client's own form. `other form`: it is said in words of another kind.
`not there`: it is left out, as the API of the client has no place for it.

"""
_CLIENTS: Final = (Api.CHAT, Api.RESPONSES, Api.MESSAGES, Api.GENERATE)
_ASKED: Final = Asked("0123456789abcdefghijABCD", 1_700_000_000, Request(reasoning=Reasoning(budget=-1, shows=True)))
_PLAIN: Final = Answer((Text("It is sunny."),), model="m", usage=Usage(10, 5))
_CALL: Final = ToolCall("abcDEF123", "weather", '{"city":"Paris"}')
_THOUGHT: Final = Thinking("Hm.", "other")
_SOURCE: Final = Citation("https://example.com/", "Weather", "sunny")


class _Feature(NamedTuple):
    name: str
    answer: Answer
    without: Answer = _PLAIN


def _saying(name: str, **fields: Any) -> _Feature:
    return _Feature(name, replace(_PLAIN, **fields))


_FEATURES: Final = (
    _Feature("text", _PLAIN, replace(_PLAIN, blocks=())),
    _saying("tool call", blocks=(Text("It is sunny."), _CALL), stop=Stop.TOOLS),
    _saying("reasoning as text", blocks=(_THOUGHT, Text("It is sunny."))),
    _saying("words of a refusal", blocks=(Refusal("I may not say."),), stop=Stop.REFUSAL),
    _saying("a refusal without words", stop=Stop.REFUSAL),
    _saying("sources that it cites", citations=(_SOURCE,)),
    _saying("the end: limit of tokens", stop=Stop.LIMIT),
    _saying("the end: the context is full", stop=Stop.CONTEXT),
    _saying("the end: a stop sequence", stop=Stop.STOP_TEXT),
    _Feature(
        "which stop sequence came",
        replace(_PLAIN, stop=Stop.STOP_TEXT, stop_text="END"),
        replace(_PLAIN, stop=Stop.STOP_TEXT),
    ),
    _saying("count of tokens from a cache", usage=Usage(10, 5, cached=4)),
    _saying("count of tokens written to a cache", usage=Usage(10, 5, cache_written=4)),
    _saying("count of tokens of reasoning", usage=Usage(10, 5, reasoning=3)),
)


def answers() -> str:
    """Write the section."""
    rows = ((feature.name, *(_word(feature, FORMATS[api]) for api in _CLIENTS)) for feature in _FEATURES)
    return _INTRODUCTION + table(("of an answer", *(FORMATS[api].name for api in _CLIENTS)), rows)


def _word(feature: _Feature, form: Format) -> str:
    written, plain = (_written(form, each) for each in (feature.answer, feature.without))
    if written == plain:
        return "not there"
    read = form.read_answer(written)
    changed = [name for name in Answer.__struct_fields__ if _differs(feature, name)]
    same = all(_bare(getattr(read, name)) == _bare(getattr(feature.answer, name)) for name in changed)
    return "carried" if same else "other form"


def _written(form: Format, answer: Answer) -> Any:
    return json.loads(msgspec.json.encode(form.write_answer(answer, _ASKED)))


def _differs(feature: _Feature, name: str) -> bool:
    return bool(getattr(feature.answer, name) != getattr(feature.without, name))


_OF_ONE_ANSWER: Final = ("id", "maker", "signature")
"""What a format gives a block of its own, and who made it, which the reader of a format takes for granted."""


def _bare(value: Any) -> Any:
    if isinstance(value, msgspec.Struct):
        # A count that is not known and one of none are alike to a reader of tokens.
        parts = {name: getattr(value, name) for name in value.__struct_fields__ if name not in _OF_ONE_ANSWER}
        return type(value).__name__, {name: part or None for name, part in parts.items()}
    return [_bare(each) for each in value] if isinstance(value, tuple) else value
