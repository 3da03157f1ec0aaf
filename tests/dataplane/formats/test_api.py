"""What the path of a request says of its API, and of the model that it is for."""

import pytest

from switchover_dataplane.formats.api import Api, api_of, is_for_vectors, writes

PATHS = {
    "/v1/chat/completions": (Api.CHAT, True, False),
    "/openai/deployments/d/chat/completions?api-version=1": (Api.CHAT, True, False),
    "/v1/completions/": (Api.COMPLETIONS, True, False),
    "/v1/fim/completions": (Api.COMPLETIONS, True, False),
    "/v1/messages": (Api.MESSAGES, True, False),
    "/v1/messages/count_tokens": (None, True, False),
    "/v1/responses": (Api.RESPONSES, True, False),
    "/v1/responses/compact": (None, True, False),
    "/v1/responses/input_tokens": (None, True, False),
    "/v1beta/models/m:generateContent": (Api.GENERATE, True, False),
    "/v1beta/models/m:streamGenerateContent?alt=sse": (Api.GENERATE, True, False),
    "/v1beta/models/m:countTokens": (None, True, False),
    "/v1/embeddings": (Api.EMBEDDINGS, False, True),
    "/v1/multimodalembeddings": (None, False, True),
    "/v2/embed": (None, False, True),
    "/v1beta/models/m:embedContent": (None, False, True),
    "/v1beta/models/m:batchEmbedContents": (None, False, True),
    "/v1/images/generations": (None, False, False),
    "/v1/audio/transcriptions": (None, False, False),
    "/v1/chat/moderations": (None, False, False),
    "/v1/rerank": (None, False, False),
    "/v1/files": (None, None, False),
    "/own?path=/v1/embeddings": (None, None, False),
}


@pytest.mark.parametrize(("path", "right"), PATHS.items(), ids=PATHS)
def test_a_path_decides_its_api_and_whether_a_model_writes_text(
    path: str, right: tuple[Api | None, bool | None, bool]
) -> None:
    assert (api_of(path), writes(path), is_for_vectors(path)) == right
