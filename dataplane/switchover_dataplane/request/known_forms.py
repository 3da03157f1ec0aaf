"""Requests that differ in the texts of their turns alone → the translation of one, with a place for each text.

An application sends the same fields again and again, with other texts. A format asks of a text whether it is blank and
whether white space stands at its ends, and nothing else. Such texts are not taken here. Requests for JSON are not taken
either, as OpenAI wants a word in their texts. So one request is translated with marks in the place of its texts. What
stands between the marks is what each other request of its form has there.
"""

import re
import secrets
from typing import Final

import msgspec
from msgspec.structs import replace

from switchover_dataplane.formats.json_body import TURNS, JsonBody
from switchover_dataplane.request import plain_turns
from switchover_dataplane.request.plain_turns import Shape
from switchover_dataplane.translation.losses import Loss
from switchover_dataplane.translation.neutral import Request

MOST_FORMS: Final = 256
"""Forms that are kept, and so many that came once."""

LARGEST: Final = 4 * 1024
"""Bytes of the fields of a form, and of what is written for it."""

LARGEST_TURNS: Final = 256 * 1024
"""Bytes of turns that are read here."""

_MARK: Final = f"~{secrets.token_hex(16)}"
"""Nobody outside can know it. A mark has a sign of every kind that JSON writes in more than one way."""

_END: Final = '"\\\n\u00e9~'
_encoder: Final = msgspec.json.Encoder()
_PLACE: Final = re.compile(
    re.escape(_MARK.encode()) + rb"(\d+)" + re.escape(_encoder.encode(_END)[1:-1])  # without its quotes
)

Key = tuple[str, bytes, bytes, Shape]


class Conversation:
    """A request of texts alone: what stands in its body before and behind the turns, which are the field `name`.

    Bodies that have the same there have their turns in the same field, as each field is there once.
    """

    __slots__ = ("after", "before", "name", "shape", "texts")

    def __init__(self, name: str, before: bytes, after: bytes, shape: Shape, texts: list[str]) -> None:
        self.name = name
        self.before = before
        self.after = after
        self.shape = shape
        self.texts = texts

    @property
    def marks(self) -> list[str]:
        """Return a mark for each text."""
        return [f"{_MARK}{number}{_END}" for number in range(len(self.texts))]


def conversation_of(body: JsonBody) -> Conversation | None:
    """Return the conversation that a body is; None for one of another kind, or a large one."""
    fields = body.fields
    for name in TURNS:
        turns = fields.get(name)
        if turns is not None:
            break
    else:
        return None
    if len(turns) > LARGEST_TURNS or body.has_added_messages:
        return None
    content = body.for_model("")
    start = content.find(turns)
    if start < 0 or len(content) - len(turns) > LARGEST:
        return None
    found = plain_turns.read(name, turns)
    if found is None:
        return None
    return Conversation(name, content[:start], content[start + len(turns) :], found[0], found[1])


class Form:
    """What is written for each request of a form: `pieces` and, at every second place, the number of a text.

    `losses` are those of each of them, and `request` is the neutral one without its turns.
    """

    __slots__ = ("losses", "pieces", "places", "request")

    def __init__(self, pieces: list[bytes], places: list[int], losses: tuple[Loss, ...], request: Request) -> None:
        self.pieces = pieces
        self.places = places
        self.losses = losses
        self.request = request

    def filled(self, texts: list[str]) -> bytes:
        """Write the request that has these texts."""
        pieces = self.pieces
        written = [pieces[0]]
        for place, number in enumerate(self.places, 1):
            written.append(_encoder.encode(texts[number])[1:-1])
            written.append(pieces[place])
        return b"".join(written)


def form_of(request: Request, written: bytes, losses: tuple[Loss, ...]) -> Form | None:
    """Return the form of a request with marks and of what was written for it; None if that depends on its texts."""
    if request.schema is not None or len(written) > LARGEST:
        return None
    found = _PLACE.split(written)
    pieces, places = found[::2], [int(number) for number in found[1::2]]
    bare = replace(request, turns=())
    mark = _MARK.encode()
    if any(mark in piece for piece in pieces) or _MARK in repr(bare) or _MARK in repr(losses):
        return None
    return Form(pieces, places, losses, bare)


class KnownForms:
    """Forms by what tells them apart. One is learned when it comes for the second time."""

    __slots__ = ("_came", "_forms")

    def __init__(self) -> None:
        self._came: dict[int, None] = {}
        self._forms: dict[Key, Form | None] = {}

    def get(self, key: Key) -> Form | None:
        """Return the form of a key, None if it is not known."""
        return self._forms.get(key)

    def is_wanted(self, key: Key) -> bool:
        """Whether a form is to be learned: it came before, and was not found to depend on its texts."""
        if key in self._forms:
            return False
        digest = hash(key)
        if digest in self._came:
            return True
        self._came[digest] = None
        if len(self._came) > MOST_FORMS:
            del self._came[next(iter(self._came))]
        return False

    def add(self, key: Key, form: Form | None) -> None:
        """Keep a form; None says that there is none."""
        self._forms[key] = form
        if len(self._forms) > MOST_FORMS:
            del self._forms[next(iter(self._forms))]
