"""A good answer → whether it is a refusal: the model, or its provider's filter, would not say it.

It is asked only where a written `retryOn` names `content-filter`; everywhere else a refusal is an answer. Sources:
OpenAI API reference (Chat, `finish_reason` and `refusal`; Responses, `refusal` and `incomplete_details`), Anthropic API
reference (Messages, `stop_reason`), Gemini API reference (`finishReason`, `blockReason`).
"""

from collections.abc import Iterator
from typing import Any

from switchover_dataplane.attempts.answer import Answer
from switchover_dataplane.formats import lenient_json
from switchover_dataplane.formats.api import Api
from switchover_dataplane.formats.finish_reasons import Finish, finish_of


def is_declined(api: Api | None, answer: Answer) -> bool:
    """Tell whether a whole answer, or the beginning of a stream, is a refusal; what is too large to be read is none."""
    return api is not None and any(_refuses(api, document) for document in _documents(answer))


def _documents(answer: Answer) -> Iterator[dict[str, Any]]:
    texts = [b"".join(answer.held)] if answer.opened is None and answer.rest is None else []
    if answer.opened is not None:
        texts = [event.data for event in answer.opened.events if event.data and not event.is_part]
    for text in texts:
        try:
            document = lenient_json.decode(text)
        except (ValueError, RecursionError):
            continue
        if isinstance(document, dict):
            yield document


def _refuses(api: Api, document: dict[str, Any]) -> bool:
    """Tell whether a document says so of every choice that it has, or of itself."""
    response = _object(document.get("response")) or document
    choices = [each for name in ("choices", "candidates") for each in _objects(document.get(name))]
    if choices:
        return all(_choice_refuses(api, choice) for choice in choices)
    words = (
        document.get("stop_reason"),
        _object(document.get("delta")).get("stop_reason"),
        _object(response.get("incomplete_details")).get("reason"),
    )
    return (
        any(_means_refusal(api, word) for word in words)
        or bool(_object(document.get("promptFeedback")).get("blockReason"))
        or str(document.get("type")).startswith("response.refusal.")
        or any(_is_refusal(part) for item in _objects(response.get("output")) for part in _objects(item.get("content")))
    )


def _choice_refuses(api: Api, choice: dict[str, Any]) -> bool:
    message = _object(choice.get("message")) or _object(choice.get("delta"))
    words = (choice.get("finish_reason"), choice.get("finishReason"))
    return bool(message.get("refusal")) or any(_means_refusal(api, word) for word in words)


def _means_refusal(api: Api, word: object) -> bool:
    return isinstance(word, str) and finish_of(api, word) is Finish.REFUSED


def _is_refusal(part: dict[str, Any]) -> bool:
    return part.get("type") == "refusal"


def _object(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _objects(value: object) -> list[dict[str, Any]]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []
