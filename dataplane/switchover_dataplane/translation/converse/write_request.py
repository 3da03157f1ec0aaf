"""The neutral request → the body of Converse, for the model that will answer.

Source: botocore's model of bedrock-runtime (ConverseRequest); Amazon Bedrock User Guide, "Using the Converse API" and
"Prompt caching". The body has no model and does not say whether it streams: the path does.
"""

import re
from typing import Final

import msgspec

from switchover_dataplane.translation.call_ids import paired
from switchover_dataplane.translation.converse import schemas
from switchover_dataplane.translation.converse.messages import MessageWriter, cache_point
from switchover_dataplane.translation.converse.reasoning import thought
from switchover_dataplane.translation.converse.tool_names import ToolKey, flat_names, known_key
from switchover_dataplane.translation.format import Asker, Written
from switchover_dataplane.translation.losses import Loss, grave, hint
from switchover_dataplane.translation.models import Model
from switchover_dataplane.translation.neutral import Json, Request, Tool, ToolCall

Body = dict[str, Json]

_TIERS: Final = frozenset(("priority", "default", "flex", "reserved"))
_METADATA: Final = re.compile(r"[a-zA-Z0-9\s:_@$#=/+,-.]{0,256}")
"""botocore's model of bedrock-runtime: RequestMetadata, at most 16 of them."""
_MOST_METADATA: Final = 16
_MOST_STOPS: Final = 2_500
_STRICT_SINCE: Final = (4, 5)
"""Claude docs, "Structured outputs": the first version whose answers a schema binds."""
_ONE_SAMPLING_SINCE: Final = (4, 1)
"""Claude refuses temperature and top_p together since then."""
_ANY_OBJECT: Final = {"type": "object", "properties": {}}
_ONE_TEXT: Final = {"type": "object", "properties": {"input": {"type": "string"}}, "required": ["input"]}
"""What stands for the text that a custom tool takes."""


def write_request(request: Request, asker: Asker) -> Written:
    """Write a request; the losses are those of writing alone."""
    writer = _Writer(paired(request), asker.model)
    return Written(writer.body(), tuple(writer.losses))


class _Writer:
    def __init__(self, request: Request, model: Model) -> None:
        self.losses: list[Loss] = []
        self._request = request
        self._model = model
        self._names = flat_names(request)
        self._thought = thought(request, model)
        self._is_claude = model.family == "claude"

    def body(self) -> Body:
        self.losses += self._thought.losses
        messages = MessageWriter(self._model, self._names, self.losses)
        body: Body = {"messages": messages.messages(self._request)}
        parts: Body = {
            "system": messages.system(self._request),
            "inferenceConfig": self._inference(),
            "toolConfig": self._tool_config(),
            "additionalModelRequestFields": self._fields_of_the_model(),
            "outputConfig": self._output(),
            "requestMetadata": self._metadata(),
            "serviceTier": self._tier(),
        }
        body.update({name: part for name, part in parts.items() if part})
        if self._is_claude and self._request.stop:
            # The only way to learn which of the stop sequences came.
            body["additionalModelResponseFieldPaths"] = ["/stop_sequence"]
        self._name_what_has_no_place()
        return body

    # ── Limits and sampling ─────────────────────────────────────────────────────────────────────────────────────────

    def _inference(self) -> Body:
        most = self._most_tokens()
        parts: Body = {"maxTokens": most, "stopSequences": self._stops() or None, **self._sampling()}
        return {name: part for name, part in parts.items() if part is not None}

    def _most_tokens(self) -> int | None:
        asked, limit, budget = self._request.max_tokens, self._model.max_output, self._thought.budget
        if asked is None:
            return None
        most = max(asked, 1)
        if most <= budget:
            # The budget is part of the limit, and the answer needs some of it.
            most = budget + most
        if limit is not None and most > limit:
            self.losses.append(hint("max_tokens", asked, f"this model writes {limit} tokens at most"))
            most = limit
        return most

    def _stops(self) -> list[str]:
        stops = [stop for stop in self._request.stop if stop]
        if self._is_claude and any(stop.isspace() for stop in stops):
            self.losses.append(grave("stop", stops, "Claude takes no stop sequence that is white space alone"))
            stops = [stop for stop in stops if not stop.isspace()]
        if len(stops) > _MOST_STOPS:
            self.losses.append(grave("stop", stops, f"Bedrock takes {_MOST_STOPS} stop sequences at most"))
        return stops[:_MOST_STOPS]

    def _sampling(self) -> Body:
        temperature, top_p = self._request.temperature, self._request.top_p
        if self._is_claude and (not self._model.takes_sampling or self._thought.thinks):
            why = "this model thinks, and takes no sampling then" if self._thought.thinks else "this model takes none"
            if temperature not in (None, 1):
                self.losses.append(hint("temperature", temperature, why))
            if top_p not in (None, 1):
                self.losses.append(hint("top_p", top_p, why))
            return {}
        if temperature is not None and top_p is not None and self._takes_one_of_both():
            if top_p != 1:
                self.losses.append(hint("top_p", top_p, "this model takes temperature or top_p, not both"))
            top_p = None
        return {
            "temperature": self._from_0_to_1("temperature", temperature),
            "topP": self._from_0_to_1("top_p", top_p),
        }

    def _takes_one_of_both(self) -> bool:
        version = self._model.version
        return self._is_claude and (version >= _ONE_SAMPLING_SINCE or version == (0, 0))

    def _from_0_to_1(self, name: str, value: float | None) -> float | None:
        if value is None or 0 <= value <= 1:
            return value
        self.losses.append(hint(name, value, "Bedrock takes 0 to 1, and the nearest was sent"))
        return 1.0 if value > 1 else 0.0

    def _fields_of_the_model(self) -> Body:
        fields: Body = dict(self._thought.fields)
        top_k = self._request.top_k
        if top_k is not None:
            if not self._is_claude:
                self.losses.append(hint("top_k", top_k, "Bedrock has no field for it that each model has"))
            elif not self._model.takes_sampling or self._thought.thinks:
                self.losses.append(hint("top_k", top_k, "this model takes none, or none while it thinks"))
            else:
                fields["top_k"] = max(top_k, 1)
        return fields

    # ── Tools ───────────────────────────────────────────────────────────────────────────────────────────────────────

    def _tool_config(self) -> Body:
        request, choice = self._request, self._request.tool_choice
        self.losses += [grave(tool.path, {}, "only its own provider runs this tool") for tool in request.hosted_tools]
        called = self._called()
        if choice is not None and choice.mode == "none" and not called:
            return {}
        allowed = self._allowed()
        if request.tools and not allowed:
            self.losses.append(grave("tool_choice", {}, "it allows no tool that the request has"))
        tools = allowed or [Tool(name, namespace=namespace) for namespace, name in called]
        if not tools:
            return {}
        if request.parallel is False:
            self.losses.append(grave("parallel_tool_calls", False, "Bedrock cannot limit the calls to one at a time"))
        written: list[Body] = []
        for tool in tools:
            written.append({"toolSpec": self._tool(tool)})
            if tool.cache is not None and self._is_claude:
                written.append(cache_point(tool.cache, self._model))
        config: Body = {"tools": written}
        chosen = self._tool_choice()
        return {**config, "toolChoice": chosen} if chosen else config

    def _called(self) -> list[ToolKey]:
        """Return the tools that the history names, which Bedrock wants to see wherever there are calls."""
        blocks = (block for turn in self._request.turns for block in turn.blocks)
        return list(dict.fromkeys((block.namespace, block.name) for block in blocks if isinstance(block, ToolCall)))

    def _allowed(self) -> list[Tool]:
        """Return the tools that the model may call; one that comes twice is sent once."""
        choice = self._request.tool_choice
        tools = {(tool.namespace, tool.name): tool for tool in self._request.tools}
        if choice is None or not choice.allowed:
            return list(tools.values())
        keys = {known_key(list(tools), name) for name in choice.allowed}
        return [tool for key, tool in tools.items() if key in keys]

    def _tool(self, tool: Tool) -> Body:
        path = tool.path or "tools"
        spec: Body = {"name": self._names[tool.namespace, tool.name]}
        if tool.description.strip():
            spec["description"] = tool.description
        schema: Json = dict(tool.schema) if tool.schema else dict(_ANY_OBJECT)
        if tool.is_custom:
            schema = dict(_ONE_TEXT)
            if tool.grammar is not None:
                self.losses.append(grave(path, tool.grammar, "Bedrock has no grammar of a tool's text"))
        elif tool.strict:
            try:
                schema = self._strict(schema)
                spec["strict"] = True
            except schemas.DoesNotFit as error:
                self.losses.append(hint(path, True, f"its schema cannot bind the arguments: {error}"))
        spec["inputSchema"] = {"json": schema if schema.get("type") else {"type": "object", **schema}}
        return spec

    def _strict(self, schema: Json) -> Json:
        """Return a schema that binds the arguments, unchanged.

        Raises:
            DoesNotFit: the model knows no strict tools, or not all of the schema.
        """
        if not self._is_claude or self._model.version < _STRICT_SINCE:
            raise schemas.DoesNotFit("this model knows no strict tools")
        fitted, is_changed = schemas.bound(schema)
        if is_changed:
            raise schemas.DoesNotFit("it has limits that Claude does not know")
        return fitted

    def _tool_choice(self) -> Body:
        choice = self._request.tool_choice
        if choice is None:
            return {}
        if choice.is_hosted:
            self.losses.append(grave("tool_choice", {}, "only its own provider runs this tool"))
            return {}
        if choice.mode == "none":
            self.losses.append(grave("tool_choice", "none", "Bedrock wants tools where the history has calls"))
            return {}
        if self._thought.thinks and choice.mode != "auto" and self._is_claude:
            self.losses.append(grave("tool_choice", choice.mode, "this model always thinks, and forces no tool then"))
            return {}
        if choice.mode == "tool" and choice.name:
            return {"tool": {"name": self._names[known_key(list(self._names), choice.name)]}}
        return {"auto" if choice.mode == "auto" else "any": {}}

    # ── The form of the answer, and the rest ────────────────────────────────────────────────────────────────────────

    def _output(self) -> Body:
        output: Body = {"effort": self._thought.effort} if self._thought.effort else {}
        asked = self._request.schema
        if asked is None:
            return output
        if asked.schema is None:
            self.losses.append(grave("response_format", {}, "Bedrock has no answer that is any JSON object"))
            return output
        schema: Json = asked.schema
        if self._is_claude:
            if (0, 0) < self._model.version < _STRICT_SINCE:
                self.losses.append(grave("response_format", {}, "no schema binds what this model answers"))
                return output
            try:
                schema, is_changed = schemas.bound(asked.schema)
            except schemas.DoesNotFit as error:
                self.losses.append(grave("response_format", {}, f"the schema cannot bind the answer: {error}"))
                return output
            if is_changed:
                self.losses.append(hint("response_format", {}, "limits of the schema became words of its descriptions"))
        definition: Body = {"schema": msgspec.json.encode(schema).decode()}
        if asked.name:
            definition["name"] = asked.name
        if asked.description:
            definition["description"] = asked.description
        output["textFormat"] = {"type": "json_schema", "structure": {"jsonSchema": definition}}
        return output

    def _metadata(self) -> Body:
        given = self._request.metadata or {}
        fitting = {
            name: value
            for name, value in given.items()
            if isinstance(value, str) and name and _METADATA.fullmatch(name) and _METADATA.fullmatch(value)
        }
        kept = dict(list(fitting.items())[:_MOST_METADATA])
        if len(kept) < len(given):
            self.losses.append(hint("metadata", given, "Bedrock takes 16 short texts of a few signs"))
        return kept

    def _tier(self) -> Body:
        tier = self._request.service_tier
        if tier in _TIERS:
            return {"type": tier}
        if tier not in ("", "auto"):
            self.losses.append(hint("service_tier", tier, "Bedrock has no such tier"))
        return {}

    def _name_what_has_no_place(self) -> None:
        request = self._request
        if request.n > 1:
            self.losses.append(grave("n", request.n, "Bedrock gives one answer"))
        if request.logprobs is not None:
            self.losses.append(grave("logprobs", request.logprobs, "Bedrock has none"))
        if request.logit_bias:
            self.losses.append(grave("logit_bias", request.logit_bias, "Bedrock has none"))
        for name, value in (
            ("presence_penalty", request.presence_penalty),
            ("frequency_penalty", request.frequency_penalty),
            ("seed", request.seed),
            ("verbosity", request.verbosity),
            ("user", request.user),
            ("cache_key", request.cache_key),
        ):
            # A penalty of 0 is none; a seed of 0 is one.
            if value is not None and value != "" and (value != 0 or name == "seed"):
                self.losses.append(hint(name, value, "Bedrock has no field for it"))
