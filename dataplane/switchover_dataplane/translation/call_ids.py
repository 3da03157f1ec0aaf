"""Ids of tool calls → ids that another API takes, the same for a call and its result.

An id that fits stays. One that does not becomes a digest of itself, so that the same conversation gives the same ids
each time, at each provider, and no table of ids has to be kept. Sources of the rules: botocore's model of Bedrock
(toolUseId), Anthropic API reference (tool_use id), Mistral API (tool call id), OpenAI API reference.
"""

import hashlib
import re
from collections.abc import Sequence
from typing import Final, NamedTuple

from msgspec.structs import replace

from switchover_dataplane.translation.neutral import BadRequest, Block, Request, ToolCall, ToolResult, Turn

_ALPHABET: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


class IdRule(NamedTuple):
    """Which ids an API takes: those that `pattern` matches as a whole. A new one is `prefix` and `length` signs."""

    pattern: "re.Pattern[str]"
    prefix: str
    length: int


CHAT: Final = IdRule(re.compile(r"[!-~]{1,40}"), "call_", 24)
RESPONSES: Final = IdRule(re.compile(r"[A-Za-z0-9_-]{1,64}"), "call_", 24)
MESSAGES: Final = IdRule(re.compile(r"[A-Za-z0-9_-]{1,128}"), "toolu_", 24)
CONVERSE: Final = IdRule(re.compile(r"[A-Za-z0-9_.:-]{1,64}"), "tooluse_", 22)
MISTRAL: Final = IdRule(re.compile(r"[A-Za-z0-9]{9}"), "", 9)


def fitting(rule: IdRule, given: str) -> str:
    """Return `given` if an API takes it, else the id that stands for it there."""
    if rule.pattern.fullmatch(given):
        return given
    return made(rule, given)


def made(rule: IdRule, seed: str) -> str:
    """Make an id of a seed: equal seeds make equal ids."""
    number = int.from_bytes(hashlib.sha256(seed.encode("utf-8", "surrogatepass")).digest(), "big")
    signs: list[str] = []
    for _ in range(rule.length):
        number, place = divmod(number, len(_ALPHABET))
        signs.append(_ALPHABET[place])
    return rule.prefix + "".join(signs)


def paired(request: Request) -> Request:
    """Give each call of a conversation an id of its own, and each result the id of its call.

    Calls without an id (Gemini) and ids that come again (some servers count from 0 in every turn) get new ones. A
    result belongs to the last open call with its id or, without an id, to the first open call of its name.
    """
    if not any(isinstance(block, ToolCall | ToolResult) for turn in request.turns for block in turn.blocks):
        return request
    used: set[str] = set()
    open_calls: list[tuple[str, str, str]] = []  # id as given, name, id of its own
    turns: list[Turn] = []
    for number, turn in enumerate(request.turns):
        blocks: list[Block] = []
        for place, block in enumerate(turn.blocks):
            match block:
                case ToolCall(id=given, name=name):
                    own = given if given and given not in used else made(CHAT, f"{given}/{number}/{place}/{name}")
                    used.add(own)
                    open_calls.append((given, name, own))
                    blocks.append(block if own == given else replace(block, id=own))
                case ToolResult(call_id=given, name=name):
                    found = _called(open_calls, given, name)
                    if found is None:
                        blocks.append(block)
                        continue
                    open_calls.remove(found)
                    blocks.append(replace(block, call_id=found[2], name=block.name or found[1]))
                case _:
                    blocks.append(block)
        turns.append(replace(turn, blocks=tuple(blocks)))
    return replace(request, turns=tuple(turns))


class Fresh:
    """Gives the calls of an answer ids that the conversation does not have yet; "" stays.

    Some servers count from 0 in every answer, and a client that finds an id twice takes one call for the other: Claude
    Code leaves the later one out of what it sends next.
    """

    __slots__ = ("_request", "_used")

    def __init__(self, request: Request) -> None:
        self._request = request
        self._used: set[str] | None = None

    def of(self, given: str) -> str:
        """Return the id of the answer's next call."""
        if self._used is None:
            blocks = (block for turn in self._request.turns for block in turn.blocks)
            self._used = {block.id for block in blocks if isinstance(block, ToolCall)}
        own = given
        while own and own in self._used:
            own = made(CHAT, f"{given}/{len(self._request.turns)}/{len(self._used)}/{own}")
        self._used.add(own)
        return own


def _called(open_calls: list[tuple[str, str, str]], given: str, name: str) -> tuple[str, str, str] | None:
    """Find the call of a result; one without an id is that of any result of its name."""
    if given:
        known = next((call for call in reversed(open_calls) if call[0] == given), None)
        return known or next((call for call in open_calls if not call[0] and call[1] == name), None)
    return next((call for call in open_calls if call[1] == name), None)


def demand_calls(turns: Sequence[Turn]) -> None:
    """Check that each result has its call before it, as every API demands.

    Raises:
        BadRequest: one has none.
    """
    open_calls: list[tuple[str, str, str]] = []
    for turn in turns:
        for block in turn.blocks:
            if isinstance(block, ToolCall):
                open_calls.append((block.id, block.name, ""))
            elif isinstance(block, ToolResult) and _called(open_calls, block.call_id, block.name) is None:
                raise BadRequest(turn.path, "must not have a result without its call before it")
