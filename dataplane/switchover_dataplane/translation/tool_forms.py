"""Tools in the forms that every API takes, and calls of them back in the form of the client's own API.

Namespaces and custom tools are OpenAI's alone, and the names of tools differ in length and signs. So a target is told
a flat name, and a custom tool becomes a function with one text. Both follow from the request alone: whoever writes the
answer finds the client's tool again and needs no table. Sources: OpenAI API reference (function names, custom tools,
namespace tools), botocore's model of Bedrock (ToolName).
"""

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

import msgspec
from msgspec.structs import replace

from switchover_dataplane.formats import lenient_json
from switchover_dataplane.translation.answers import (
    Answer,
    AnswerBlock,
    CallDelta,
    CallEnd,
    CallStart,
    Event,
)
from switchover_dataplane.translation.call_ids import Fresh
from switchover_dataplane.translation.neutral import Json, Request, Tool, ToolCall

_FITS: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,63}")
_STRANGE: Final = re.compile(r"[^A-Za-z0-9_-]")
_INPUT: Final = "input"


def flat_name(namespace: str, name: str) -> str:
    """Return a name that every API takes: letters, digits, "_" and "-", at most 64, and a letter or "_" first.

    A name that fits and has no namespace stays. Equal tools get equal names.
    """
    whole = f"{namespace}__{name}" if namespace else name
    if _FITS.fullmatch(whole):
        return whole
    digest = hashlib.sha256(whole.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    start = _STRANGE.sub("_", whole)
    start = start if _FITS.match(start) else f"_{start}"
    return f"{start[:55]}_{digest}"


def tool_of(request: Request, name: str, namespace: str = "") -> Tool | None:
    """Find the client's tool that a call means, by its own name or by the one that a target was told."""
    exact = next((tool for tool in request.tools if (tool.name, tool.namespace) == (name, namespace)), None)
    if exact is not None or namespace:
        return exact
    return next((tool for tool in request.tools if flat_name(tool.namespace, tool.name) == name), None)


def custom_schema(tool: Tool) -> Mapping[str, Json]:
    """Return the schema of the function that stands for a custom tool."""
    text: dict[str, Json] = {"type": "string", "description": "The whole input of the tool, as plain text."}
    if isinstance(tool.grammar, dict) and isinstance(tool.grammar.get("definition"), str):
        syntax = tool.grammar.get("syntax")
        kind = f"{syntax} grammar" if isinstance(syntax, str) else "grammar"
        text["description"] += f" It must match this {kind}: {tool.grammar['definition']}"
    return {"type": "object", "properties": {_INPUT: text}, "required": [_INPUT], "additionalProperties": False}


def custom_arguments(text: str) -> str:
    """Return the arguments of the function that stands for a call of a custom tool."""
    return lenient_json.encode({_INPUT: text}).decode()


def custom_text(arguments: str) -> str:
    """Return the text for a custom tool of the arguments of the function that stands for it."""
    try:
        decoded = lenient_json.decode(arguments.encode("utf-8", "surrogatepass"))
    except (ValueError, RecursionError):
        return arguments
    text = decoded.get(_INPUT) if isinstance(decoded, dict) else None
    return text if isinstance(text, str) else arguments


def _restored_start(request: Request, start: CallStart) -> tuple[CallStart, bool]:
    """Return a call as the client knows it, and whether its arguments stand for the text of a custom tool."""
    tool = tool_of(request, start.name, start.namespace)
    if tool is None:
        return start, False
    is_wrapped = tool.is_custom and not start.is_custom
    return replace(start, name=tool.name, namespace=tool.namespace, is_custom=tool.is_custom), is_wrapped


def restored(request: Request, answer: Answer) -> Answer:
    """Return an answer whose calls have the names and the form of the client's own tools, and ids of their own."""
    if not any(isinstance(block, ToolCall) for block in answer.blocks):
        return answer
    blocks: list[AnswerBlock] = []
    ids = Fresh(request)
    for block in answer.blocks:
        if isinstance(block, ToolCall):
            own = replace(block, id=ids.of(block.id))
            tool = tool_of(request, own.name, own.namespace)
            if tool is not None:
                is_wrapped = tool.is_custom and not own.is_custom
                arguments = custom_text(own.arguments) if is_wrapped else own.arguments
                form = {"name": tool.name, "namespace": tool.namespace, "is_custom": tool.is_custom}
                own = replace(own, arguments=arguments, **form)
            blocks.append(own)
        else:
            blocks.append(block)
    return replace(answer, blocks=tuple(blocks))


class Restoring:
    """Gives the calls of a stream the names and the form of the client's own tools, and ids of their own.

    The text of a custom tool is known when the arguments that stand for it are whole, so these are held until then.
    """

    __slots__ = ("_held", "_ids", "_request")

    def __init__(self, request: Request) -> None:
        self._ids = Fresh(request)
        self._request = request
        self._held: dict[int, list[str]] = {}

    def take(self, events: Iterable[Event]) -> Iterator[Event]:
        """Yield the events as the client's format writes them."""
        for event in events:
            match event:
                case CallStart():
                    start, is_wrapped = _restored_start(self._request, replace(event, id=self._ids.of(event.id)))
                    if is_wrapped:
                        self._held[event.index] = []
                    yield start
                case CallDelta(index, arguments) if index in self._held:
                    self._held[index].append(arguments)
                case CallEnd(index) if index in self._held:
                    text = custom_text("".join(self._held.pop(index)))
                    if text:
                        yield CallDelta(index, text)
                    yield event
                case _:
                    yield event


def tools_as_functions(tools: Iterable[Tool]) -> Iterator[Tool]:
    """Yield tools as plain functions with flat names."""
    for tool in tools:
        schema = custom_schema(tool) if tool.is_custom else tool.schema
        yield msgspec.structs.replace(
            tool,
            name=flat_name(tool.namespace, tool.name),
            namespace="",
            schema=schema,
            is_custom=False,
            grammar=None,
        )


__all__ = [
    "Restoring",
    "custom_arguments",
    "custom_schema",
    "custom_text",
    "flat_name",
    "restored",
    "tool_of",
    "tools_as_functions",
]
