"""The tools of a neutral request, and which of them the model may call → `toolConfig` of Converse.

Source: botocore's model of bedrock-runtime (ToolConfiguration); Amazon Bedrock User Guide, "Use a tool to complete an
Amazon Bedrock model response".
"""

from switchover_dataplane.translation import json_schemas, tool_forms
from switchover_dataplane.translation.claude import bound, is_forced
from switchover_dataplane.translation.converse.messages import cache_point
from switchover_dataplane.translation.json_schemas import is_too_deep
from switchover_dataplane.translation.losses import Loss, grave, hint
from switchover_dataplane.translation.models import Model
from switchover_dataplane.translation.neutral import Json, Request, Tool, ToolCall

Body = dict[str, Json]


class ToolWriter:
    """Writes the tools of one request."""

    def __init__(self, request: Request, model: Model, losses: list[Loss]) -> None:
        self._losses = losses
        self._request = request
        self._model = model
        self._is_claude = model.family == "claude"

    def config(self) -> Body:
        """Write `toolConfig`; empty where there is none."""
        request, choice = self._request, self._request.tool_choice
        for hosted in request.hosted_tools:
            lost = hint if request.tools else grave
            self._losses.append(lost(hosted.path, {}, "the client's own provider alone runs it"))
        called = self._called()
        if choice is not None and choice.mode == "none" and not called:
            return {}
        allowed = self._allowed()
        if is_forced(request) and not allowed:
            self._losses.append(grave("tool_choice", {}, "the request has no such tool"))
        tools = {tool_forms.flat_name(tool.namespace, tool.name): tool for tool in reversed(allowed or called)}
        if not tools:
            return {}
        if request.parallel is False:
            self._losses.append(grave("parallel_tool_calls", False, "Bedrock cannot limit the calls to one at a time"))
        config: Body = {"tools": []}
        for name, tool in reversed(tools.items()):
            config["tools"].append({"toolSpec": self._tool(name, tool)})
            if tool.cache is not None and self._is_claude:
                config["tools"].append(cache_point(tool.cache, self._model))
        chosen = self._tool_choice() if allowed else {}
        return {**config, "toolChoice": chosen} if chosen else config

    def _called(self) -> list[Tool]:
        """Return the tools that the history names, which Bedrock wants to see wherever there are calls."""
        blocks = (block for turn in self._request.turns for block in turn.blocks)
        calls = [block for block in blocks if isinstance(block, ToolCall)]
        return [Tool(call.name, namespace=call.namespace, is_custom=call.is_custom) for call in calls]

    def _allowed(self) -> list[Tool]:
        """Return the tools that the model may call."""
        names = self._request.tool_choice.allowed if self._request.tool_choice is not None else ()
        return [
            tool
            for tool in self._request.tools
            if not names or tool.name in names or tool_forms.flat_name(tool.namespace, tool.name) in names
        ]

    def _tool(self, name: str, tool: Tool) -> Body:
        path = tool.path or "tools"
        spec: Body = {"name": name}
        if tool.description.strip():
            spec["description"] = tool.description
        given = tool_forms.custom_schema(tool) if tool.is_custom else tool.schema
        schema: Json
        schema, is_widened = json_schemas.of_object(given)
        if is_widened:
            self._losses.append(
                hint(path, given, "a tool takes no choice of schemas at the top, so all fields are offered")
            )
        if tool.is_custom and tool.grammar is not None:
            self._losses.append(hint(path, tool.grammar, "the form of the text is said to the model, and not held"))
        if tool.strict and not tool.is_custom and self._is_claude and self._model.takes_schema:
            if is_too_deep(schema):
                self._losses.append(hint(path, True, "its schema is nested too deeply to hold to it"))
            else:
                schema = bound(schema, path, self._losses)
                spec["strict"] = True
        elif tool.strict:
            self._losses.append(hint(path, True, "this model is not held to the schema of a tool"))
        spec["inputSchema"] = {"json": schema}
        return spec

    def _tool_choice(self) -> Body:
        choice = self._request.tool_choice
        if choice is None:
            return {}
        if choice.is_hosted:
            self._losses.append(grave("tool_choice", {}, "it names a tool that the client's own provider runs"))
            return {}
        if choice.mode == "none":
            self._losses.append(grave("tool_choice", "none", "Bedrock wants tools where the history has calls"))
            return {}
        if choice.mode == "auto":
            return {"auto": {}}
        if not self._model.stops_thinking:
            self._losses.append(grave("tool_choice", choice.mode, "this model always thinks, and forces no tool then"))
            return {}
        if choice.mode == "tool" and choice.name:
            own = tool_forms.tool_of(self._request, choice.name) or next(
                (tool for tool in self._request.tools if tool.name == choice.name), Tool(choice.name)
            )
            return {"tool": {"name": tool_forms.flat_name(own.namespace, own.name)}}
        return {"any": {}}
