"""What Anthropic really sent and was sent, through the neutral form and back."""

import json
from pathlib import Path
from typing import Any

from switchover_dataplane.formats.error_shape import looks_like_error
from switchover_dataplane.translation.answers import Alive, Event
from switchover_dataplane.translation.joining import as_events, joined
from switchover_dataplane.translation.messages import FORMAT
from translated import asked, graves, plain, read_stream, recordings, written

_FOLDERS = ("anthropic/messages", "bedrock/invoke")
_OF_THE_PROVIDER_ALONE = frozenset(("server_tool_use", "web_search_tool_result", "fallback"))
"""Blocks that the neutral form has no place for."""


def blocks_of(content: Any) -> list[dict[str, Any]]:
    """Content as blocks, each in its longest form."""
    blocks = [{"type": "text", "text": content}] if isinstance(content, str) else content
    return [dict(block) for block in blocks]


def merged_messages(body: Any) -> list[tuple[str, list[dict[str, Any]]]]:
    """Messages of which equal neighbours are one, with results first, and without what says nothing."""
    merged: list[tuple[str, list[dict[str, Any]]]] = []
    for message in body["messages"]:
        blocks = blocks_of(message["content"])
        for block in blocks:
            if block.get("is_error") is False:
                del block["is_error"]
            if block.get("type") == "tool_result" and isinstance(block.get("content"), list):
                inner = block["content"]
                block["content"] = inner[0]["text"] if len(inner) == 1 and inner[0]["type"] == "text" else inner
        if merged and merged[-1][0] == message["role"]:
            merged[-1][1].extend(blocks)
        else:
            merged.append((message["role"], blocks))
        merged[-1][1].sort(key=lambda block: block["type"] != "tool_result")
    return merged


_REFUSED = frozenset(("sdk-syncruntools-f59a9391.2.request.json",))
"""Requests that Anthropic refused: a result without its call."""


@recordings(*(f"{folder}/*.request.json" for folder in _FOLDERS))
def test_a_recorded_request_keeps_all_that_no_loss_names(path: Path) -> None:
    body = json.loads(path.read_text())
    if "messages" not in body or path.name in _REFUSED:
        return
    request = FORMAT.read_request(body, "/v1/messages")
    done = written(FORMAT, request, body.get("model", "claude-sonnet-4-5"), "anthropic")
    lost = {loss.path.partition("[")[0].partition(".")[0] for loss in (*request.losses, *done.losses)}
    lost |= {"thinking", "output_config"} if "reasoning" in lost else set()
    lost |= {"output_config"} if "response_format" in lost else set()
    lost |= {"stream", "anthropic_version", "model"}
    assert request.stream is bool(body.get("stream"))
    for name, value in body.items():
        if name in lost:
            continue
        got = done.body[name]
        if name == "messages":
            assert merged_messages(done.body) == merged_messages(body)
        elif name == "system":
            assert blocks_of(got) == blocks_of(value)
        elif name == "tools":
            assert got == [{key: each for key, each in tool.items() if each and key != "type"} for tool in value]
        else:
            assert got == value, name


@recordings("anthropic/messages/*.answer.json", "bedrock/invoke/*.answer.json")
def test_a_recorded_answer_is_written_as_it_was_read(path: Path) -> None:
    body = json.loads(path.read_text())
    if looks_like_error(body) or "content" not in body:
        return
    got = FORMAT.write_answer(FORMAT.read_answer(body), asked())
    for name in ("type", "role", "stop_reason", "stop_sequence", "model"):
        assert got[name] == body.get(name, got[name])
    for name in ("input_tokens", "output_tokens", "cache_read_input_tokens", "cache_creation_input_tokens"):
        assert got["usage"][name] == body["usage"].get(name, 0)
    content = [block for block in body["content"] if block["type"] not in _OF_THE_PROVIDER_ALONE]
    if len(content) < len(body["content"]):
        # Texts around a search are one text, whose sources stand at its end.
        texts = "".join(block.get("text", "") for block in content)
        assert "".join(block.get("text", "") for block in got["content"]) == texts
    else:
        assert got["content"] == [{name: each for name, each in block.items() if name != "caller"} for block in content]


def events_of(path: Path) -> list[Event]:
    raw = path.read_bytes()
    if path.suffix == ".sse":
        return read_stream(FORMAT, raw + b"\n\n")
    reader = FORMAT.reader()
    return [event for line in raw.splitlines() for event in reader.take(line, "")]


@recordings("anthropic/messages/*.stream.sse", "anthropic/messages/*.stream.txt")
def test_a_recorded_stream_is_the_same_answer_however_it_is_written(path: Path) -> None:
    events = events_of(path)
    answer = joined(events)
    writer = FORMAT.writer(asked())
    again = joined(read_stream(FORMAT, b"".join(writer.write([event]) for event in events)))
    at_once = joined(read_stream(FORMAT, FORMAT.writer(asked()).write(list(as_events(answer)))))
    whole = FORMAT.read_answer(FORMAT.write_answer(answer, asked()))
    assert again.blocks == at_once.blocks == answer.blocks
    assert whole.blocks == plain(answer).blocks
    assert again.usage == at_once.usage == whole.usage
    assert (again.stop, again.stop_text, again.refusal) == (answer.stop, answer.stop_text, answer.refusal)
    assert again.model == answer.model


@recordings("anthropic/messages/ver-*.1.stream.txt")
def test_a_recorded_stream_has_a_sign_of_life_for_each_event_without_content(path: Path) -> None:
    reader = FORMAT.reader()
    for line in path.read_bytes().splitlines():
        assert reader.take(line, ""), line[:80]
    assert any(isinstance(event, Alive) for event in events_of(path))


@recordings("anthropic/messages/pai-inline_system_prompt*.request.json")
def test_a_prompt_of_the_system_within_a_recorded_conversation_stays_in_its_place(path: Path) -> None:
    body = json.loads(path.read_text())
    request = FORMAT.read_request(body, "/v1/messages")
    done = written(FORMAT, request, body["model"], "anthropic")
    assert [each["role"] for each in done.body["messages"]] == [each["role"] for each in body["messages"]]
    assert graves(done.losses) == []
