"""Which tools a request offers and forces → the tools and names that a target is told.

A choice names a tool as the client does, without its namespace.
"""

from collections.abc import Iterator

from switchover_dataplane.translation import tool_forms
from switchover_dataplane.translation.losses import Loss, grave, hint
from switchover_dataplane.translation.neutral import Request, Tool


def hosted(request: Request) -> Iterator[Loss]:
    """Yield the loss of each tool that the client's provider runs: a hint beside tools of the client's own."""
    for tool in request.hosted_tools:
        yield (hint if request.tools else grave)(tool.path, {}, "the client's own provider alone runs it")


def allowed(request: Request) -> list[Tool]:
    """Return the tools of the client's own that the choice allows."""
    names = request.tool_choice.allowed if request.tool_choice is not None else ()
    return [tool for tool in request.tools if not names or tool.name in names or _flat(tool) in names]


def flat_name(request: Request, name: str) -> str:
    """Return the name of a chosen tool as the target knows it."""
    exact = [tool for tool in request.tools if name in (tool.name, _flat(tool))]
    return _flat(exact[0]) if exact else tool_forms.flat_name("", name)


def _flat(tool: Tool) -> str:
    return tool_forms.flat_name(tool.namespace, tool.name)


def unchoosable(request: Request) -> list[Loss]:
    """Return the loss of a choice that forces a tool which no target of another provider has."""
    choice = request.tool_choice
    if choice is None:
        return []
    if choice.is_hosted:
        return [grave("tool_choice", {}, "it names a tool that the client's own provider runs")]
    if choice.mode in ("any", "tool") and not allowed(request):
        return [grave("tool_choice", {}, "the request has no such tool")]
    return []


__all__ = ["allowed", "flat_name", "hosted", "unchoosable"]
