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

    The last ones are known of Claude and Gemini alone. `thinking` is how it is told to think: by a number of tokens,
    by an effort (Claude: adaptive; Gemini: thinkingLevel), or "" where it does not think. `stops_thinking`: thinking
    can be turned off. `takes_prefill`: a conversation may end with a turn of the model, which it continues.
    `takes_schema`: it holds to a JSON schema of the answer. `takes_system_turns`: a system prompt may stand within the
    conversation, but not first.
    """

    name: str
    family: Family = "other"
    version: tuple[int, int] = (0, 0)
    line: str = ""
    max_output: int | None = None
    context: int | None = None
    thinks: bool = False
    takes_sampling: bool = True
    thinking: Literal["", "budget", "effort"] = ""
    stops_thinking: bool = True
    takes_prefill: bool = True
    takes_schema: bool = False
    takes_system_turns: bool = False


_PREFIX: Final = re.compile(
    r"(?:.*/)?(?:(?:us|eu|apac|global|jp|au|ca)(?:-gov)?\.)?(?:anthropic\.|google\.|openai\.|mistral\.)?", re.DOTALL
)
_CLAUDE: Final = re.compile(
    r"claude-(?:(?P<line>[a-z]+)-(?P<major>\d{1,2})(?:[-.](?P<minor>\d{1,2})(?!\d))?"
    r"|(?P<major_old>\d{1,2})(?:[-.](?P<minor_old>\d{1,2}))?-(?P<line_old>[a-z]+))"
)
_GEMINI: Final = re.compile(r"gemini-(?P<major>\d{1,2})(?:\.(?P<minor>\d{1,2}))?-?(?P<line>[a-z-]*[a-z])?")
_GEMINI_LATEST: Final = re.compile(r"gemini-(?P<line>[a-z-]+?)-latest")
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


_NEWEST: Final = (99, 0)
"""A model without a version in its name is taken as the newest: what an older one allows, the newest may refuse."""

_ALWAYS_THINK: Final = frozenset(("fable", "mythos"))


def _claude(name: str, bare: str) -> Model:
    """Sources: Claude docs, "Models overview", "Adaptive thinking", "Prefill", "Structured outputs"."""
    found = _CLAUDE.search(bare)
    line, version = "", _NEWEST
    if found is not None:
        line = found["line"] or found["line_old"] or ""
        version = _version(found["major"] or found["major_old"], found["minor"] or found["minor_old"])
    return Model(
        name,
        "claude",
        version if found is not None else (0, 0),
        line,
        max_output=_most_of_claude(line, version) if found is not None else None,
        context=200_000 if found is not None else None,
        thinks=version >= (3, 7),
        takes_sampling=version < (4, 7),
        thinking="effort" if version >= (4, 6) else "budget" if version >= (3, 7) else "",
        stops_thinking=line not in _ALWAYS_THINK,
        takes_prefill=version < (4, 6),
        takes_schema=version >= (4, 5),
        takes_system_turns=line in ("opus", *_ALWAYS_THINK) and version >= (4, 8),
    )


def _most_of_claude(line: str, version: tuple[int, int]) -> int:
    if version < (3, 5):
        return 4_096
    if version < (3, 7):
        return 8_192
    if version >= (4, 6) and line == "opus":
        return 128_000
    return 32_000 if (4, 0) <= version < (4, 5) and line == "opus" else 64_000


def _gemini(name: str, bare: str) -> Model:
    """Sources: Gemini API docs, "Gemini models" (gemini-flash-latest), "Thinking", "Structured output"."""
    found = _GEMINI.match(bare)
    latest = _GEMINI_LATEST.fullmatch(bare)
    version, line = _NEWEST, latest["line"] if latest is not None else ""
    if found is not None:
        version, line = _version(found["major"], found["minor"]), found["line"] or ""
    thinks = version >= (2, 5)
    return Model(
        name,
        "gemini",
        version if found is not None else (0, 0),
        line,
        max_output=65_536 if thinks else 8_192,
        context=1_048_576,
        thinks=thinks,
        thinking="effort" if version >= (3, 0) else "budget" if thinks else "",
        stops_thinking=version < (3, 0) and not line.startswith("pro"),
        takes_prefill=version < (3, 5) or (version == (3, 5) and not line.startswith("flash-lite")),
        takes_schema=version >= (1, 5),
    )


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
