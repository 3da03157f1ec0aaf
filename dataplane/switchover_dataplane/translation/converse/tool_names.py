"""The names of a request's tools → names that Converse takes, each tool's own, and the way back.

A name that fits and is unique stays. A tool of a namespace is called NAMESPACE__NAME; what does not fit then is cut and
ends in a digest, so that the same tool has the same name in every request.
"""

import hashlib
import re
from typing import Final

from switchover_dataplane.translation.neutral import Request, ToolCall

_FITS: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")
"""botocore's model of bedrock-runtime: ToolName."""

_OTHER: Final = re.compile(r"[^A-Za-z0-9_-]")
_DIGITS: Final = 8
_LONGEST: Final = 64

ToolKey = tuple[str, str]
"""Namespace, "" for none, and name as the client wrote them."""


def flat_names(request: Request) -> dict[ToolKey, str]:
    """Return the name of each tool that a request defines, calls or forces."""
    keys = [(tool.namespace, tool.name) for tool in request.tools]
    keys += [
        (block.namespace, block.name) for turn in request.turns for block in turn.blocks if isinstance(block, ToolCall)
    ]
    if request.tool_choice is not None:
        keys += [known_key(keys, name) for name in (request.tool_choice.name, *request.tool_choice.allowed) if name]
    names: dict[ToolKey, str] = {}
    # A tool whose name fits as it is keeps it, whatever comes before it.
    for key in sorted(dict.fromkeys(keys), key=lambda key: bool(key[0]) or not _FITS.fullmatch(key[1])):
        names[key] = _free(key, set(names.values()))
    return names


def known_key(keys: list[ToolKey], name: str) -> ToolKey:
    """Return the tool that a name without its namespace means: the first of that name."""
    return next((key for key in keys if key[1] == name), ("", name))


def _free(key: ToolKey, used: set[str]) -> str:
    namespace, name = key
    wanted = f"{namespace}__{name}" if namespace else name
    if _FITS.fullmatch(wanted) and wanted not in used:
        return wanted
    digest = hashlib.sha256(f"{namespace}\0{name}".encode("utf-8", "surrogatepass")).hexdigest()[:_DIGITS]
    return f"{_OTHER.sub('_', wanted)[: _LONGEST - _DIGITS - 1]}_{digest}"
