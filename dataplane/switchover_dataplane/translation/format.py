"""What a format has to say: the shape that `formats.py` collects, and what reading and writing are told.

A format is one folder. It reads and writes requests, whole answers, streams and errors, and knows no other format.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

import msgspec

from switchover_dataplane.formats.api import Api
from switchover_dataplane.translation.answers import Answer, Event
from switchover_dataplane.translation.losses import Loss
from switchover_dataplane.translation.models import Model
from switchover_dataplane.translation.neutral import Json, Request

ProviderKind = Literal["openai", "azure-openai", "mistral", "anthropic", "gemini", "vertex", "bedrock"]


class Asker(msgspec.Struct, frozen=True):
    """What a request is written for: the provider of a target and the model that will answer."""

    provider: ProviderKind
    model: Model


class Written(msgspec.Struct, frozen=True):
    """A request in a target's format. `body` has no `model` where the path names it. `losses` is empty if all fits."""

    body: Mapping[str, Json]
    losses: tuple[Loss, ...] = ()


class Asked(msgspec.Struct, frozen=True):
    """What an answer is written for: the client's request, and what its format wants in every answer.

    `id` is unique for each answer: 24 letters and digits; a format puts its prefix before it. `created` is in Unix
    seconds. `model` is the client's own name of the model, for answers that name none.
    """

    id: str
    created: int
    request: Request

    @property
    def model(self) -> str:
        """The client's name of the model."""
        return self.request.model


Reason = Literal[
    "request", "credentials", "permission", "not-found", "too-large", "limit", "overloaded", "server", "filtered"
]


class Problem(msgspec.Struct, frozen=True):
    """An error for a client: why in the words of no provider, the provider's own message, and its code if it has one.

    `status` is the one that the target had.
    """

    reason: Reason
    status: int
    message: str
    code: str = ""


class Reader(Protocol):
    """Reads the stream of one answer.

    `take` reads one event: the payload and the name of the event, "" for none. It never raises for what it does not
    know: that is `Alive`, or `Failed` where content may be lost. `end` is called once, when the body ended in an
    orderly way; it adds `Ended` where the end of the body is the end of a whole answer. `is_settled`: the answer is
    whole, even if the connection breaks now; then `end` is called, too.
    """

    @property
    def is_settled(self) -> bool: ...  # noqa: D102

    def take(self, data: bytes, name: str) -> Sequence[Event]: ...  # noqa: D102

    def end(self) -> Sequence[Event]: ...  # noqa: D102


class Writer(Protocol):
    """Writes the stream of one answer as bytes for the client; b"" where nothing is to be said yet.

    It writes no end of its own: an answer of which `Stopped` or `Ended` never comes stays open, so that it shows.
    """

    def write(self, events: Sequence[Event]) -> bytes: ...  # noqa: D102


@dataclass(frozen=True, slots=True)
class Format:
    """One format.

    `name` is its name for people. `read_request` takes the decoded body and the path after its rewrites, and raises
    `BadRequest`. `write_request` never raises. `read_answer` raises `BadAnswer`. `write_error` returns the status that
    the client's SDK understands and the body.
    """

    api: Api
    name: str
    read_request: Callable[[Mapping[str, Json], str], Request]
    write_request: Callable[[Request, Asker], Written]
    read_answer: Callable[[Json], Answer]
    write_answer: Callable[[Answer, Asked], Json]
    reader: Callable[[], Reader]
    writer: Callable[[Asked], Writer]
    write_error: Callable[[Problem], tuple[int, Json]]
