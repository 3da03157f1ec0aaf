"""The word by which an answer says why it ended: whole, at a limit, refused, or a failure whatever it is."""

import pytest

from switchover_dataplane.formats.api import Api
from switchover_dataplane.formats.finish_reasons import Finish, finish_of

ENDED = ("stop", "STOP", "tool_calls", "tool-calls", "TOOL_CALL", "function_call", "tool_use", "end_turn", "pause_turn",
         "stop_sequence", "eos", "eos_token", "COMPLETE", "completed", "normal", "FINISH", " stop ")  # fmt: skip
LIMITED = ("length", "LENGTH", "max_tokens", "MAX_TOKENS", "model_length", "max_output_tokens", "token_limit",
           "model_context_window_exceeded", "Max Tokens")  # fmt: skip
REFUSED = ("content_filter", "content-filter", "refusal", "sensitive", "SAFETY", "RECITATION", "PROHIBITED_CONTENT",
           "guardrail_intervened", "ERROR_TOXIC", "LANGUAGE")  # fmt: skip
FAILED = ("error", "ERROR", "network_error", "abort", "aborted", "cancelled", "timeout", "OTHER", "unknown",
          "MALFORMED_FUNCTION_CALL", "UNEXPECTED_TOOL_CALL", "MALFORMED_RESPONSE", "FINISH_REASON_UNSPECIFIED",
          "insufficient_system_resource", "error_finish", "stop_error", "not_stop", "stopped: error", "", "0",
          "x" * 10_000)  # fmt: skip


@pytest.mark.parametrize("api", [None, *Api])
def test_the_words_of_all_providers_mean_the_same_in_each_api(api: Api | None) -> None:
    for words, finish in ((ENDED, Finish.ENDED), (LIMITED, Finish.LIMITED), (REFUSED, Finish.REFUSED)):
        assert {word: finish_of(api, word) for word in words} == dict.fromkeys(words, finish)


@pytest.mark.parametrize("api", [None, *Api])
@pytest.mark.parametrize("word", FAILED, ids=lambda word: word[:30])
def test_any_other_word_means_a_failure(api: Api | None, word: str) -> None:
    assert finish_of(api, word) is None


def test_a_continuation_is_an_end_of_gemini_s_alone() -> None:
    assert finish_of(Api.GENERATE, "CONTINUATION") is Finish.ENDED
    assert finish_of(Api.CHAT, "CONTINUATION") is None
