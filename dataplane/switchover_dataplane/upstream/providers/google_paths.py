"""Paths of generateContent: what of a model a client asks, at the Gemini API or at Vertex AI.

Sources: Gemini API reference, "Models"; Vertex AI API reference, "Method: models.generateContent".
"""

import re
from typing import Final, NamedTuple
from urllib.parse import quote

_PATH: Final = re.compile(
    r"/v1(?:alpha|beta1?)?/(?:projects/[^/]+/locations/[^/]+/publishers/[^/]+/)?(?P<collection>models|tunedModels)"
    r"(?:/(?P<model>[^/:]+)(?P<method>:[A-Za-z]+)?)?"
)
_OF_TEXT: Final = (":generateContent", ":streamGenerateContent", ":countTokens")
"""Methods about a text that a model writes or reads. What embeds is another model."""


class Asked(NamedTuple):
    """What a path asks for. `model` and `method` are "" for the list of models, `method` is ":" and a name."""

    collection: str
    model: str
    method: str

    def below(self, parent: str, model: str) -> str:
        """Return the path of the same for another API; `model` replaces the one that writes, "" keeps it."""
        if not self.model:
            return f"{parent}/{self.collection}"
        if model and self.method in _OF_TEXT:
            return f"{parent}/{of_model(model)}{self.method}"
        return f"{parent}/{self.collection}/{self.model}{self.method}"


def asked(path: str) -> Asked | None:
    """Read a path without its query; None if it is no path of a model."""
    found = _PATH.fullmatch(path)
    return None if found is None else Asked(found["collection"], found["model"] or "", found["method"] or "")


def of_model(model: str) -> str:
    """Return the part of a path that names a model; a tuned one has its collection in its name."""
    collection, slash, name = model.rpartition("/")
    if not slash or collection != "tunedModels":
        collection, name = "models", model
    return f"{collection}/{quote(name, safe='@')}"


def generate(parent: str, model: str, *, streamed: bool) -> str:
    """Return path and query that ask a model for an answer; streams are asked as server-sent events."""
    method = "streamGenerateContent?alt=sse" if streamed else "generateContent"
    return f"{parent}/{of_model(model)}:{method}"
