"""A request → how its API words answers: what of a behaviour is told in each API's own form."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from switchover_simulator import chat, generate_content, messages, responses
from switchover_simulator.events import Call
from switchover_simulator.form import Content, Streamed
from switchover_simulator.request import Api, Request
from switchover_simulator.tools import first_call


@dataclass(frozen=True)
class Form:
    """How one API words whole answers and streams."""

    whole: Callable[[Request, Content, str | None], dict[str, Any]]
    stream: Callable[[Request], Streamed]


FORMS: Final[dict[Api, Form]] = {
    "chat": Form(chat.whole, chat.Stream),
    "messages": Form(messages.whole, messages.Stream),
    "responses": Form(responses.whole, responses.Stream),
    "generate-content": Form(generate_content.whole, generate_content.Stream),
}


def form(request: Request) -> Form:
    """Return the form of the request's API, that of Chat Completions where it has none."""
    return FORMS[request.api or "chat"]


def called(call: Call | bool | None, request: Request) -> tuple[Call, ...]:
    """Return the calls that are meant: one, or none where the request offers no tool that could be called."""
    found = call if isinstance(call, Call) else first_call(request) if call else None
    return () if found is None else (found,)
