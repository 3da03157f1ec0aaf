"""The finish reason of an answer → how the answer ended; every word that is not listed here means a failure.

Providers have many words for failures ("network_error", "abort", "insufficient_system_resource"), but few for whole
answers and refusals, so only these are listed. Case, "-" and "_" are ignored, as servers that offer another provider's
API keep their own words.
"""

from enum import Enum, auto
from functools import lru_cache
from typing import Final

from switchover_dataplane.formats.api import Api


class Finish(Enum):
    """How a good answer ended.

    ENDED: the model was finished, so there must be content. LIMITED: a limit of the request or the model ended it.
    REFUSED: the provider or the model refused. LIMITED and REFUSED are good answers even without content.
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
"""Words of all APIs: servers that translate between APIs keep the words of the other API."""

_OF: Final[dict[Api | None, dict[str, Finish]]] = {
    # Gemini API reference, FinishReason: LANGUAGE and the image reasons are refusals; OTHER and MALFORMED_* are none.
    Api.GENERATE: {**_OF_ANY, **_words(Finish.ENDED, "continuation")},
}


@lru_cache(maxsize=256)
def finish_of(api: Api | None, word: str) -> Finish | None:
    """Return how an answer with this finish reason ended; None means a failure.

    `word` is `finish_reason` (Chat, Completions), `stop_reason` (Messages), `finishReason` (generateContent),
    `stopReason` (Converse) or `incomplete_details.reason` (Responses).
    """
    return _OF.get(api, _OF_ANY).get(word.strip().lower().replace("-", "_").replace(" ", "_"))
