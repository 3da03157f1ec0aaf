"""The name of a model → what is known of it: its family, its version, and the limits that a request must respect.

A name says little and changes often, so whatever is not known is left as the client wrote it. Sources: Claude docs,
"Models overview" and "Extended thinking"; Gemini API docs, "Gemini models" and "Thinking"; OpenAI docs, "Models" and
"Reasoning models"; Mistral docs, "Models".
"""

import re
from functools import lru_cache
from typing import Final, Literal

import msgspec

Family = Literal["claude", "openai", "gemini", "mistral", "other"]


class Model(msgspec.Struct, frozen=True):
    """A model. `version` is (major, minor), (0, 0) if not known. `line` is "opus", "sonnet", "flash", "pro" and so on.

    `max_output` is the most tokens of an answer, `context` the most of both; None if not known. `thinks`: it may
    reason before it answers, so that sampling is refused by some (`takes_sampling`).
    """

    name: str
    family: Family = "other"
    version: tuple[int, int] = (0, 0)
    line: str = ""
    max_output: int | None = None
    context: int | None = None
    thinks: bool = False
    takes_sampling: bool = True


_PREFIX: Final = re.compile(
    r"(?:.*/)?(?:(?:us|eu|apac|global|jp|au|ca)(?:-gov)?\.)?(?:anthropic\.|google\.|openai\.|mistral\.)?", re.DOTALL
)
_CLAUDE: Final = re.compile(
    r"claude-(?:(?P<line>[a-z]+)-(?P<major>\d{1,2})(?:[-.](?P<minor>\d{1,2})(?!\d))?"
    r"|(?P<major_old>\d{1,2})(?:[-.](?P<minor_old>\d{1,2}))?-(?P<line_old>[a-z]+))"
)
_GEMINI: Final = re.compile(r"gemini-(?P<major>\d{1,2})(?:\.(?P<minor>\d{1,2}))?-?(?P<line>[a-z-]*[a-z])?")
_GPT: Final = re.compile(r"(?P<line>gpt|o)-?(?P<major>\d{1,2})(?:\.(?P<minor>\d{1,2}))?(?P<rest>.*)")


@lru_cache(maxsize=1024)
def model_of(name: str) -> Model:
    """Return what a name says of its model, with the prefixes of clouds and proxies left out."""
    bare = name.lower()
    prefix = _PREFIX.match(bare)
    bare = bare[prefix.end() :] if prefix is not None else bare
    if "claude" in bare:
        return _claude(name, bare)
    if bare.startswith("gemini"):
        return _gemini(name, bare)
    if bare.startswith(("gpt-", "o1", "o3", "o4", "chatgpt")):
        return _openai(name, bare)
    if bare.startswith(("mistral", "ministral", "magistral", "codestral", "devstral", "pixtral", "voxtral")):
        return Model(name, "mistral", thinks=bare.startswith("magistral"))
    return Model(name)


def _version(major: str | None, minor: str | None) -> tuple[int, int]:
    return int(major or 0), int(minor or 0)


def _claude(name: str, bare: str) -> Model:
    found = _CLAUDE.search(bare)
    if found is None:
        return Model(name, "claude", thinks=True, takes_sampling=False)
    line = found["line"] or found["line_old"] or ""
    version = _version(found["major"] or found["major_old"], found["minor"] or found["minor_old"])
    if version < (3, 5):
        most = 4_096
    elif version < (3, 7):
        most = 8_192
    elif version < (4, 5) and line == "opus":
        most = 32_000
    else:
        most = 64_000
    return Model(name, "claude", version, line, most, 200_000, version >= (3, 7), version < (4, 7))


def _gemini(name: str, bare: str) -> Model:
    found = _GEMINI.match(bare)
    if found is None:
        return Model(name, "gemini")
    version = _version(found["major"], found["minor"])
    thinks = version >= (2, 5)
    return Model(name, "gemini", version, found["line"] or "", 65_536 if thinks else 8_192, 1_048_576, thinks)


def _openai(name: str, bare: str) -> Model:
    found = _GPT.match(bare)
    if found is None:
        return Model(name, "openai")
    version, line, rest = _version(found["major"], found["minor"]), found["line"], found["rest"]
    if line == "o":
        return Model(name, "openai", version, "o", 100_000, 200_000, True, False)
    if version >= (5, 0):
        is_chat = "chat" in rest
        return Model(name, "openai", version, "gpt", 16_384 if is_chat else 128_000, 400_000, not is_chat, is_chat)
    if version >= (4, 1):
        return Model(name, "openai", version, "gpt", 32_768, 1_047_576)
    if rest.startswith("o"):
        return Model(name, "openai", version, "gpt", 16_384, 128_000)
    return Model(name, "openai", version, "gpt", 4_096 if version < (4, 0) or "turbo" in rest else 8_192)
