"""The word by which an answer says why it ended → what that means; a word that is not here means that it failed.

Providers name their failures in ever new words ("network_error", "abort", "insufficient_system_resource"), but whole
answers and refusals in few, so that only these are named. Case, "-" and "_" do not matter, as servers that speak
another provider's language keep words of their own.
"""

from enum import Enum, auto
from functools import lru_cache
from typing import Final

from switchover_dataplane.formats.api import Api


class Finish(Enum):
    """Why an answer ended that is one.

    ENDED: the model had no more to say, and what it said must be there. LIMITED: a limit of the request or the model
    ended it. REFUSED: the provider or the model would not say it. The last two are answers even without a word.
    """

    ENDED = auto()
    LIMITED = auto()
    REFUSED = auto()


_ENDED: Final = (
    # OpenAI, Azure OpenAI, Mistral, Together AI (eos), Text Generation Inference (eos_token), Cohere (complete),
    # Anthropic (end_turn, pause_turn, compaction), IBM watsonx (eos_token), SambaNova (end_of_text), AI21 (endoftext),
    # Baidu Qianfan (normal), Amazon Titan (finish).
    "stop tool_calls function_call tool_call function_calls tool_use end_turn pause_turn compaction stop_sequence"
    " stop_token eos eos_token end_of_text endoftext end_of_turn complete completed normal finish"
)
_LIMITED: Final = (
    # Mistral (model_length), Anthropic (model_context_window_exceeded), Cohere and Gemini (max_tokens), Responses API
    # (max_output_tokens, max_tool_calls), IBM watsonx (token_limit).
    "length max_tokens max_length max_output_tokens max_tool_calls model_length model_context_window_exceeded"
    " token_limit"
)
_REFUSED: Final = (
    # OpenAI, Azure OpenAI, Anthropic, Zhipu (sensitive), Cohere (error_toxic), Bedrock, Gemini (FinishReason).
    "content_filter content_filtered refusal refused sensitive error_toxic guardrail_intervened safety recitation"
    " blocklist prohibited_content spii model_armor language escalation image_safety image_prohibited_content"
    " image_recitation"
)


def _words(finish: Finish, words: str) -> dict[str, Finish]:
    return dict.fromkeys(words.split(), finish)


_OF_ANY: Final = {
    **_words(Finish.ENDED, _ENDED),
    **_words(Finish.LIMITED, _LIMITED),
    **_words(Finish.REFUSED, _REFUSED),
}
"""Servers that translate between APIs hand on the words of the other one, so that these are the same everywhere."""

_OF: Final[dict[Api | None, dict[str, Finish]]] = {
    # Gemini API reference, FinishReason: LANGUAGE and the image reasons are refusals; OTHER and MALFORMED_* are none.
    Api.GENERATE: {**_OF_ANY, **_words(Finish.ENDED, "continuation")},
}


@lru_cache(maxsize=256)
def finish_of(api: Api | None, word: str) -> Finish | None:
    """Tell what a finish reason means in answers of an API; None for one that means a failure.

    `word` is `finish_reason` (Chat, Completions), `stop_reason` (Messages), `finishReason` (generateContent) or
    `incomplete_details.reason` (Responses).
    """
    return _OF.get(api, _OF_ANY).get(word.strip().lower().replace("-", "_").replace(" ", "_"))
