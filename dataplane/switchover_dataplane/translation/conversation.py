"""The turns of a request → messages as the APIs of Claude and Gemini take them.

Both want the system prompt outside of the conversation, the user first, equal neighbours as one message, and the
results of all calls of a message at the start of the very next one. Sources: Claude docs, "Tool use" (handling
results); Gemini API docs, "Function calling".
"""

from collections.abc import Sequence
from typing import Literal, NamedTuple

from msgspec.structs import replace

from switchover_dataplane.translation.losses import Loss, grave, hint
from switchover_dataplane.translation.neutral import Block, Refusal, Request, Text, ToolCall, ToolResult, Turn

Speaker = Literal["system", "user", "assistant"]


class Placed(NamedTuple):
    """A block, and the path in the client's body of the turn that it comes from."""

    block: Block
    path: str


class Message(NamedTuple):
    """Blocks of one speaker; no neighbour has the same one."""

    speaker: Speaker
    blocks: list[Placed]


class Conversation(NamedTuple):
    """The system prompt, the messages, and what was changed that the client should know."""

    system: list[Text]
    messages: list[Message]
    losses: list[Loss]


def begins_with_user(messages: Sequence[Message]) -> bool:
    """Whether the user speaks first."""
    return bool(messages) and messages[0].speaker == "user"


def arranged(request: Request, *, takes_system_turns: bool) -> Conversation:
    """Arrange the turns; `takes_system_turns`: a system prompt may stand within the conversation, but not first.

    Where it may not, it becomes a text of the user that is marked as the system's. The ids of calls must be paired.
    """
    found = Conversation([text for text in request.system if text.text.strip()], [], [])
    first = next((place for place, turn in enumerate(request.turns) if not _is_prompt(turn)), len(request.turns))
    for turn in request.turns[:first]:
        found.system.extend(_prompts(turn, found.losses))
    held: list[Message] = []
    open_calls: set[str] = set()
    for turn in request.turns[first:]:
        message = _message(turn, found.losses, takes_system_turns=takes_system_turns)
        if message.speaker == "assistant":
            open_calls = {placed.block.id for placed in message.blocks if isinstance(placed.block, ToolCall)}
            _add_all(found.messages, held)
        elif message.speaker == "system" and open_calls:
            # Nothing may stand between calls and their results.
            held.append(message)
            continue
        else:
            open_calls -= {placed.block.call_id for placed in message.blocks if isinstance(placed.block, ToolResult)}
        _add(found.messages, message)
        if not open_calls:
            _add_all(found.messages, held)
    _add_all(found.messages, held)
    _results_first(found.messages)
    return found


def _is_prompt(turn: Turn) -> bool:
    return turn.role in ("system", "developer")


def _prompts(turn: Turn, losses: list[Loss]) -> list[Text]:
    """Return the texts of a prompt of the system; anything else in it is a loss."""
    texts = [block for block in turn.blocks if isinstance(block, Text)]
    if len(texts) < len(turn.blocks):
        losses.append(grave(turn.path, list(turn.blocks), "a prompt of the system is text alone there"))
    return [text for text in texts if text.text.strip()]


def _message(turn: Turn, losses: list[Loss], *, takes_system_turns: bool) -> Message:
    if turn.name:
        losses.append(hint(f"{turn.path}.name", turn.name, "the names of participants have no place there"))
    if not _is_prompt(turn):
        blocks = [Text(block.text) if isinstance(block, Refusal) else block for block in turn.blocks]
        kept = [Placed(block, turn.path) for block in blocks if not isinstance(block, Text) or block.text.strip()]
        return Message("user" if turn.role == "user" else "assistant", kept)
    texts = _prompts(turn, losses)
    if takes_system_turns:
        return Message("system", [Placed(text, turn.path) for text in texts])
    losses.append(hint(turn.path, list(turn.blocks), "a system prompt within the conversation is said as the user's"))
    marked = [replace(text, text=f"<system>\n{text.text}\n</system>") for text in texts]
    return Message("user", [Placed(text, turn.path) for text in marked])


def _add_all(messages: list[Message], held: list[Message]) -> None:
    for message in held:
        _add(messages, message)
    held.clear()


def _add(messages: list[Message], message: Message) -> None:
    if not message.blocks:
        return
    if messages and messages[-1].speaker == message.speaker:
        messages[-1].blocks.extend(message.blocks)
    else:
        messages.append(Message(message.speaker, list(message.blocks)))


def _results_first(messages: Sequence[Message]) -> None:
    """Put results before all else, in the order of their calls; `sort` keeps the order of the rest."""
    order: dict[str, int] = {}
    for message in messages:
        if message.speaker == "assistant":
            calls = (placed.block for placed in message.blocks)
            order = {call.id: place for place, call in enumerate(calls) if isinstance(call, ToolCall)}
        elif message.speaker == "user":
            message.blocks.sort(key=lambda placed, known=order: _place(placed.block, known))  # type: ignore[misc]


def _place(block: Block, order: dict[str, int]) -> int:
    return order.get(block.call_id, len(order)) if isinstance(block, ToolResult) else 1_000_000


def prefill(messages: Sequence[Message], *, is_taken: bool) -> list[Loss]:
    """Return the loss of a last turn of the model that a model does not continue."""
    if is_taken or not messages or messages[-1].speaker != "assistant":
        return []
    path = messages[-1].blocks[-1].path or "messages"
    return [grave(path, {}, "the model does not continue an answer that the client began")]


__all__ = ["Conversation", "Message", "Placed", "arranged", "begins_with_user", "prefill"]
