"""The models of a route → the list of them, or one, in the API of the client that looks them up.

Sources: OpenAI API reference, "Models"; Mistral API reference, "Models" (`max_context_length`); Claude API reference,
"List Models" and "Get a Model" (the time may be the epoch where it is not known); Gemini API reference, "models.list"
and "models.get".
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple
from urllib.parse import parse_qsl

import msgspec
from multidict import CIMultiDict, CIMultiDictProxy

from switchover_dataplane.formats import error_form, own_answers, own_errors
from switchover_dataplane.formats.error_form import Form
from switchover_dataplane.formats.own_answers import OwnAnswer

Fields = CIMultiDict[str] | CIMultiDictProxy[str]

_encoder: Final = msgspec.json.Encoder()

_EPOCH: Final = "1970-01-01T00:00:00Z"
_MOST: Final = 1000
"""Models of a page, in both APIs that have pages."""
_USUAL: Final[Mapping[Form, int]] = {"anthropic": 20, "gemini": 50}
_OF_GEMINI: Final = ("/v1alpha/models", "/v1beta/models", "/v1beta1/models")
_OF_OPENAI: Final = "/v1beta/openai/"


class ListedModel(NamedTuple):
    """A model that a client may ask for by its `name`.

    `owner` names its provider. `context` and `output` are the most tokens of a conversation and of an answer, None if
    not known. `counts`: it counts tokens at `:countTokens`.
    """

    name: str
    owner: str
    context: int | None = None
    output: int | None = None
    counts: bool = False


class _BadPage(ValueError):
    """The query asks for a page that there is not; the text says why."""


def answer(path: str, query: str, fields: Fields, asked: str, models: Sequence[ListedModel]) -> OwnAnswer:
    """Answer a client that looks models up: the one that it `asked` for, or a page of them if that is "".

    The API of the client is known by the path and by the fields of its SDK.
    """
    parameters = dict(parse_qsl(query, keep_blank_values=True))
    form = _form(path, fields, parameters)
    if asked:
        found = next((model for model in models if model.name == asked), None)
        if found is None:
            return error_form.error_of(form, own_errors.MODEL_NOT_FOUND, "this route has no model of this name")
        return own_answers.json(200, _encoder.encode(_one(form, found)))
    try:
        return own_answers.json(200, _encoder.encode(_page(form, parameters, models)))
    except _BadPage as error:
        return error_form.error_of(form, own_errors.INVALID_PAGE, str(error))


def _form(path: str, fields: Fields, parameters: Mapping[str, str]) -> Form:
    if path.startswith(_OF_OPENAI):
        return "openai"
    if "anthropic-version" in fields:
        return "anthropic"
    if path.startswith(_OF_GEMINI) or "x-goog-api-key" in fields or "key" in parameters:
        return "gemini"
    return "anthropic" if "x-api-key" in fields and "authorization" not in fields else "openai"


def _one(form: Form, model: ListedModel) -> dict[str, Any]:
    match form:
        case "openai":
            known = {} if model.context is None else {"max_context_length": model.context}
            return {"id": model.name, "object": "model", "created": 0, "owned_by": model.owner, **known}
        case "anthropic":
            limits = {"max_input_tokens": model.context, "max_tokens": model.output}
            shown = {"display_name": model.name, "created_at": _EPOCH, "lifecycle": "active"}
            return {"type": "model", "id": model.name, **shown, **limits}
        case "gemini":
            methods = ["generateContent", "streamGenerateContent", *(["countTokens"] if model.counts else [])]
            limits = {"inputTokenLimit": model.context, "outputTokenLimit": model.output}
            known = {name: limit for name, limit in limits.items() if limit is not None}
            shown = {"name": f"models/{model.name}", "displayName": model.name}
            return {**shown, **known, "supportedGenerationMethods": methods}


# ── Pages ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def _page(form: Form, parameters: Mapping[str, str], models: Sequence[ListedModel]) -> dict[str, Any]:
    match form:
        case "openai":
            return {"object": "list", "data": [_one(form, model) for model in models]}
        case "anthropic":
            return _of_anthropic(parameters, models)
        case "gemini":
            return _of_gemini(parameters, models)


def _of_anthropic(parameters: Mapping[str, str], models: Sequence[ListedModel]) -> dict[str, Any]:
    limit = _size(parameters.get("limit", ""), "limit", _USUAL["anthropic"])
    after, before = parameters.get("after_id", ""), parameters.get("before_id", "")
    if after and before:
        raise _BadPage("a page is asked for by `after_id` or by `before_id`, and not by both")
    if before:
        rest = models[: _place(models, before, "before_id")]
        page, has_more = rest[-limit:], len(rest) > limit
    else:
        rest = models[_place(models, after, "after_id") + 1 :] if after else models
        page, has_more = rest[:limit], len(rest) > limit
    names = [model.name for model in page]
    ends = {"first_id": names[0] if names else None, "last_id": names[-1] if names else None}
    return {"data": [_one("anthropic", model) for model in page], "has_more": has_more, **ends}


def _of_gemini(parameters: Mapping[str, str], models: Sequence[ListedModel]) -> dict[str, Any]:
    # A greater size is the greatest one here ("models.list", pageSize).
    size = min(_size(parameters.get("pageSize", ""), "pageSize", _USUAL["gemini"], most=None), _MOST)
    token = parameters.get("pageToken", "")
    rest = models[_place(models, token, "pageToken") + 1 :] if token else models
    page = rest[:size]
    more = {"nextPageToken": page[-1].name} if len(rest) > size else {}
    return {"models": [_one("gemini", model) for model in page], **more}


def _size(text: str, name: str, usual: int, *, most: int | None = _MOST) -> int:
    """Read how many models a page has."""
    if not text or (most is None and text == "0"):
        return usual
    if not (text.isascii() and text.isdigit() and len(text) <= 9) or int(text) < 1 or (most and int(text) > most):
        raise _BadPage(f"`{name}` must be a number from 1 to {_MOST}")
    return int(text)


def _place(models: Sequence[ListedModel], name: str, parameter: str) -> int:
    for place, model in enumerate(models):
        if model.name == name:
            return place
    raise _BadPage(f"`{parameter}` names no model of this route")
