"""The neutral tools, choice of tools and form of the answer → those of the Messages API.

Sources: Anthropic API reference, Messages (ToolParam, ToolChoiceParam); Claude docs, "Structured outputs" (limits of
schemas), "Tool use".
"""

from switchover_dataplane.translation import chosen_tools, json_schemas, tool_forms
from switchover_dataplane.translation.claude import bound
from switchover_dataplane.translation.losses import Loss, grave, hint
from switchover_dataplane.translation.messages.write_turns import marked
from switchover_dataplane.translation.models import Model
from switchover_dataplane.translation.neutral import Json, Request, Tool, ToolCall


def write_tools(request: Request, model: Model, losses: list[Loss]) -> list[dict[str, Json]]:
    """Write the tools; those that the choice does not allow are left out.

    A conversation with calls needs tools, so that calls of a request without tools bring their names.
    """
    losses += chosen_tools.hosted(request)
    written: dict[str, dict[str, Json]] = {}
    for tool in chosen_tools.allowed(request) if request.tools else _of_history(request):
        one = _tool(tool, model, losses)
        written.setdefault(one["name"], one)
    return list(written.values())


def _of_history(request: Request) -> list[Tool]:
    calls = [block for turn in request.turns for block in turn.blocks if isinstance(block, ToolCall)]
    return [Tool(call.name, namespace=call.namespace, is_custom=call.is_custom) for call in calls]


def _tool(tool: Tool, model: Model, losses: list[Loss]) -> dict[str, Json]:
    path = tool.path or "tools"
    given = tool_forms.custom_schema(tool) if tool.is_custom else tool.schema
    schema, is_widened = json_schemas.of_object(given)
    if is_widened:
        losses.append(hint(path, given, "Claude takes no choice of schemas at the top, so all fields are offered"))
    written: dict[str, Json] = {"name": tool_forms.flat_name(tool.namespace, tool.name)}
    if tool.description:
        written["description"] = tool.description
    if tool.is_custom and tool.grammar is not None:
        losses.append(hint(path, tool.grammar, "the form of the text is said to the model, and not held"))
    if tool.strict and not tool.is_custom and model.takes_schema:
        schema = bound(schema, path, losses)
        written["strict"] = True
    elif tool.strict:
        losses.append(hint(path, True, "the model is not held to the schema of a tool"))
    written["input_schema"] = schema
    return marked(written, tool.cache)


def write_choice(request: Request, tools: list[dict[str, Json]], losses: list[Loss]) -> dict[str, Json] | None:
    """Write which tools the model may call; None where nothing needs to be said."""
    choice, one_by_one = request.tool_choice, {"disable_parallel_tool_use": True} if request.parallel is False else {}
    refused = chosen_tools.unchoosable(request)
    losses += refused
    if refused or not tools:
        return None
    if not request.tools:
        return {"type": "none"}
    match None if choice is None else choice.mode:
        case None:
            return {"type": "auto", **one_by_one} if one_by_one else None
        case "none":
            return {"type": "none"}
        case "tool" if choice is not None:
            return {"type": "tool", "name": chosen_tools.flat_name(request, choice.name), **one_by_one}
        case mode:
            return {"type": mode, **one_by_one}


def write_format(request: Request, model: Model, losses: list[Loss]) -> dict[str, Json] | None:
    """Write the form of the answer; None if there is none, or the model has none."""
    if request.schema is None:
        return None
    if request.schema.schema is None:
        losses.append(grave("response_format", {}, "Claude has no JSON mode without a schema"))
        return None
    if not model.takes_schema:
        losses.append(grave("response_format", {}, "the model is not held to a schema"))
        return None
    return {"type": "json_schema", "schema": bound(dict(request.schema.schema), "response_format", losses)}


__all__ = ["write_choice", "write_format", "write_tools"]
