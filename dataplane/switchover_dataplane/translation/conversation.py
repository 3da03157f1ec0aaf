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
    system = [text for text in request.system if text.text]
    turns = list(request.turns)
    while turns and turns[0].role in ("system", "developer"):
        system += [block for block in turns[0].blocks if isinstance(block, Text) and block.text]
        del turns[0]
    found = Conversation(system, [], [])
    held: list[Message] = []
    open_calls: set[str] = set()
    for turn in turns:
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


def _message(turn: Turn, losses: list[Loss], *, takes_system_turns: bool) -> Message:
    blocks = [Placed(Text(block.text) if isinstance(block, Refusal) else block, turn.path) for block in turn.blocks]
    blocks = [placed for placed in blocks if not (isinstance(placed.block, Text) and not placed.block.text)]
    if turn.name:
        losses.append(hint(f"{turn.path}.name", turn.name, "the names of participants have no place there"))
    if turn.role not in ("system", "developer"):
        return Message("user" if turn.role == "user" else "assistant", blocks)
    texts = [placed for placed in blocks if isinstance(placed.block, Text)]
    if takes_system_turns:
        return Message("system", texts)
    losses.append(hint(turn.path, list(turn.blocks), "a system prompt within the conversation is said as the user's"))
    return Message("user", [Placed(_as_users(placed.block), placed.path) for placed in texts])


def _as_users(block: Block) -> Block:
    return replace(block, text=f"<system>\n{block.text}\n</system>") if isinstance(block, Text) else block


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
