"""The neutral request → the body of Converse, for the model that will answer.

Source: botocore's model of bedrock-runtime (ConverseRequest); Amazon Bedrock User Guide, "Using the Converse API" and
"Prompt caching". The body has no model and does not say whether it streams: the path does.
"""

import re
from typing import Final

from switchover_dataplane.translation import json_schemas
from switchover_dataplane.translation.call_ids import paired
from switchover_dataplane.translation.claude import bound
from switchover_dataplane.translation.conversation import arranged, prefill
from switchover_dataplane.translation.converse.messages import BEGINNING, MessageWriter
from switchover_dataplane.translation.converse.reasoning import thought
from switchover_dataplane.translation.converse.tools import ToolWriter
from switchover_dataplane.translation.format import Asker, Written
from switchover_dataplane.translation.json_schemas import is_too_deep
from switchover_dataplane.translation.losses import Loss, grave, hint
from switchover_dataplane.translation.models import Model
from switchover_dataplane.translation.neutral import Json, Request

Body = dict[str, Json]

_TIERS: Final = frozenset(("priority", "default", "flex", "reserved"))
_METADATA: Final = re.compile(r"[a-zA-Z0-9\s:_@$#=/+,-.]{0,256}")
"""botocore's model of bedrock-runtime: RequestMetadata, at most 16 of them."""
_MOST_METADATA: Final = 16
_MOST_STOPS: Final = 2_500
_MOST_CACHE_POINTS: Final = 4
"""Amazon Bedrock User Guide, "Prompt caching": checkpoints of a request."""
_ONE_SAMPLING_SINCE: Final = (4, 1)
"""Claude refuses temperature and top_p together since then."""
_LEAST_TOP_P: Final = 0.95
"""What a Claude that thinks takes (Claude docs, "Extended thinking")."""


def write_request(request: Request, asker: Asker) -> Written:
    """Write a request; the losses are those of writing alone."""
    writer = _Writer(paired(request), asker.model)
    return Written(writer.body(), tuple(writer.losses))


class _Writer:
    def __init__(self, request: Request, model: Model) -> None:
        self.losses: list[Loss] = []
        self._request = request
        self._model = model
        self._is_claude = model.family == "claude"
        self._conversation = arranged(request, takes_system_turns=False)
        self._thought = thought(request, self._conversation.messages, model)

    def body(self) -> Body:
        conversation = self._conversation
        messages = MessageWriter(self._model, self.losses)
        self.losses += [
            *conversation.losses,
            *self._thought.losses,
            *prefill(conversation.messages, is_taken=self._model.takes_prefill),
        ]
        body: Body = {"messages": messages.messages(conversation.messages)}
        if not body["messages"] and conversation.system:
            body["messages"] = [{"role": "user", "content": messages.system([conversation.system.pop()])}]
            self.losses.append(hint("system", {}, "a prompt of the system alone is asked as the user's"))
        if not body["messages"]:
            body["messages"] = [{"role": "user", "content": [{"text": BEGINNING}]}]
            self.losses.append(hint("messages", {}, "nothing was said, so a line stands in its place"))
        parts: Body = {
            "system": messages.system(conversation.system),
            "inferenceConfig": self._inference(),
            "toolConfig": ToolWriter(self._request, self._model, self.losses).config(),
            "additionalModelRequestFields": self._fields_of_the_model(),
            "outputConfig": self._output(),
            "requestMetadata": self._metadata(),
            "serviceTier": self._tier(),
        }
        body.update({name: part for name, part in parts.items() if part})
        self._limit_cache_points(body)
        if self._is_claude and self._request.stop:
            # The only way to learn which of the stop sequences came.
            body["additionalModelResponseFieldPaths"] = ["/stop_sequence"]
        self._name_what_has_no_place()
        return body

    def _limit_cache_points(self, body: Body) -> None:
        """Leave the last cache points, which cover the most, where there are more than a request may have."""
        lists = [body.get("toolConfig", {}).get("tools", []), body.get("system", [])]
        lists += [message["content"] for message in body["messages"]]
        points = [(blocks, block) for blocks in lists for block in blocks if "cachePoint" in block]
        for blocks, point in points[:-_MOST_CACHE_POINTS]:
            blocks[:] = [block for block in blocks if block is not point]
        if len(points) > _MOST_CACHE_POINTS:
            why = f"Bedrock takes {_MOST_CACHE_POINTS} cache points, so the last ones stay"
            self.losses.append(hint("cache_control", points, why))

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
            most += budget
            self.losses.append(hint("max_tokens", asked, "it was raised above the tokens for reasoning"))
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
        """Return temperature and top_p, without those that Claude refuses."""
        given = {"temperature": self._request.temperature, "top_p": self._request.top_p}
        kept = {name: value for name, value in given.items() if value is not None and self._takes(name, value)}
        if len(kept) == len(given) and self._is_claude and self._model.version >= _ONE_SAMPLING_SINCE:
            if kept["top_p"] != 1:
                self.losses.append(hint("top_p", kept["top_p"], "this model takes it or the temperature"))
            del kept["top_p"]
        return {
            "temperature": self._from_0_to_1("temperature", kept.get("temperature")),
            "topP": self._from_0_to_1("top_p", kept.get("top_p")),
        }

    def _takes(self, name: str, value: float) -> bool:
        """Whether the model takes a value for sampling; one that changes nothing is left out without a word."""
        if not self._is_claude or (self._model.takes_sampling and not self._thought.is_on):
            return True
        if value == 1 and name != "top_k":
            return False
        if self._model.takes_sampling and name == "top_p" and value >= _LEAST_TOP_P:
            return True
        why = "this model takes no sampling where it thinks" if self._thought.is_on else "this model takes no sampling"
        self.losses.append(hint(name, value, why))
        return False

    def _from_0_to_1(self, name: str, value: float | None) -> float | None:
        if value is None or 0 <= value <= 1:
            return value
        self.losses.append(hint(name, value, "Bedrock takes 0 to 1, and the nearest was sent"))
        return 1.0 if value > 1 else 0.0

    def _fields_of_the_model(self) -> Body:
        fields: Body = dict(self._thought.fields)
        top_k = self._request.top_k
        if top_k is None:
            return fields
        if not self._is_claude:
            self.losses.append(hint("top_k", top_k, "Bedrock has no field for it that each model has"))
        elif self._takes("top_k", top_k):
            fields["top_k"] = max(top_k, 1)
        return fields

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
        if is_too_deep(schema) or (self._is_claude and not self._model.takes_schema):
            self.losses.append(grave("response_format", {}, "the model is not held to this schema"))
            return output
        if self._is_claude:
            schema = bound(schema, "response_format", self.losses)
        definition: Body = {"schema": json_schemas.as_text(schema)}
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
