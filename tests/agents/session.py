"""The session that both agents have: read a file, write what stands in it into another, say that it is done.

Each answer follows from the request alone: what an agent sends again gets the same one. The token stands in a file that
only the agent's tool reads, so that what is written and said later has come through the gateway.
"""

import re
from dataclasses import dataclass
from typing import Final

from switchover_simulator.behaviour import Answer
from switchover_simulator.events import Call
from switchover_simulator.request import Request

SECRET_FILE: Final = "token.txt"
COPY: Final = "copy.txt"
PROMPT: Final = f"Copy what stands in {SECRET_FILE} to {COPY}, then say what you copied."
_TOKEN: Final = re.compile(rb"token-[0-9a-f]{12}")
_SHELLS: Final = {"Bash": "command", "exec_command": "cmd", "shell_command": "command"}
"""The tools by which agents run a command, each with the name of its argument."""


@dataclass(frozen=True)
class Turn:
    """What the model says, and the command that it wants to have run; "" for none."""

    says: str
    runs: str = ""


def turn(request: Request) -> Turn:
    """Return what a good model answers."""
    found = _TOKEN.search(request.body or b"")
    token = found[0].decode() if found else ""
    if request.turn == 0:
        return Turn("First I look at what stands in the file.", f"cat {SECRET_FILE}")
    if request.turn == 1:
        return Turn("Now I write it into the other file, as I was asked to.", f"printf %s '{token}' > {COPY}")
    return Turn(f"All done: I copied {token} into the other file.")


def good(request: Request) -> Answer:
    """Word the turn; a request without a tool to run commands (a title, a summary) gets words alone."""
    said = turn(request)
    shell = shell_call(request, said.runs)
    if shell is None and request.turn == 0:
        return Answer(content="Copying a token")
    return Answer(content=said.says, call=shell if said.runs else None)


def shell_call(request: Request, command: str, until: int | None = None) -> Call | None:
    """Call the tool that runs commands, as the request names it; None without one."""
    body = request.json if isinstance(request.json, dict) else {}
    offered = [tool.get("name") for tool in body.get("tools") or () if isinstance(tool, dict)]
    name = next((name for name in _SHELLS if name in offered), None)
    return None if name is None else Call(name=name, arguments={_SHELLS[name]: command}, until=until)
