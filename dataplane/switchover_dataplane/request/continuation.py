"""A request and the text that was already sent for it → the request that asks another model for the rest.

Mistral is documented to continue an assistant message marked as a prefix (docs.mistral.ai, Prefix). Any other model is
shown its part of the conversation and asked to go on, beginning with the last words, so that it can be verified.
"""

from typing import Final

import msgspec

from switchover_dataplane.failover.outcome import Outcome, Refused
from switchover_dataplane.formats.json_body import JsonBody
from switchover_dataplane.streams.splice import last_words
from switchover_dataplane.table.upstreams import Mistral
from switchover_dataplane.upstream.targets import Route

_ASKED: Final = (
    "Your last message was cut off while it was sent. Send the rest of it, so that both parts read as one message. "
    "Begin with the last words that arrived, exactly as they stand between the lines below, and go straight on from "
    "there: no greeting, no comment, nothing of what came before them.\n-----\n{words}\n-----"
)

_encoder: Final = msgspec.json.Encoder()


def asked_to_go_on(text: str) -> str:
    """Write what a model is told that goes on with an answer of which `text` was sent."""
    return _ASKED.format(words=last_words(text))


def _part(role: str, text: str) -> dict[str, object]:
    return {"role": role, "parts": [{"text": text}]}


class Continuation:
    """The body of a request for the rest of `text`, worded for each target; None: for all of the answer once more.

    `model` and `stream` are as in the request's own body.
    """

    __slots__ = ("_body", "_refused", "_text", "model", "stream")

    continues = True

    def __init__(self, body: JsonBody, text: str | None) -> None:
        self.model = body.model
        self.stream = body.stream
        self._body = body
        self._refused: set[str] = set()
        self._text = text

    @classmethod
    def of(cls, body: object, text: str | None) -> "Continuation | None":
        """Make one; None where the request is no conversation."""
        return cls(body, text) if isinstance(body, JsonBody) and body.turns else None

    @property
    def fields(self) -> dict[str, msgspec.Raw]:
        """The fields of the request's own body."""
        return self._body.fields

    def for_target(self, route: Route, model: str) -> bytes:
        """Word the body for a target."""
        if self._text is None:
            return self._body.for_model(model)
        added: list[dict[str, object]]
        name = self._body.turns
        if name == "contents":
            added = [_part("model", self._text), _part("user", asked_to_go_on(self._text))]
            return self._body.with_turns(_encoder.encode(added)[1:-1]).for_model(model)
        answered = {"role": "assistant", "content": self._text}
        if name == "input":
            asked = {"role": "user", "content": asked_to_go_on(self._text)}
            return self._body.with_turns(_encoder.encode([answered, asked])[1:-1]).for_model(model)
        if self._prefills(route):
            added = [{**answered, "prefix": True}]
        else:
            added = [{**answered}, {"role": "user", "content": asked_to_go_on(self._text)}]
        return self._body.with_messages(after=_encoder.encode(added)[1:-1]).for_model(model)

    @property
    def own(self) -> JsonBody:
        """The request's own body."""
        return self._body

    @property
    def text(self) -> str | None:
        """The text that was sent already; None if all of the answer is asked for once more."""
        return self._text

    def falls_back(self, route: Route, outcome: Outcome) -> bool:
        """Tell whether the target refused the prefix; from now on it is asked in the other way."""
        if not self._prefills(route) or not isinstance(outcome, Refused) or outcome.status not in (400, 422):
            return False
        self._refused.add(route.target.id)
        return True

    def _prefills(self, route: Route) -> bool:
        is_prefix = self._text is not None and isinstance(route.target.provider, Mistral)
        return is_prefix and route.target.id not in self._refused
