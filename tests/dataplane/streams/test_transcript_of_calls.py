"""The transcript of a stream with tool calls: a call is handed on when it is whole, and not at all where it was cut."""

import pytest

from switchover_dataplane.formats.api import Api
from switchover_dataplane.streams.held_calls import MOST_EVENTS, MOST_HELD
from switchover_dataplane.streams.splice import Mismatch
from switchover_dataplane.streams.transcript import Interruption
from transcripts import DONE, ROLE, SEAM, broken, call, delta, event, new, take

# ── Tool calls ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_tool_call_is_handed_on_once_it_is_whole_and_in_its_order() -> None:
    transcript = broken(delta(content="a"), api=Api.CHAT)
    pieces = [call('{"a"'), event({"x": 1}), call(":1}", content="b"), delta("tool_calls")]
    assert take(transcript, *pieces[:-1]) == b""
    assert transcript.is_holding
    assert take(transcript, pieces[-1], DONE) == b"".join(pieces) + DONE
    assert (transcript.is_holding, transcript.is_settled) == (False, True)


def test_comments_and_pings_pass_a_tool_call_that_is_held_back() -> None:
    alive = [b": ping\n\n", event({"type": "ping"})]
    assert take(broken(call("{"), api=Api.CHAT), *alive) == b"".join(alive)


def test_a_tool_call_that_is_too_large_to_be_held_is_handed_on_as_it_comes() -> None:
    pieces = [call("x" * (MOST_HELD // 5)) for _ in range(9)]
    transcript = new(1, Api.CHAT)
    sent = [take(transcript, piece) for piece in pieces]
    assert (sent[0], b"".join(sent), sent[-1]) == (b"", b"".join(pieces), pieces[-1])
    assert transcript.not_resumable == "tool_calls"


def test_no_more_events_are_held_than_a_limit() -> None:
    pieces = [call("x") for _ in range(MOST_EVENTS + 1)]
    assert take(new(1, Api.CHAT), *pieces) == b"".join(pieces)


def test_on_a_path_of_no_known_api_a_tool_call_is_handed_on_as_it_comes() -> None:
    assert take(new(), call("{")) == call("{")


def test_a_text_behind_which_a_tool_call_broke_off_is_continued() -> None:
    transcript = broken(delta(content="I do it."), call("{"), api=Api.CHAT)
    assert (transcript.not_resumable, transcript.text) == ("", "I do it.")
    transcript.continue_with(SEAM)
    assert not transcript.is_holding


def test_another_model_may_begin_with_the_tool_call_where_one_had_begun() -> None:
    transcript = broken(ROLE, delta(content="I do it."), call("{"), api=Api.CHAT)
    transcript.continue_with(SEAM)
    pieces = [call('{"a"'), call(":1}"), delta("tool_calls")]
    assert take(transcript, ROLE, delta(reasoning="hm"), *pieces, DONE) == SEAM + b"".join(pieces) + DONE
    assert transcript.is_settled


def test_another_model_may_say_the_last_words_before_its_tool_call() -> None:
    transcript = broken(ROLE, delta(content="I do it."), call("{"), api=Api.CHAT)
    transcript.continue_with(SEAM)
    pieces = [call("{}"), delta("tool_calls")]
    assert take(transcript, delta(content="I do it."), *pieces, DONE) == SEAM + b"".join(pieces) + DONE


def test_another_model_may_not_begin_with_a_tool_call_in_the_middle_of_what_it_repeats() -> None:
    transcript = broken(ROLE, delta(content="I do it."), call("{"), api=Api.CHAT)
    transcript.continue_with(SEAM)
    take(transcript, delta(content="I do"))
    with pytest.raises(Mismatch):
        take(transcript, call("{}"), delta("tool_calls"))


def test_a_tool_call_of_another_model_that_breaks_off_was_never_seen_either() -> None:
    transcript = broken(delta(content="I do it."), call("{"), api=Api.CHAT)
    for _ in range(2):
        transcript.continue_with(SEAM)
        assert take(transcript, call("{")) == b""
        with pytest.raises(Interruption):
            transcript.take_end()
    transcript.continue_with(SEAM)
    assert take(transcript, call("{}"), delta("tool_calls")) == SEAM + call("{}") + delta("tool_calls")


def block(index: int, kind: str) -> bytes:
    return event({"type": "content_block_start", "index": index, "content_block": {"type": kind}})


def block_end(index: int) -> bytes:
    return event({"type": "content_block_stop", "index": index})


def block_text(index: int, text: str) -> bytes:
    return event({"type": "content_block_delta", "index": index, "delta": {"type": "text_delta", "text": text}})


def block_input(index: int) -> bytes:
    return event({"type": "content_block_delta", "index": index, "delta": {"type": "input_json_delta"}})


TEXT_BLOCK = [block(0, "text"), block_text(0, "a"), block_end(0)]


def test_tool_calls_of_anthropics_are_handed_on_together_with_the_end_of_the_text_before_them() -> None:
    transcript = broken(*TEXT_BLOCK[:-1], api=Api.MESSAGES)
    pieces = [TEXT_BLOCK[-1]]
    for index in (1, 2):
        pieces += block(index, "tool_use"), block_input(index), block_end(index)
    assert take(transcript, *pieces) == b""
    last = event({"type": "message_delta", "delta": {"stop_reason": "tool_use"}})
    assert take(transcript, last) == b"".join(pieces) + last


def test_the_end_of_a_block_is_handed_on_with_what_follows_it_if_that_is_no_call() -> None:
    transcript = broken(*TEXT_BLOCK[:-1], api=Api.MESSAGES)
    assert take(transcript, TEXT_BLOCK[-1]) == b""
    assert take(transcript, block(1, "text")) == TEXT_BLOCK[-1] + block(1, "text")


def test_a_tool_that_the_provider_runs_is_not_held_back() -> None:
    pieces = [TEXT_BLOCK[-1], block(1, "server_tool_use"), block_input(1)]
    assert take(broken(*TEXT_BLOCK[:-1], api=Api.MESSAGES), *pieces) == b"".join(pieces)


def item(step: str, index: int) -> bytes:
    body = {"type": f"response.output_item.{step}", "output_index": index, "item": {"type": "function_call"}}
    return event(body)


def test_calls_of_the_responses_api_that_come_one_within_the_other_are_handed_on_together() -> None:
    transcript = broken(event({"type": "response.output_text.delta", "delta": "a"}), api=Api.RESPONSES)
    pieces = [item("added", 1), item("added", 2), item("done", 1)]
    assert take(transcript, *pieces) == b""
    assert take(transcript, item("done", 2)) == b"".join(pieces) + item("done", 2)


def test_a_last_event_ends_every_call() -> None:
    transcript = broken(
        event({"type": "response.output_text.delta", "delta": "a"}), item("added", 1), api=Api.RESPONSES
    )
    last = event({"type": "response.completed", "response": {}})
    assert take(transcript, last) == item("added", 1) + last
    assert transcript.is_settled


def test_a_break_in_a_tool_call_behind_a_block_that_ended_is_to_be_shown_by_a_reset_alone() -> None:
    ended = [*TEXT_BLOCK, block(1, "text"), block_text(1, "b")]
    assert not broken(*ended, api=Api.MESSAGES).ends_by_reset
    assert broken(*ended, block(2, "tool_use"), api=Api.MESSAGES).ends_by_reset
    assert not broken(*TEXT_BLOCK, block(1, "tool_use"), api=Api.MESSAGES).ends_by_reset
    assert not broken(delta(content="a"), call("{"), api=Api.CHAT).ends_by_reset
