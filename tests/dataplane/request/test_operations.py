"""What may be asked of models with the gateway's key, and what is refused before it is sent."""

import aiohttp
import msgspec
import pytest

from serving import free_port, gateway, good, table, targets
from switchover_dataplane.formats.operations import Refusal, is_usual, refusal
from switchover_dataplane.table.policies import Policy
from switchover_dataplane.table.rules import Filters, Rewrite

POSTED = (
    *("chat/completions", "completions", "fim/completions", "messages", "messages/count_tokens", "responses"),
    *("responses/compact", "embeddings", "images/generations", "images/edits", "audio/speech"),
    *("audio/transcriptions", "moderations", "rerank"),
)


@pytest.mark.parametrize("name", POSTED)
def test_what_models_are_for_is_asked_by_post_and_by_nothing_else(name: str) -> None:
    path = f"/v1/{name}"
    assert is_usual("POST", path)
    assert refusal("POST", [path], every=False) is None
    for method in ("GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS", "PURGE", "post"):
        assert not is_usual(method, path)
        assert refusal(method, [path], every=False) == Refusal(405, ("POST",))


@pytest.mark.parametrize(
    "name", ["", "/gpt-4o", "/ft:gpt-4o:org::id", "/ft%3Agpt-4o", "/meta-llama/Llama-3.1", "/meta-llama%2FLlama-3.1"]
)
def test_models_are_looked_up_and_never_deleted(name: str) -> None:
    path = f"/v1/models{name}"
    assert refusal("GET", [path], every=False) is None
    assert refusal("HEAD", [path], every=False) is None
    assert refusal("DELETE", [path], every=False) == Refusal(405, ("GET", "HEAD"))
    assert refusal("POST", [path], every=False) == Refusal(405, ("GET", "HEAD"))


@pytest.mark.parametrize(
    "name",
    [
        *(
            "files",
            "files/file-abc",
            "batches",
            "fine_tuning/jobs",
            "organization/admin_api_keys",
            "uploads",
            "threads",
        ),
        *("responses/resp_1", "responses/resp_1/input_items", "responses/resp_1/cancel", "conversations", "evals"),
        *(
            "vector_stores",
            "assistants",
            "containers",
            "realtime/sessions",
            "chat/completions/chatcmpl-1",
            "videos",
            "",
        ),
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE", "PURGE"])
def test_the_rest_of_an_api_is_refused_unless_all_of_it_is_allowed(name: str, method: str) -> None:
    path = f"/v1/{name}"
    assert refusal(method, [path], every=False) == Refusal(403)
    assert (refusal(method, [path], every=True) is None) == (method != "PURGE")


@pytest.mark.parametrize(
    "path",
    [
        *("/v1/Files", "/v1/FILES/x", "/v1/files/", "/v1//files", "/v1/%66iles", "/v1/f%69les", "/v1/files%2Fx"),
        *("/v1/./files", "/v1/../v1/files", "/v1/chat/completions/", "/v1/chat/completions/../../files"),
        *("/v1/Chat/completions", "/v1/chat%2Fcompletions", "/v1/chat/completions;x", "/v1/chat/completions%00"),
        *("/v1/models/../files", "/v1/models/..%2Ffiles", "/v1/models/%2E%2E/files", "/v1/models/%2e%2e%2ffiles"),
        *(
            "/v1/models/a/../../files",
            "/v1/models/.",
            "/v1/models/",
            "/v1/models//x",
            "/v1/models/a;b",
            "/v1/models/a%5Cb",
        ),
        *("/v1/models/%252e%252e/files", "/v1/models/a%3Fb", "/v1/models%2Fa/", "/v1/Models"),
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_no_other_spelling_of_a_path_gets_by(path: str, method: str) -> None:
    assert refusal(method, [path], every=False) == Refusal(403)


@pytest.mark.parametrize(
    "path", ["/", "/model", "/V1/files", "/v1", "/v1beta", "/v1gamma/models", "/v2/files", "/files"]
)
def test_a_path_that_is_none_of_the_api_is_the_routes_own(path: str) -> None:
    assert is_usual("POST", path)
    assert refusal("GET", [path], every=False) == Refusal(405, ("POST",))


@pytest.mark.parametrize("version", ["v1", "v1alpha", "v1beta", "v1beta1"])
@pytest.mark.parametrize(
    "models", ["models", "tunedModels", "projects/my-project/locations/us-central1/publishers/google/models"]
)
def test_a_model_of_google_is_asked_by_the_methods_that_ask_it(version: str, models: str) -> None:
    path = f"/{version}/{models}/gemini-2.5-pro"
    for method in ("generateContent", "streamGenerateContent", "countTokens", "embedContent", "batchEmbedContents"):
        assert is_usual("POST", f"{path}:{method}")
        assert refusal("POST", [f"{path}:{method}"], every=False) is None
        assert refusal("DELETE", [f"{path}:{method}"], every=False) is not None
    for method in ("batchGenerateContent", "predictLongRunning", "transferOwnership", "GenerateContent", ""):
        assert not is_usual("POST", f"{path}:{method}")
        assert refusal("POST", [f"{path}:{method}"], every=False) is not None


@pytest.mark.parametrize("start", ["/v1alpha/", "/v1beta/", "/v1beta1/"])
def test_the_models_of_google_are_looked_up(start: str) -> None:
    for path in (f"{start}models", f"{start}models/gemini-2.5-pro"):
        assert refusal("GET", [path], every=False) is None
        assert refusal("DELETE", [path], every=False) == Refusal(405, ("GET", "HEAD"))


@pytest.mark.parametrize(
    "path",
    [
        *("/v1beta/files", "/v1beta/files/f", "/v1beta/cachedContents", "/v1beta/batches", "/v1beta/corpora"),
        *("/v1beta/models/../files:generateContent", "/v1beta/models/a/b:generateContent"),
        *("/v1beta/models/..:generateContent", "/v1beta/models/a%2F..:generateContent", "/v1beta/models/:countTokens"),
        *("/v1beta/models/a:generateContent/b", "/v1beta/projects/p/locations/l/endpoints/e:generateContent"),
        *("/v1/projects/../locations/l/publishers/google/models/m:generateContent", "/v1beta/openai/files", "/v1beta/"),
    ],
)
@pytest.mark.parametrize("method", ["POST", "DELETE"])
def test_the_rest_of_the_api_of_google_is_refused_unless_all_of_it_is_allowed(path: str, method: str) -> None:
    assert refusal(method, [path], every=False) is not None
    assert refusal(method, [path], every=True) is None


@pytest.mark.parametrize("path", ["/v1beta/files", "/v1beta/files/f", "/v1beta/cachedContents", "/v1beta/"])
def test_nothing_of_google_is_looked_up_but_models(path: str) -> None:
    assert refusal("GET", [path], every=False) == Refusal(403)


def test_the_endpoint_of_google_for_clients_of_openai_is_asked_as_that_one() -> None:
    assert is_usual("POST", "/v1beta/openai/chat/completions")


def test_each_path_that_a_target_would_be_asked_for_counts() -> None:
    assert refusal("GET", ["/v1/models", "/v1/chat/completions"], every=False) == Refusal(405, ("POST",))
    assert refusal("POST", ["/v1/files", "/v1/embeddings"], every=False) == Refusal(403)
    assert refusal("GET", [], every=False) is None


# ── On the wire ─────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("method", "path", "status", "code", "allow"),
    [
        ("DELETE", "/model/files/x", 403, "operation_not_allowed", None),
        ("POST", "/model/../model/files", 403, "operation_not_allowed", None),
        ("GET", "/model/embeddings", 405, "method_not_allowed", "POST"),
        ("POST", "/model/models", 405, "method_not_allowed", "GET, HEAD"),
    ],
)
async def test_what_is_refused_is_answered_in_the_api_s_form_and_reaches_no_model(
    method: str, path: str, status: int, code: str, allow: str | None
) -> None:
    async with targets(good()) as (first,), aiohttp.ClientSession() as client:
        of = table(free_port(), [first.port], filters=Filters(rewrite=Rewrite(prefix="/v1")))
        async with gateway(of) as at, client.request(method, at.url + path) as answer:
            error = (await answer.json())["error"]
            assert (answer.status, error["code"], answer.headers.get("allow")) == (status, code, allow)
            assert answer.headers["x-request-id"]
    assert first.seen == []


@pytest.mark.parametrize(("operations", "status"), [("Models", 403), ("All", 200)])
async def test_a_failover_policy_opens_the_rest_of_the_api(operations: str, status: int) -> None:
    async with targets(good()) as (first,), aiohttp.ClientSession() as client:
        policy = msgspec.convert({"operations": operations}, Policy)
        rewrite = Filters(rewrite=Rewrite(prefix="/v1"))
        async with gateway(table(free_port(), [first.port], policy, filters=rewrite)) as at:
            async with client.get(f"{at.url}/model/files") as answer:
                assert answer.status == status
    assert [seen.line for seen in first.seen] == (["GET /v1/files HTTP/1.1"] if status == 200 else [])


@pytest.mark.parametrize(
    ("method", "path", "full_path", "status"),
    [
        ("GET", "/model/embeddings", "/v1/chat/completions?api-version=1", 405),
        ("POST", "/model/files", "/v1/chat/completions", 200),
        ("POST", "/model/files", "/own/path", 200),
        ("DELETE", "/model/embeddings", "/own/path", 405),
    ],
)
async def test_a_path_that_a_target_has_instead_decides(method: str, path: str, full_path: str, status: int) -> None:
    async with targets(good()) as (first,), aiohttp.ClientSession() as client:
        of = table(free_port(), [first.port], filters=Filters(rewrite=Rewrite(prefix="/v1")))
        [upstream] = of.upstreams.values()
        [[target]] = upstream.priorities
        pools = ((msgspec.structs.replace(target, full_path=full_path),),)
        changed = {"ns/up": msgspec.structs.replace(upstream, priorities=pools)}
        async with gateway(msgspec.structs.replace(of, upstreams=changed)) as at:
            body: dict[str, str] | None = {} if method == "POST" else None
            async with client.request(method, at.url + path, json=body) as answer:
                assert answer.status == status
    assert [seen.line for seen in first.seen] == ([f"{method} {full_path} HTTP/1.1"] if status == 200 else [])


async def test_a_plain_backend_is_asked_for_anything() -> None:
    async with targets(good()) as (first,), aiohttp.ClientSession() as client:
        async with gateway(table(free_port(), [first.port], ai=False, auth="")) as at:
            async with client.request("PURGE", f"{at.url}/model/v1/files") as answer:
                assert answer.status == 200
    assert first.seen[0].line.startswith("PURGE /model/v1/files ")
