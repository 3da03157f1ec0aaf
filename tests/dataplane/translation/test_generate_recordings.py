"""What Google really sent and was sent, through the neutral form and back."""

import json
from pathlib import Path
from typing import Any

from switchover_dataplane.translation.answers import Event
from switchover_dataplane.translation.generate import FORMAT
from switchover_dataplane.translation.generate.spelling import one_spelling
from switchover_dataplane.translation.joining import as_events, joined
from translated import asked, path_of, plain, read_stream, recordings, written

_FOLDERS = ("gemini/generatecontent", "vertex/generatecontent")
_OF_THE_PROVIDER_ALONE = frozenset(("executableCode", "codeExecutionResult"))


def patterns(ending: str) -> list[str]:
    return [f"{folder}/*.{ending}" for folder in _FOLDERS]


def parts_of(contents: Any) -> list[tuple[str, dict[str, Any]]]:
    """Parts with their speaker, without the ids of calls, empty texts, and what only says that it is the default."""
    found: list[tuple[str, dict[str, Any]]] = []
    for content in contents:
        for part in content["parts"]:
            kept = {name: dict(value) if isinstance(value, dict) else value for name, value in part.items()}
            for name in ("functionCall", "functionResponse"):
                if name in kept:
                    kept[name].pop("id", None)
                    kept[name].setdefault("args", {})
            if kept.get("functionResponse", {}).get("response") == {"output": ""}:
                kept["functionResponse"]["response"] = {}
            if kept != {"text": ""}:
                found.append((content["role"], kept))
    return found


@recordings(*patterns("request.json"))
def test_a_recorded_request_keeps_all_that_no_loss_names(path: Path) -> None:
    body = json.loads(path.read_text())
    request = FORMAT.read_request(body, path_of(path))
    done = written(FORMAT, request, request.model or "gemini-2.5-pro", "gemini")
    body = one_spelling(body)
    lost = {loss.path.partition("[")[0].partition(".")[0] for loss in (*request.losses, *done.losses)}
    if "contents" not in lost:
        assert parts_of(done.body["contents"]) == parts_of(body["contents"])
    if "systemInstruction" in body and "systemInstruction" not in lost:
        assert done.body["systemInstruction"]["parts"] == body["systemInstruction"]["parts"]
    declared = [each for tool in body.get("tools", []) for each in tool.get("functionDeclarations", [])]
    got = [each for tool in done.body.get("tools", []) for each in tool["functionDeclarations"]]
    assert [each["name"] for each in got] == [each["name"] for each in declared]
    for one, other in zip(got, declared, strict=True):
        assert one.get("parametersJsonSchema") == other.get("parametersJsonSchema")
        assert one.get("description", "") == other.get("description", "")
    if "generationConfig" not in lost and "logprobs" not in lost:
        config = {
            name: value
            for name, value in body.get("generationConfig", {}).items()
            if name != "responseModalities" and not (name == "candidateCount" and value == 1)
        }
        assert done.body.get("generationConfig", {}) == config


@recordings(*patterns("answer.json"))
def test_a_recorded_answer_is_written_as_it_was_read(path: Path) -> None:
    body = json.loads(path.read_text())
    if "error" in body:
        return
    got = FORMAT.write_answer(FORMAT.read_answer(body), asked())
    assert got["modelVersion"] == body["modelVersion"]
    candidate = got["candidates"][0]
    if "candidates" not in body:
        assert candidate["finishMessage"] == body["promptFeedback"]["blockReasonMessage"]
        return
    expected = body["candidates"][0]
    assert candidate["finishReason"] == expected["finishReason"]
    parts, given = candidate["content"].get("parts", []), expected["content"].get("parts", [])
    if any(_OF_THE_PROVIDER_ALONE & set(part) for part in given) or "groundingMetadata" in expected:
        assert "".join(part.get("text", "") for part in parts) == "".join(part.get("text", "") for part in given)
    else:
        assert parts == given
    counts = body["usageMetadata"]
    for name in ("totalTokenCount", "cachedContentTokenCount", "thoughtsTokenCount"):
        assert got["usageMetadata"].get(name) == counts.get(name)
    assert got["usageMetadata"]["candidatesTokenCount"] == counts.get("candidatesTokenCount", 0)


def events_of(path: Path) -> list[Event]:
    raw = path.read_bytes()
    if path.suffix == ".sse":
        return read_stream(FORMAT, raw + b"\n\n")
    reader = FORMAT.reader()
    return [*(event for line in raw.splitlines() for event in reader.take(line, "")), *reader.end()]


@recordings(*patterns("stream.sse"), *patterns("stream.txt"))
def test_a_recorded_stream_is_the_same_answer_however_it_is_written(path: Path) -> None:
    events = events_of(path)
    answer = joined(events)
    writer = FORMAT.writer(asked())
    again = joined(read_stream(FORMAT, b"".join(writer.write([event]) for event in events)))
    at_once = joined(read_stream(FORMAT, FORMAT.writer(asked()).write(list(as_events(answer)))))
    whole = FORMAT.read_answer(FORMAT.write_answer(answer, asked()))
    assert again.blocks == at_once.blocks == whole.blocks == plain(answer).blocks
    assert set(again.citations) == set(whole.citations) == set(answer.citations)
    assert again.usage == at_once.usage == whole.usage
    assert (again.stop, again.model) == (answer.stop, answer.model)
