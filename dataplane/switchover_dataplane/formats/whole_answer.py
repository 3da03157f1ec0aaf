"""The JSON of a whole answer → why it does not have the form of its API, or None if it does.

Good answers have few forms and failures have many, so each API's form is required here, in one place. Additional fields
are allowed. Fields that servers leave out and no SDK needs (`id`, `object`, `usage`, the finish reason) may be missing
if the answer has content.

Only the fields that decide are decoded. Sources: OpenAI API reference (the chat completion, the
completion, the response and the embedding object), Anthropic API reference (Messages), Gemini API reference
(GenerateContentResponse), Mistral, xAI and OpenRouter API references (chat completions).
"""

import re
from collections.abc import Callable, Iterable
from itertools import islice
from typing import Any, Final, Literal, NamedTuple

import msgspec

from switchover_dataplane.formats import lenient_json
from switchover_dataplane.formats.api import Api
from switchover_dataplane.formats.chunk import MOST_CHOICES
from switchover_dataplane.formats.expected import Expected
from switchover_dataplane.formats.finish_reasons import Finish, finish_of
from switchover_dataplane.formats.json_content import ABSENT, has_content, is_list, is_set, string_value


class Fault(NamedTuple):
    """Why a text is no good answer: another form, no content, or a stated failure."""

    how: Literal["malformed", "empty", "error-event"]
    detail: str


_OTHER_FORM: Final = Fault("malformed", "the answer does not have the form of its API")
_NO_WORDS: Final = Fault("empty", "the answer has no content and counts no tokens")
_BAD_END: Final = Fault("error-event", "the finish reason of the answer means a failure")
_FAILED: Final = Fault("error-event", "the answer contains an error")
_PROMISED: Final = Fault("malformed", "the answer is only queued, but the request has no `background`")
_TOO_FEW: Final = Fault("malformed", "the answer has fewer embeddings than the request has texts")


def fault_of(expected: Expected, text: bytes) -> Fault | None:
    """Return why a text is no whole answer of the request's API, None if it is one or if the API is not known.

    Of a text with more than `lenient_json.MOST_VALUES` values only the outline is checked.

    Raises:
        ValueError: it is no JSON.
        RecursionError: it is nested too deeply.
    """
    api = expected.api
    if api is None:
        return None
    is_array = api is Api.GENERATE and text.startswith(b"[")
    if not lenient_json.has_few_values(text) and api in _LISTS:
        return _outline_fault(expected, api, text, is_array=is_array)
    if is_array:
        responses = _read(_generate_array_decoder, text)
        return _OTHER_FORM if responses is None else _generated_fault(responses)
    decoder, fault = _FORMS[api]
    answer = _read(decoder, text)
    return _OTHER_FORM if answer is None else fault(answer, expected)


def _read(decoder: "msgspec.json.Decoder[Any]", text: bytes) -> Any:
    """Decode a text as leniently as SDKs do; None if its values have other types."""
    try:
        try:
            return decoder.decode(text)
        except msgspec.ValidationError:
            raise
        except ValueError:
            return decoder.decode(lenient_json.stricter(text))
    except msgspec.ValidationError:
        # The decoder stopped there; the rest of the text may be no JSON.
        if lenient_json.is_json(text):
            return None
        raise


def _content_fault(
    api: Api, ends: Iterable[str], usage: msgspec.Raw = ABSENT, *, has_words: bool, failed: bool = False
) -> Fault | None:
    """Check an answer by its finish reasons and its content.

    Without content it is good if a limit or a refusal ended it, or if it counts tokens, as a model may only reason.
    `failed`: it has an error field, which is ignored if the answer has a good end.
    """
    is_ended, needs_words = False, not has_words
    for end in ends:
        if end:
            finish = finish_of(api, end)
            if finish is None:
                return _BAD_END
            is_ended = True
            needs_words = needs_words and finish is Finish.ENDED
    if failed and not is_ended:
        return _FAILED
    return _NO_WORDS if needs_words and not _counted(usage) else None


class _Usage(msgspec.Struct, gc=False):
    completion_tokens: Any = 0
    output_tokens: Any = 0
    output: Any = msgspec.field(default=0, name="outputTokens")
    candidates: Any = msgspec.field(default=0, name="candidatesTokenCount")
    thoughts: Any = msgspec.field(default=0, name="thoughtsTokenCount")


_usage_decoder: Final = msgspec.json.Decoder(_Usage)


def _counted(usage: msgspec.Raw) -> bool:
    """Whether at least one token of an answer is counted."""
    try:
        counts = msgspec.structs.astuple(_usage_decoder.decode(usage))
    except ValueError:
        return False
    return any(isinstance(count, (int, float)) and count > 0 for count in counts)


# ── Chat Completions, Completions ───────────────────────────────────────────────────────────────────────────────────


class _Message(msgspec.Struct, gc=False):
    """The fields of a message that hold content; other fields do not (annotations, fields of one provider)."""

    content: msgspec.Raw = ABSENT
    refusal: msgspec.Raw = ABSENT
    tool_calls: msgspec.Raw = ABSENT
    function_call: msgspec.Raw = ABSENT
    audio: msgspec.Raw = ABSENT
    images: msgspec.Raw = ABSENT
    reasoning_content: msgspec.Raw = ABSENT
    reasoning: msgspec.Raw = ABSENT
    reasoning_details: msgspec.Raw = ABSENT
    thinking: msgspec.Raw = ABSENT

    @property
    def has_words(self) -> bool:
        """Whether the message has content."""
        return has_content(self.content) or any(map(has_content, msgspec.structs.astuple(self)[1:]))


class _Choice(msgspec.Struct, gc=False):
    message: _Message | None = None
    text: str | None = None
    finish_reason: msgspec.Raw = ABSENT
    error: msgspec.Raw = ABSENT


class _Completion(msgspec.Struct, gc=False):
    choices: list[_Choice] | None = None
    error: msgspec.Raw = ABSENT
    usage: msgspec.Raw = ABSENT


def _completion_fault(answer: _Completion, _: Expected) -> Fault | None:
    """Check a chat completion or a completion; both paths may return either form (Mistral API, fill in the middle).

    A filtered choice may have no message (Microsoft Learn, Azure OpenAI content filtering).
    """
    choices = answer.choices
    if not choices:
        return _OTHER_FORM
    if any(is_set(choice.error) for choice in choices):
        return _FAILED
    ends = [string_value(choice.finish_reason) for choice in choices]
    for choice, end in zip(choices, ends, strict=True):
        if choice.message is None and choice.text is None and finish_of(Api.CHAT, end) is not Finish.REFUSED:
            return _OTHER_FORM
    has_words = any(choice.text or (choice.message is not None and choice.message.has_words) for choice in choices)
    return _content_fault(Api.CHAT, ends, answer.usage, has_words=has_words, failed=is_set(answer.error))


# ── Messages ────────────────────────────────────────────────────────────────────────────────────────────────────────


class _MessagesAnswer(msgspec.Struct, gc=False):
    type: msgspec.Raw = ABSENT
    content: msgspec.Raw = ABSENT
    stop_reason: msgspec.Raw = ABSENT
    error: msgspec.Raw = ABSENT
    usage: msgspec.Raw = ABSENT


def _message_fault(answer: _MessagesAnswer, _: Expected) -> Fault | None:
    if string_value(answer.type) not in ("", "message") or not is_list(answer.content):
        return _OTHER_FORM
    has_words, failed = has_content(answer.content), is_set(answer.error)
    return _content_fault(
        Api.MESSAGES, [string_value(answer.stop_reason)], answer.usage, has_words=has_words, failed=failed
    )


# ── Responses ───────────────────────────────────────────────────────────────────────────────────────────────────────


class _Reason(msgspec.Struct, gc=False):
    reason: msgspec.Raw = ABSENT


class _Response(msgspec.Struct, gc=False):
    object: msgspec.Raw = ABSENT
    status: msgspec.Raw = ABSENT
    output: msgspec.Raw = ABSENT
    incomplete_details: _Reason | None = None
    error: msgspec.Raw = ABSENT
    usage: msgspec.Raw = ABSENT


def _response_fault(answer: _Response, expected: Expected) -> Fault | None:
    """Check a response by its status: completed, incomplete, queued and in_progress alone are no failures."""
    if string_value(answer.object) not in ("", "response"):
        return _OTHER_FORM
    status = string_value(answer.status)
    if status in ("queued", "in_progress"):
        return None if expected.later else _PROMISED
    if status not in ("", "completed", "incomplete"):
        return _BAD_END
    if not is_list(answer.output):
        return _OTHER_FORM
    reason = string_value(answer.incomplete_details.reason) if answer.incomplete_details else ""
    ends = [reason if status == "incomplete" else status]
    has_words, failed = has_content(answer.output), is_set(answer.error)
    return _content_fault(Api.RESPONSES, ends, answer.usage, has_words=has_words, failed=failed)


# ── generateContent ─────────────────────────────────────────────────────────────────────────────────────────────────


class _Content(msgspec.Struct, gc=False):
    parts: msgspec.Raw = ABSENT


class _Candidate(msgspec.Struct, gc=False):
    content: _Content | None = None
    finish_reason: msgspec.Raw = msgspec.field(default=ABSENT, name="finishReason")


class _Feedback(msgspec.Struct, gc=False):
    block_reason: msgspec.Raw = msgspec.field(default=ABSENT, name="blockReason")


class _Generated(msgspec.Struct, gc=False):
    candidates: list[_Candidate] | None = None
    feedback: _Feedback | None = msgspec.field(default=None, name="promptFeedback")
    usage: msgspec.Raw = msgspec.field(default=ABSENT, name="usageMetadata")
    error: msgspec.Raw = ABSENT


def _generated_fault(responses: list[_Generated]) -> Fault | None:
    """Check a response, or the responses of a stream in the form of an array.

    A blocked prompt has a reason and no candidates (Gemini API reference, PromptFeedback).
    """
    if any(response.feedback is not None and string_value(response.feedback.block_reason) for response in responses):
        return None
    candidates = [candidate for response in responses for candidate in response.candidates or ()]
    failed = any(is_set(response.error) for response in responses)
    if not candidates:
        return _FAILED if failed else _OTHER_FORM
    has_words = any(each.content is not None and has_content(each.content.parts) for each in candidates)
    ends = [string_value(candidate.finish_reason) for candidate in candidates]
    if failed and len(responses) > 1:
        return _FAILED
    return _content_fault(Api.GENERATE, ends, responses[-1].usage, has_words=has_words, failed=failed)


def _generated_one_fault(answer: _Generated, _: Expected) -> Fault | None:
    return _generated_fault([answer])


# ── Converse ────────────────────────────────────────────────────────────────────────────────────────────────────────


class _Said(msgspec.Struct, gc=False):
    content: msgspec.Raw = ABSENT


class _Output(msgspec.Struct, gc=False):
    message: _Said | None = None


class _Conversed(msgspec.Struct, gc=False):
    output: _Output | None = None
    stop_reason: msgspec.Raw = msgspec.field(default=ABSENT, name="stopReason")
    usage: msgspec.Raw = ABSENT


def _conversed_fault(answer: _Conversed, _: Expected) -> Fault | None:
    """Check a Converse answer (Amazon Bedrock API Reference, Converse)."""
    message = answer.output.message if answer.output is not None else None
    if message is None or not is_list(message.content):
        return _OTHER_FORM
    words = string_value(answer.stop_reason)
    return _content_fault(Api.CONVERSE, [words], answer.usage, has_words=has_content(message.content))


# ── Embeddings ──────────────────────────────────────────────────────────────────────────────────────────────────────


class _Embedding(msgspec.Struct, gc=False):
    """An embedding, or several of one text (Jina, late interaction)."""

    embedding: msgspec.Raw = ABSENT
    embeddings: msgspec.Raw = ABSENT


class _Embeddings(msgspec.Struct, gc=False):
    data: list[_Embedding] | None = None


def _embeddings_fault(answer: _Embeddings, expected: Expected) -> Fault | None:
    if not answer.data or not all(is_set(one.embedding) or is_set(one.embeddings) for one in answer.data):
        return _OTHER_FORM
    return _TOO_FEW if len(answer.data) < expected.inputs else None


# ── Answers with very many values ───────────────────────────────────────────────────────────────────────────────────


class _Outline(msgspec.Struct, gc=False):
    choices: msgspec.Raw = ABSENT
    candidates: msgspec.Raw = ABSENT
    data: msgspec.Raw = ABSENT


_outline_decoder: Final = msgspec.json.Decoder(_Outline)
_ENDS: Final = re.compile(rb'"finish_?[rR]eason"\s*:\s*"([^"\\]{1,64})"')
_EMBEDDING: Final = re.compile(rb'"embeddings?"\s*:\s*[\["]')
_NO_EMBEDDING: Final = re.compile(rb'"embeddings?"\s*:\s*(?:\[\s*\]|""|null|\{)')
_LISTS: Final[dict[Api, tuple[str, re.Pattern[bytes]]]] = {
    Api.CHAT: ("choices", re.compile(rb'"(?:message"\s*:\s*\{|text"\s*:\s*")')),
    Api.COMPLETIONS: ("choices", re.compile(rb'"(?:message"\s*:\s*\{|text"\s*:\s*")')),
    Api.GENERATE: ("candidates", re.compile(rb'"content"\s*:\s*\{')),
    Api.EMBEDDINGS: ("data", _EMBEDDING),
}
"""The list of an answer, and the form of its items. A text cannot contain a quoted name, as its quotes are escaped."""


def _outline_fault(expected: Expected, api: Api, text: bytes, *, is_array: bool) -> Fault | None:
    """Check an answer by the items of its list, without decoding them."""
    name, item = _LISTS[api]
    if not is_array:
        outline = _read(_outline_decoder, text)
        held = b"" if outline is None else bytes(getattr(outline, name))
    elif lenient_json.is_json(text):
        held = text
    else:
        raise ValueError("no JSON")
    if not item.search(held):
        return _OTHER_FORM
    if api is Api.EMBEDDINGS:
        if _NO_EMBEDDING.search(held):
            return _OTHER_FORM
        return _TOO_FEW if sum(1 for _ in _EMBEDDING.finditer(held)) < expected.inputs else None
    ends = islice(_ENDS.finditer(held), MOST_CHOICES)
    return _content_fault(api, [end[1].decode("utf-8", "replace") for end in ends], has_words=True)


_generate_array_decoder: Final = msgspec.json.Decoder(list[_Generated])
_completion: Final = (msgspec.json.Decoder(_Completion), _completion_fault)
_FORMS: Final[dict[Api, tuple["msgspec.json.Decoder[Any]", Callable[[Any, Expected], Fault | None]]]] = {
    Api.CHAT: _completion,
    Api.COMPLETIONS: _completion,
    Api.MESSAGES: (msgspec.json.Decoder(_MessagesAnswer), _message_fault),
    Api.RESPONSES: (msgspec.json.Decoder(_Response), _response_fault),
    Api.GENERATE: (msgspec.json.Decoder(_Generated), _generated_one_fault),
    Api.CONVERSE: (msgspec.json.Decoder(_Conversed), _conversed_fault),
    Api.EMBEDDINGS: (msgspec.json.Decoder(_Embeddings), _embeddings_fault),
}
