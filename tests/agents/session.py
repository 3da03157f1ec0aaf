"""The session that both agents have: read a file, write what stands in it into another, mark the first one, say so.

Each answer follows from the request alone: what an agent sends again gets the same one. The token stands in a file that
only the agent's tool reads, so that what is written and said later has come through the gateway.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from switchover_dataplane.request.continuation import asked_to_go_on
from switchover_simulator.behaviour import Answer, Stream
from switchover_simulator.events import Call, Data
from switchover_simulator.request import Request

SECRET_FILE: Final = "token.txt"
COPY: Final = "copy.txt"
MARK: Final = "copied: "
PROMPT: Final = f"Copy what stands in {SECRET_FILE} to {COPY}, mark it there, then say what you copied."
_TOKEN: Final = re.compile(rb"token-[0-9a-f]{12}")
_FOLDER: Final = re.compile(rb"[Ww]orking directory: ([^\s\\]+)")
_SHELLS: Final = {"Bash": "command", "exec_command": "cmd", "shell_command": "command"}
"""The tools by which agents run a command, each with the name of its argument."""
_GO_ON: Final = asked_to_go_on("").partition(".")[0].encode()
"""What the gateway asks a model that is to go on with the answer of another one."""
_CODE: Final = "functions__exec"
"""The tool that takes a program which calls the others, as a function of a flat name."""
SAYS: Final = (
    "First I look at what stands in the file.",
    "Now I write it into the other file, as I was asked to.",
    "Then I mark the first file, so that nobody copies it again.",
)
"""What the model says in the turns in which it calls tools."""
SEARCHES: Final = "Which tools are there?"
"""What the model says when it searches for tools."""
_Called = tuple[str, Any]


@dataclass(frozen=True)
class Turn:
    """What the model says, and what it calls: names of tools with arguments."""

    says: str
    calls: tuple[_Called, ...] = ()


def turn_of(request: Request) -> int:
    """Return which turn a request asks for: the one that broke off, where a model is to go on with it.

    A search for tools before all of them is no turn.
    """
    body = request.body or b""
    return request.turn - (_GO_ON in body) - (SEARCHES.encode() in body)


def turn(request: Request) -> Turn:
    """Return what a good model answers; without tools (a title, a summary) words alone."""
    found = _TOKEN.search(request.body or b"")
    token = found[0].decode() if found else ""
    offered = frozenset(_offered(request.json))
    if not offered:
        return Turn("Copying a token")
    match turn_of(request):
        case 0:
            return Turn(SAYS[0], (_reads(request, offered),))
        case 1:
            beside = () if _CODE in offered else (_runs(offered, f"ls {SECRET_FILE}"),)
            return Turn(SAYS[1], (_writes(request, offered, token), *beside))
        case 2:
            return Turn(SAYS[2], (_marks(request, offered, token),))
        case _:
            return Turn(f"All done: I copied {token} into the other file.")


def good(request: Request) -> Answer:
    """Word the turn as a model of the agent's own API, with one call at most."""
    said = turn(request)
    calls = [Call(name=name, arguments=arguments) for name, arguments in said.calls]
    return Answer(content=said.says, call=calls[0] if calls else None)


def search(request: Request) -> Stream:
    """Search for tools: an item that the Responses API alone has, and that Codex answers with the tools it found."""
    call = {"type": "tool_search_call", "id": f"tsc_{request.number}", "call_id": "call_s", "execution": "client"}
    item = {**call, "status": "completed", "arguments": {"query": "spawn agent", "limit": 1}}
    kinds = ("response.output_item.added", "response.output_item.done")
    added, done = (Data(data={"type": kind, "output_index": 1, "item": item}, event=kind) for kind in kinds)
    return Stream(events=[SEARCHES, added, done])


def lost(request: Request) -> list[str]:
    """Say what of the turns so far is not in a request once: a call, or a text that a model said.

    The first turn was answered by a provider that makes one call, the second by one that makes all of them.
    """
    offered = frozenset(_offered(request.json))
    asked, calls = turn_of(request), len(list(_calls(request.json)))
    made = asked + (asked > 1 and _CODE not in offered)
    found = [f"{calls} calls in turn {asked}, not {made}"] if offered and calls != made else []
    body = (request.body or b"").partition(_GO_ON)[0]
    return found + [f"said twice: {says}" for says in SAYS if body.count(says.encode()) > 1]


def shell_call(request: Request, command: str, until: int | None = None) -> Call | None:
    """Call the tool that runs commands, as the request names it; None without one."""
    offered = frozenset(_offered(request.json))
    return Call(name=(call := _runs(offered, command))[0], arguments=call[1], until=until) if offered else None


# ── What is called ──────────────────────────────────────────────────────────────────────────────────────────────────


def _reads(request: Request, offered: frozenset[str]) -> _Called:
    if "Read" in offered:
        return "Read", {"file_path": _path(request, SECRET_FILE)}
    return _runs(offered, f"cat {SECRET_FILE}")


def _writes(request: Request, offered: frozenset[str], token: str) -> _Called:
    if "Write" in offered:
        return "Write", {"file_path": _path(request, COPY), "content": token}
    if "apply_patch" in offered:
        return _patch(f"*** Add File: {COPY}\n+{token}")
    return _runs(offered, f"printf %s '{token}' > {COPY}")


def _marks(request: Request, offered: frozenset[str], token: str) -> _Called:
    if "Edit" in offered:
        edit = {"old_string": token, "new_string": f"{MARK}{token}"}
        return "Edit", {"file_path": _path(request, SECRET_FILE), **edit}
    if "apply_patch" in offered:
        return _patch(f"*** Update File: {SECRET_FILE}\n@@\n-{token}\n+{MARK}{token}")
    return _runs(offered, f"sed -i 's/^/{MARK}/' {SECRET_FILE}")


def _patch(hunk: str) -> _Called:
    """Call the custom tool as the function that stands for it where there are none."""
    return "apply_patch", {"input": f"*** Begin Patch\n{hunk}\n*** End Patch"}


def _runs(offered: frozenset[str], command: str) -> _Called:
    if _CODE in offered:
        program = f"text((await tools.exec_command({json.dumps({'cmd': command})})).output)"
        return _CODE, {"input": program}
    name = next(name for name in _SHELLS if name in offered)
    return name, {_SHELLS[name]: command}


def _path(request: Request, name: str) -> str:
    """Return the whole path of a file: the folder stands in what the agent tells of its surroundings."""
    found = _FOLDER.search(request.body or b"")
    assert found is not None, "the agent names no folder"
    return f"{found[1].decode()}/{name}"


# ── What a request has ──────────────────────────────────────────────────────────────────────────────────────────────


def _offered(body: Any) -> Iterator[str]:
    """Yield the names of the tools that a request of any API offers."""
    if not isinstance(body, dict):
        return
    for tool in (*(body.get("tools") or ()), *body.get("toolConfig", {}).get("tools", ())):
        wrapped = tool.get("function") or tool.get("toolSpec") or tool
        yield wrapped.get("name", "")


def _calls(body: Any) -> Iterator[Any]:
    """Yield the calls in a request of Chat Completions, Messages or Converse."""
    for message in body["messages"]:
        yield from message.get("tool_calls") or ()
        blocks = message["content"] if isinstance(message["content"], list) else ()
        yield from (block for block in blocks if "toolUse" in block or block.get("type") == "tool_use")
