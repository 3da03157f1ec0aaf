"""How the first provider fails from the second turn on, in the words of the simulator.

An agent that had a broken stream may ask again without one: each failure has both forms.
"""

from collections.abc import Callable
from typing import Final

from agents.session import shell_call, turn
from switchover_simulator.behaviour import Answer, Behaviour, Partial, Reset, Stall, Stream
from switchover_simulator.events import Called, Thought
from switchover_simulator.part import ProviderError
from switchover_simulator.request import Request

Failing = Callable[[Request], Behaviour]

_OVERLOADED: Final = ProviderError(type="overloaded_error", message="Overloaded")


def _overload(request: Request) -> Behaviour:
    """Anthropic's status for it, else that of everybody."""
    return Answer(status=529 if request.api == "messages" else 503)


def _error_under_200(request: Request) -> Behaviour:
    if not request.wants_stream:
        return Answer(error=_OVERLOADED)
    return Stream(events=[], end="error-event", error=_OVERLOADED)


def _cut_in_text(request: Request) -> Behaviour:
    if not request.wants_stream:
        return Partial()
    return Stream(events=[turn(request).says[:20]], end="rst")


def _cut_in_a_call(request: Request, *before: Thought) -> Behaviour:
    """A whole text, then half of a call, whatever a good model would do in this turn."""
    call = shell_call(request, "printf %s 'never to be run' > never.txt", until=20)
    if not request.wants_stream or call is None:
        return Partial()
    return Stream(events=[*before, turn(request).says, Called(call=call)], end="fin")


def _cut_behind_thoughts(request: Request) -> Behaviour:
    """The same, where the client has a whole block already."""
    return _cut_in_a_call(request, Thought(thinks="First I think about it."))


FAILURES: Final[dict[str, Failing]] = {
    "429": lambda _: Answer(status=429),
    "overload": _overload,
    "reset": lambda _: Reset(),
    "error-under-200": _error_under_200,
    "cut-in-text": _cut_in_text,
    "cut-in-a-call": _cut_in_a_call,
    "cut-behind-thoughts": _cut_behind_thoughts,
    "silence": lambda _: Stall(),
}
