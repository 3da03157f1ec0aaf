"""Whole answers of Chat Completions → the neutral form, and what chunks share with them: words, tokens, citations.

Sources: OpenAI API reference, the chat completion object; Mistral API (content in parts); the fields that DeepSeek,
xAI, OpenRouter, Perplexity, vLLM and Gemini's endpoint for OpenAI's SDKs add.
"""

from collections.abc import Iterator, Mapping
from typing import Final

from switchover_dataplane.formats import lenient_json
from switchover_dataplane.formats.api import Api
from switchover_dataplane.formats.finish_reasons import Finish, finish_of
from switchover_dataplane.translation.answers import (
    Answer,
    AnswerBlock,
    BadAnswer,
    Citation,
    Stop,
    Usage,
)
from switchover_dataplane.translation.chat.read_content import details_text, signature_of, thinking_text
from switchover_dataplane.translation.neutral import Json, Refusal, Text, Thinking, ToolCall

REASONING: Final = ("reasoning_content", "reasoning")
_STOP_WORDS: Final = {
    "stop_sequence": Stop.STOP_TEXT,
    "pause_turn": Stop.PAUSE,
    "model_length": Stop.CONTEXT,
    "model_context_window_exceeded": Stop.CONTEXT,
}


def read_answer(body: Json) -> Answer:
    """Read a whole answer.

    Raises:
        BadAnswer: it is none, or an error.
    """
    if not isinstance(body, dict) or body.get("error") or body.get("object") == "error":
        raise BadAnswer("it is no chat completion")
    choice = first_choice(body.get("choices"))
    if choice is None:
        raise BadAnswer("it has no choice")
    message, word = choice.get("message"), choice.get("finish_reason")
    if message is None and isinstance(word, str):  # Azure OpenAI, where its filter held all of it back
        message = {}
    if not isinstance(message, dict):
        raise BadAnswer("it has no message")
    blocks = tuple(_blocks(message))
    has_calls = any(isinstance(block, ToolCall) for block in blocks)
    refuses = any(isinstance(block, Refusal) for block in blocks)
    stop_text = choice.get("stop_reason")
    stop = stop_of(word if isinstance(word, str) else "stop", has_calls=has_calls, refuses=refuses)
    if stop is Stop.END and isinstance(stop_text, str) and stop_text:
        stop = Stop.STOP_TEXT
    model = body.get("model")
    return Answer(
        blocks,
        stop,
        model if isinstance(model, str) else "",
        stop_text if stop is Stop.STOP_TEXT and isinstance(stop_text, str) else "",
        usage=usage_of(body),
        citations=tuple(citations_of(body, message)),
    )


def first_choice(choices: Json) -> Mapping[str, Json] | None:
    """Return the choice with the index 0, or without one."""
    for choice in choices if isinstance(choices, list) else ():
        if isinstance(choice, dict) and choice.get("index") in (0, None):
            return choice
    return None


def _blocks(message: Mapping[str, Json]) -> Iterator[AnswerBlock]:
    reasoning = reasoning_of(message)
    if reasoning:
        yield Thinking(reasoning, "other")
    yield from content_blocks(message.get("content"))
    refusal = message.get("refusal")
    if isinstance(refusal, str) and refusal:
        yield Refusal(refusal)
    for name in ("images", "audio"):
        if message.get(name):
            raise BadAnswer(f"it has {name}, which no other API has in this form")
    calls = message.get("tool_calls")
    for call in calls if isinstance(calls, list) else ():
        yield _call(call)
    older = message.get("function_call")
    if isinstance(older, dict) and older.get("name"):
        yield _call({"function": older})


def reasoning_of(message: Mapping[str, Json]) -> str:
    """Return the reasoning of a message or a delta, whichever field holds it."""
    for name in REASONING:
        if isinstance(message.get(name), str) and message[name]:
            return str(message[name])
    return details_text(message.get("reasoning_details"))


def content_blocks(content: Json) -> Iterator[Text | Thinking]:
    """Yield the blocks of a content, which is a text or a list of parts (Mistral).

    Raises:
        BadAnswer: a part is of an unknown kind.
    """
    if isinstance(content, str):
        if content:
            yield Text(content)
        return
    for part in content if isinstance(content, list) else ():
        kind = part.get("type") if isinstance(part, dict) else None
        if kind == "text" and isinstance(part.get("text"), str):
            if part["text"]:
                yield Text(part["text"])
        elif kind == "thinking":
            signature = part.get("signature")
            yield Thinking(
                thinking_text(part.get("thinking")), "other", signature if isinstance(signature, str) else ""
            )
        elif kind not in ("reference", "tool_reference"):
            raise BadAnswer("its content has a part of an unknown kind")


def _call(call: Json) -> ToolCall:
    inner = call.get("custom") or call.get("function") if isinstance(call, dict) else None
    if not isinstance(inner, dict) or not isinstance(inner.get("name"), str) or not inner["name"]:
        raise BadAnswer("it has a tool call without a name")
    call_id = call.get("id")
    text_id = call_id if isinstance(call_id, str) else ""
    if call.get("custom"):
        text = inner.get("input")
        return ToolCall(text_id, inner["name"], text if isinstance(text, str) else "", is_custom=True)
    signature = signature_of(call.get("extra_content"))
    return ToolCall(text_id, inner["name"], arguments_text(inner.get("arguments")) or "{}", signature=signature)


def arguments_text(arguments: Json) -> str:
    """Return arguments as a JSON text; some servers send the object itself."""
    if isinstance(arguments, str):
        return arguments
    return "" if arguments is None else lenient_json.encode(arguments).decode()


def stop_of(word: str, *, has_calls: bool, refuses: bool) -> Stop:
    """Return why an answer ended: its finish reason, and what it holds where that says more."""
    known = _STOP_WORDS.get(word)
    if known is not None:
        return known
    match finish_of(Api.CHAT, word):
        case Finish.ENDED:
            # Gemini says "stop" beside calls; a refusal of the model itself is no finish reason of its own.
            return Stop.TOOLS if has_calls else Stop.REFUSAL if refuses else Stop.END
        case Finish.LIMITED:
            return Stop.LIMIT
        case Finish.REFUSED:
            return Stop.REFUSAL
        case _:
            return Stop.FAILED


def usage_of(body: Mapping[str, Json]) -> Usage | None:
    """Return the tokens of an answer or a chunk.

    xAI's completion tokens are without reasoning, and Gemini's thoughts count in the total alone: there the total says
    what the output is.
    """
    usage = body.get("usage")
    if not isinstance(usage, dict):
        groq = body.get("x_groq")
        usage = groq.get("usage") if isinstance(groq, dict) else None
    if not isinstance(usage, dict):
        return None
    given, output, total = _count(usage, "prompt_tokens"), _count(usage, "completion_tokens"), usage.get("total_tokens")
    ins, outs = usage.get("prompt_tokens_details"), usage.get("completion_tokens_details")
    reasoning = _count(outs, "reasoning_tokens")
    if given is not None and output is not None and isinstance(total, int) and total > given + output:
        reasoning = reasoning or total - given - output
        output = total - given
    cached = _count(ins, "cached_tokens")
    for name in ("prompt_cache_hit_tokens", "num_cached_tokens"):
        cached = _count(usage, name) if cached is None else cached
    if given is None and output is None:
        return None
    return Usage(given, output, cached, _count(ins, "cache_write_tokens"), reasoning)


def _count(counts: Json, name: str) -> int | None:
    value = counts.get(name) if isinstance(counts, dict) else None
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def citations_of(body: Mapping[str, Json], message: Mapping[str, Json]) -> Iterator[Citation]:
    """Yield the sources of an answer or a chunk, each once."""
    found: dict[str, Citation] = {}
    annotations = message.get("annotations")
    for annotation in annotations if isinstance(annotations, list) else ():
        cited = annotation.get("url_citation") if isinstance(annotation, dict) else None
        if isinstance(cited, dict):
            texts = [cited.get(name) for name in ("url", "title", "content")]
            url, title, quote = (text if isinstance(text, str) else "" for text in texts)
            found.setdefault(url, Citation(url, title, quote))
    urls = body.get("citations")  # Perplexity, xAI
    for url in urls if isinstance(urls, list) else ():
        if isinstance(url, str):
            found.setdefault(url, Citation(url))
    yield from found.values()
