"""The events of an answer and of those that continue it, and the bytes that the client gets for them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from switchover_dataplane.formats.api import Api
from switchover_dataplane.formats.sse import Event
from switchover_dataplane.streams import transcript as module
from switchover_dataplane.streams.kept_text import MOST_TEXT
from switchover_dataplane.streams.splice import Mismatch
from switchover_dataplane.streams.transcript import Interruption
from transcripts import DONE, END, ROLE, SEAM, USAGE, broken, call, continued, delta, event, new, take, text_of, usage


def test_a_good_stream_passes_through_as_it_came() -> None:
    sent = [ROLE, b": ping\n\n", delta(content="a"), delta("stop", content="b"), USAGE, DONE]
    transcript = new()
    assert take(transcript, *sent) == b"".join(sent)
    assert transcript.take_end() == b""
    assert (transcript.whole, transcript.text) == (True, "ab")


def test_malformed_events_are_dropped_and_counted() -> None:
    transcript = new()
    assert take(transcript, delta(content="a"), b"data: oops\n\n", END) == delta(content="a") + END
    assert take(transcript, b"data: {oops\n\n", DONE) == DONE
    assert transcript.dropped == 2


@pytest.mark.parametrize(
    ("last", "how"),
    [
        (event({"error": {"message": "x"}}), "error-event"),
        (delta("error"), "error-event"),
        (DONE, "truncated"),
        (b'data: {"choices":[{"del\n\n', "malformed"),
    ],
)
def test_what_is_no_good_end_is_an_interruption_and_is_not_sent(last: bytes, how: str) -> None:
    with pytest.raises(Interruption) as failure:
        take(broken(delta(content="a")), last)
    assert failure.value.how == how
    assert str(failure.value).startswith(how)


def test_a_clean_end_without_a_finish_reason_is_a_cut() -> None:
    with pytest.raises(Interruption, match="truncated"):
        broken(delta(content="a")).take_end()


def test_an_answer_of_several_choices_is_whole_when_each_is() -> None:
    transcript = new(2)
    take(transcript, delta(content="a"), delta("stop"))
    assert not transcript.whole
    with pytest.raises(Interruption):
        transcript.take_end()
    take(transcript, delta(index=1, content="b"), delta("stop", index=1))
    assert transcript.whole


def test_a_choice_that_was_not_asked_for_has_to_end_all_the_same() -> None:
    transcript = broken(delta(content="a"), delta(index=1, content="b"), delta("stop"))
    assert not transcript.whole


def test_an_error_after_the_answer_s_end_takes_nothing_from_it() -> None:
    transcript = broken(delta(content="a"), END)
    assert take(transcript, event({"error": {"message": "x"}}), DONE) == DONE


def test_done_is_sent_once() -> None:
    transcript = broken(delta(content="a"), END)
    assert take(transcript, DONE, DONE) == DONE
    assert transcript.closing() == b""


def test_a_whole_answer_that_is_cut_before_done_gets_one() -> None:
    assert broken(delta(content="a"), END).closing() == DONE


def test_a_stream_of_another_form_ends_with_its_body_and_gets_nothing_added() -> None:
    transcript = new()
    assert transcript.ends_with_body
    sent = event({"completion": "a"}) + DONE
    assert take(transcript, sent) == sent
    assert (transcript.take_end(), transcript.closing()) == (b"", b"")
    assert transcript.not_resumable == "events of another form"


def test_a_stream_of_anthropics_is_whole_with_its_stop_reason_and_gets_its_last_event() -> None:
    transcript = broken(event({"type": "content_block_delta", "delta": {"type": "text_delta", "text": "a"}}))
    with pytest.raises(Interruption):
        transcript.take_end()
    take(transcript, event({"type": "message_delta", "delta": {"stop_reason": "end_turn"}}))
    stop = b'event: message_stop\ndata: {"type":"message_stop"}\n\n'
    assert (transcript.whole, transcript.take_end(), transcript.closing()) == (True, b"", stop)
    take(transcript, stop)
    assert transcript.closing() == b""


def test_a_stream_of_geminis_is_whole_once_each_candidate_has_its_finish_reason() -> None:
    both = [{"index": number, "content": {"parts": [{"text": "a"}]}} for number in range(2)]
    transcript = broken(event({"candidates": both}))
    for number in range(2):
        with pytest.raises(Interruption):
            transcript.take_end()
        take(transcript, event({"candidates": [{"index": number, "finishReason": "STOP"}]}))
    assert (transcript.take_end(), transcript.closing()) == (b"", b"")


def test_a_stream_of_the_responses_api_is_whole_with_its_last_event() -> None:
    transcript = broken(
        event({"type": "response.created"}), event({"type": "response.output_text.delta", "delta": "a"})
    )
    with pytest.raises(Interruption):
        transcript.take_end()
    take(transcript, event({"type": "response.completed"}))
    assert (transcript.take_end(), transcript.closing()) == (b"", b"")


def test_a_foreign_event_among_chunks_does_not_make_a_cut_an_end() -> None:
    transcript = broken(event({"x": 1}), delta(content="a"), event({"x": 1}))
    with pytest.raises(Interruption):
        transcript.take_end()


def test_a_part_of_a_large_event_passes_and_binds_the_answer_which_ends_as_any_other() -> None:
    transcript = broken(delta(content="a"))
    assert transcript.take(Event(b"data: xx", is_part=True)) == b"data: xx"
    assert transcript.not_resumable == "an event that is too large to be read"
    with pytest.raises(Interruption):
        transcript.take_end()
    take(transcript, END)
    assert transcript.take_end() == b""


def test_a_part_of_a_large_event_in_the_place_of_what_was_sent_is_a_mismatch() -> None:
    transcript = continued("a")
    with pytest.raises(Mismatch):
        transcript.take(Event(b"data: xx", is_part=True))


def test_a_foreign_event_among_chunks_passes_and_is_no_sign_of_life() -> None:
    transcript = broken(delta(content="a"))
    heard = transcript.progress_events
    foreign = event({"type": "surprise"})
    assert take(transcript, foreign) == foreign
    assert (transcript.progress_events, transcript.not_resumable, transcript.text) == (heard, "", "a")


def test_a_foreign_event_before_a_continuation_fits_is_not_sent() -> None:
    transcript = continued("a b")
    assert take(transcript, event({"type": "surprise"})) == b""


def test_done_is_the_end_of_all_choices_that_came_though_more_were_asked_for() -> None:
    transcript = new(2)
    sent = [delta(content="a"), END, DONE]
    assert take(transcript, *sent) == b"".join(sent)
    assert (transcript.whole, transcript.take_end()) == (True, b"")


def test_halves_of_a_character_that_came_apart_are_one_in_the_text() -> None:
    halves = [b'data: {"choices":[{"delta":{"content":"' + half + b'"}}]}\n\n' for half in (b"a\\ud83d", b"\\ude00")]
    assert broken(*halves).text == "a\U0001f600"
    assert broken(halves[0]).text == "a\ufffd"


@pytest.mark.parametrize(
    "sent",
    [
        delta(tool_calls=[{"index": 0, "id": "x"}]),
        delta(reasoning_content="hm"),
        delta(audio={"id": "x"}),
        delta(index=1, content="b"),
    ],
)
def test_what_another_model_cannot_continue_binds_the_answer_for_good(sent: bytes) -> None:
    transcript = broken(delta(content="a"), sent, delta(content="b"))
    assert transcript.not_resumable
    assert transcript.text == ""


def test_several_choices_that_were_asked_for_bind_the_answer_from_the_start() -> None:
    assert new(2).not_resumable == "several choices"


def test_no_more_text_is_kept_than_a_limit() -> None:
    transcript = broken(delta(content="x" * MOST_TEXT))
    assert transcript.not_resumable == ""
    take(transcript, delta(content="x"))
    assert (transcript.not_resumable, transcript.text) == ("more than 1 MiB of text", "")


# ── Another model goes on ───────────────────────────────────────────────────────────────────────────────────────────


def test_another_model_s_answer_is_spliced_in_at_a_seam_and_keeps_its_own_name() -> None:
    transcript = broken(ROLE, delta(content="one"), delta(content=" two"))
    transcript.continue_with(SEAM)
    assert transcript.is_splicing
    rest = take(transcript, ROLE, delta(content="one t"), delta(content="wo three"), delta(content=" four"), END, DONE)

    assert rest == SEAM + delta(content=" three") + delta(content=" four") + END + DONE
    assert (transcript.text, transcript.whole, transcript.is_splicing) == ("one two three four", True, False)


def test_a_seam_at_the_edge_of_a_chunk_changes_no_chunk() -> None:
    transcript = broken(delta(content="one"))
    transcript.continue_with(SEAM)
    assert take(transcript, delta(content="one"), delta(content=" two")) == SEAM + delta(content=" two")


def test_an_answer_that_was_whole_but_for_its_end_gets_the_end() -> None:
    transcript = broken(delta(content="one"))
    transcript.continue_with(SEAM)
    assert take(transcript, delta("stop", content="one")) == SEAM + delta("stop")
    assert transcript.take_end() == DONE


def test_a_model_that_ends_before_it_repeated_what_was_sent_does_not_fit() -> None:
    transcript = broken(delta(content="one two"))
    transcript.continue_with(SEAM)
    with pytest.raises(Mismatch):
        take(transcript, delta("stop", content="one"))


def test_a_model_that_calls_a_tool_instead_does_not_fit() -> None:
    transcript = broken(delta(content="one two"))
    transcript.continue_with(SEAM)
    with pytest.raises(Mismatch):
        take(transcript, delta(tool_calls=[{"index": 0}]))


def test_what_the_other_model_thinks_before_it_goes_on_is_not_sent() -> None:
    transcript = broken(delta(content="one"))
    transcript.continue_with(SEAM)
    assert take(transcript, delta(reasoning="hm"), delta(content="one two")) == SEAM + delta(content=" two")
    assert transcript.not_resumable == ""


def test_after_the_seam_the_other_model_may_call_a_tool_and_is_then_bound() -> None:
    transcript = broken(delta(content="one"))
    transcript.continue_with(SEAM)
    call = delta(tool_calls=[{"index": 0}])
    assert take(transcript, delta(content="one"), call) == SEAM + call
    assert transcript.not_resumable == "tool_calls"


def test_an_answer_that_breaks_off_again_is_continued_again() -> None:
    transcript = broken(delta(content="one"))
    transcript.continue_with(SEAM)
    take(transcript, delta(content="one two"))
    transcript.continue_with(SEAM)
    assert take(transcript, delta(content="one two three"), END) == SEAM + delta(content=" three") + END


def test_one_that_breaks_off_while_it_repeats_has_sent_nothing() -> None:
    transcript = broken(delta(content="one two"))
    transcript.continue_with(SEAM)
    assert take(transcript, delta(content="one")) == b""
    with pytest.raises(Interruption):
        transcript.take_end()
    transcript.continue_with(SEAM)
    assert take(transcript, delta(content="one two three")) == SEAM + delta(content=" three")


words = st.lists(st.sampled_from(["a", " b", "\n", " ", "é", "c c"]), min_size=1, max_size=12)


@given(words, words, st.data())
def test_the_client_reads_the_whole_text_exactly_once_wherever_it_broke_off(
    answer: list[str], again: list[str], draw: st.DataObject
) -> None:
    text = "".join(answer)
    cut = draw.draw(st.integers(1, len(answer)))
    transcript = new()
    sent = take(transcript, ROLE, *(delta(content=piece) for piece in answer[:cut]))
    transcript.continue_with(SEAM)
    size = draw.draw(st.integers(1, 5))
    pieces = [text[start : start + size] for start in range(0, len(text), size)]
    sent += take(transcript, ROLE, *(delta(content=piece) for piece in [*pieces, *again]), END, DONE)

    if "".join(answer[:cut]).strip():
        assert text_of(sent) == text + "".join(again)
    assert sent.count(b'finish_reason":"stop') == sent.count(DONE) == 1


def test_an_event_that_dispatches_nothing_passes_through() -> None:
    assert new().take(Event(b": x\n\n")) == b": x\n\n"


IDLE = {
    "blank lines": b"\n" * 1_000_000,
    "comments": b": ping\n\n" * 100_000,
    "another form": event({"x": 1}) + b"\n" * 1_000_000,
    "no JSON": b"data: " + b"o" * 90_000 + b"\n\n",
}


@pytest.mark.parametrize("idle", IDLE.values(), ids=IDLE)
def test_a_stream_that_goes_on_without_any_content_is_interrupted(idle: bytes) -> None:
    transcript = broken(delta(content="a"))
    with pytest.raises(Interruption, match="more than 4 MiB without any content"):
        take(transcript, *[idle] * (2 + module.MOST_IDLE // len(idle)))


def test_content_begins_the_count_of_idle_bytes_anew_but_not_behind_the_end() -> None:
    transcript, idle = broken(delta(content="a")), b"\n" * 3_000_000
    for _ in range(4):
        take(transcript, idle, delta(content="a"))
    take(transcript, END, idle)
    with pytest.raises(Interruption):
        take(transcript, delta(content=""), idle)
    assert transcript.is_settled


def test_the_request_that_the_responses_api_repeats_before_any_content_may_be_large() -> None:
    transcript = new()
    for _ in range(2):
        take(transcript, event({"type": "response.created", "response": {"instructions": "x" * 3_000_000}}))
    take(transcript, event({"type": "response.output_text.delta", "delta": "a"}))
    assert transcript.progress_events == 1


@pytest.mark.parametrize(
    "end",
    [
        b'{"choices":[{"delta":{},"finish_reason":"stop"}],"x":%b}',
        b'{"x":%b,"candidates":[{"finishReason" : "STOP"}]}',
        b'{"type": "response.completed","x":%b}',
    ],
)
def test_an_event_of_too_many_values_may_be_the_last(end: bytes) -> None:
    transcript = broken(event({"type": "response.x"}) if b"response" in end else delta(content="a"))
    data = end % (b"[" + b"[]," * 20_000 + b"0]")
    assert take(transcript, b"data: " + data + b"\n\n") == b"data: " + data + b"\n\n"
    assert transcript.take_end() == b""


# ── Content behind an end ───────────────────────────────────────────────────────────────────────────────────────────


def test_a_finish_that_content_follows_was_none() -> None:
    transcript = broken(delta("stop", content="a"), api=Api.CHAT)
    assert transcript.is_settled
    sent = [delta(content="b"), delta(content="c")]
    assert take(transcript, *sent) == b"".join(sent)
    assert (transcript.is_settled, transcript.text) == (False, "abc")
    with pytest.raises(Interruption):
        transcript.take_end()


def test_after_a_finish_reason_with_more_content_only_done_or_the_end_of_the_body_counts() -> None:
    transcript = broken(*[delta("stop", content=word) for word in "abc"], api=Api.CHAT)
    assert (transcript.whole, transcript.is_settled, transcript.take_end()) == (True, False, b"")
    assert take(transcript, DONE) == DONE
    assert transcript.is_settled


def test_empty_chunks_and_usage_behind_the_end_take_nothing_back() -> None:
    transcript = broken(delta("stop", content="a"), delta(content=""), delta(), USAGE, api=Api.CHAT)
    assert transcript.is_settled


def test_a_choice_that_goes_on_takes_nothing_back_from_another_that_ended() -> None:
    transcript = new(2, Api.CHAT)
    both = [{"index": 0, "delta": {}}, {"index": 1, "delta": {"content": "b"}}]
    take(transcript, delta("stop", content="a"), delta(index=1, content="b"), event({"choices": both}))
    take(transcript, delta("stop", index=1))
    assert (transcript.whole, transcript.is_settled) == (True, True)


def test_another_model_must_end_what_it_continues_whatever_the_first_one_sent() -> None:
    transcript = broken(delta("stop", content="one"), delta("stop", content=" two"), api=Api.CHAT)
    transcript.continue_with(SEAM)
    take(transcript, delta(content="one two three"))
    with pytest.raises(Interruption):
        transcript.take_end()


# ── Done without a reason ───────────────────────────────────────────────────────────────────────────────────────────


def test_done_with_tokens_counted_is_an_end() -> None:
    transcript = broken(delta(content="a"), usage(3), api=Api.CHAT)
    assert take(transcript, DONE) == DONE
    assert (transcript.is_settled, transcript.take_end()) == (True, b"")


@pytest.mark.parametrize("last", [usage(0), usage(3) + delta(content="b"), b": ping\n\n"])
def test_done_without_a_reason_and_without_tokens_counted_behind_the_last_word_is_none(last: bytes) -> None:
    transcript = broken(delta(content="a"), last, api=Api.CHAT)
    with pytest.raises(Interruption, match="done without a finish_reason"):
        take(transcript, DONE)


def test_done_behind_a_tool_call_whose_arguments_are_whole_is_an_end() -> None:
    pieces = [call('{"a"'), call(":1}")]
    transcript = broken(*pieces, api=Api.CHAT)
    assert take(transcript, DONE) == b"".join(pieces) + DONE
    assert transcript.is_settled


@pytest.mark.parametrize("last", [b"", usage(3)])
def test_done_behind_a_tool_call_whose_arguments_are_cut_is_none(last: bytes) -> None:
    transcript = broken(call('{"a"'), last, api=Api.CHAT)
    with pytest.raises(Interruption):
        take(transcript, DONE)


# ── Life ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_an_event_of_no_known_form_passes_and_is_no_content() -> None:
    transcript = broken(delta(content="a"), api=Api.CHAT)
    strange = event({"type": "heartbeat"})
    assert take(transcript, strange) == strange
    assert (transcript.not_resumable, transcript.text) == ("", "a")


def test_an_error_in_other_words_is_an_interruption() -> None:
    with pytest.raises(Interruption, match="error-event"):
        broken(delta(content="a"), event({"code": 500, "message": "oops"}), api=Api.CHAT)


def test_a_stream_of_a_known_api_in_which_nothing_of_it_comes_is_not_whole() -> None:
    with pytest.raises(Interruption):
        broken(event({"completion": "a"}), api=Api.CHAT).take_end()
