"""Where each provider is asked, by which path and with which fields; what the official SDKs ask is what is right."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import botocore.session
import httpx
import httpx2
import msgspec
import pytest
from botocore.awsrequest import AWSResponse
from botocore.config import Config
from google.oauth2.credentials import Credentials
from multidict import CIMultiDict

from deferred import deferred
from switchover_dataplane.formats.api import Api
from switchover_dataplane.table.upstreams import (
    Anthropic,
    Auth,
    AzureOpenAI,
    Bedrock,
    Gemini,
    Http,
    Mistral,
    OpenAI,
    Provider,
    Target,
    Upstream,
    VertexAi,
)
from switchover_dataplane.table.wire import sealed
from switchover_dataplane.upstream.providers import wire
from switchover_dataplane.upstream.targets import Route, routes

if TYPE_CHECKING:
    import anthropic
    from google import genai
    from google.genai import types
else:
    anthropic, genai, types = map(deferred, ("anthropic", "google.genai", "google.genai.types"))

GEMINI = Gemini("gemini-2.5-pro")
VERTEX = VertexAi("my-project", "us-central1", "gemini-2.5-pro")
CLAUDE = VertexAi("my-project", "us-east5", "claude-opus-4-6@20260201", publisher="anthropic")
LLAMA = VertexAi("my-project", "us-east5", "meta/llama-4", json_schema="openai")
NOVA = Bedrock("us.amazon.nova-pro-v1:0", "us-east-1")
PROFILE = Bedrock("arn:aws:bedrock:eu-west-1:123456789012:application-inference-profile/abc", "eu-west-1")
ONE_OF_EACH: list[Provider] = [
    *(OpenAI("m"), OpenAI("m", has_responses=False), AzureOpenAI("d", "2024-10-21"), Mistral("m"), Anthropic("m")),
    *(GEMINI, Gemini(), VERTEX, CLAUDE, LLAMA, NOVA, Http()),
]

GOOGLES_PLACE = "/v1/projects/my-project/locations/us-central1/publishers/google/models"


def route(provider: Provider, **of_target: Any) -> Route:
    """Make the way to one target."""
    target = Target("t", "model.test", 443, provider, **of_target)
    secrets = dict.fromkeys(target.auth.names, "key-of-the-target")
    table = sealed((), {}, {}, {"u": Upstream("u", True, ((target,),))}, secrets)
    return routes(table)["t"]


# ── What the SDKs ask ───────────────────────────────────────────────────────────────────────────────────────────────


def path_asked(ask: Callable[[Any], object], library: Any = httpx) -> str:
    """Return path and query that an SDK asks for by a client of the library that it is made with."""
    asked: list[str] = []

    def seen(request: Any) -> Any:
        asked.append(request.url.raw_path.decode())
        return library.Response(400, json={"error": {"code": 400, "message": "no", "status": "INVALID_ARGUMENT"}})

    with library.Client(transport=library.MockTransport(seen)) as client, pytest.raises(Exception, match=r"no|400"):
        ask(client)
    return asked[0]


def generate(client: "genai.Client", *, streamed: bool) -> object:
    if streamed:
        return list(client.models.generate_content_stream(model="gemini-2.5-pro", contents="hi"))
    return client.models.generate_content(model="gemini-2.5-pro", contents="hi")


@pytest.mark.parametrize("streamed", [False, True])
def test_gemini_is_asked_where_googles_sdk_asks_it(streamed: bool) -> None:
    def ask(http: Any) -> object:
        options = types.HttpOptions(httpx_client=http, api_version="v1beta")
        return generate(genai.Client(api_key="k", http_options=options), streamed=streamed)

    assert wire(GEMINI).translated_path(GEMINI, streamed) == path_asked(ask)


@pytest.mark.parametrize("streamed", [False, True])
def test_vertex_is_asked_where_googles_sdk_asks_it(streamed: bool) -> None:
    def ask(http: Any) -> object:
        options = types.HttpOptions(httpx_client=http, api_version="v1")
        client = genai.Client(
            vertexai=True,
            project="my-project",
            location="us-central1",
            credentials=Credentials(token="t"),
            http_options=options,
        )
        return generate(client, streamed=streamed)

    assert wire(VERTEX).translated_path(VERTEX, streamed) == path_asked(ask)


@pytest.mark.parametrize("streamed", [False, True])
def test_claude_on_vertex_is_asked_where_anthropics_sdk_asks_it(streamed: bool) -> None:
    def ask(http: Any) -> object:
        client = anthropic.AnthropicVertex(
            region="us-east5", project_id="my-project", access_token="t", http_client=http, max_retries=0
        )
        return client.messages.create(
            model=CLAUDE.model, max_tokens=9, messages=[{"role": "user", "content": "hi"}], stream=streamed
        )

    assert wire(CLAUDE).translated_path(CLAUDE, streamed) == path_asked(ask, httpx2)


@pytest.mark.parametrize("provider", [NOVA, PROFILE])
@pytest.mark.parametrize("streamed", [False, True])
def test_bedrock_is_asked_where_awss_sdk_asks_it(provider: Bedrock, streamed: bool) -> None:
    asked: list[str] = []

    def seen(request: Any, **_: object) -> AWSResponse:
        asked.append(request.url)
        return AWSResponse(request.url, 400, {}, None)

    client = botocore.session.get_session().create_client(
        "bedrock-runtime",
        region_name=provider.region,
        aws_access_key_id="a",
        aws_secret_access_key="s",
        config=Config(retries={"max_attempts": 0}),
    )
    client.meta.events.register("before-send", seen)
    ask = client.converse_stream if streamed else client.converse
    with pytest.raises(Exception):  # noqa: B017, PT011 - the answer is none; what was asked is what counts
        ask(modelId=provider.model, messages=[{"role": "user", "content": [{"text": "hi"}]}])
    host = f"https://bedrock-runtime.{provider.region}.amazonaws.com"
    assert host + wire(provider).translated_path(provider, streamed) == asked[0]


# ── What a client asks in the provider's own API ────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("provider", "asked", "path"),
    [
        (GEMINI, "/v1beta/models/other:generateContent", "/v1beta/models/gemini-2.5-pro:generateContent"),
        (GEMINI, "/v1/models/o:streamGenerateContent", "/v1beta/models/gemini-2.5-pro:streamGenerateContent"),
        (GEMINI, "/v1alpha/models/o:countTokens", "/v1beta/models/gemini-2.5-pro:countTokens"),
        (Gemini(), "/v1beta/models/other:generateContent", "/v1beta/models/other:generateContent"),
        (Gemini("", "v1"), "/v1beta/models/other:generateContent", "/v1/models/other:generateContent"),
        (Gemini("tunedModels/mine"), "/v1beta/models/o:generateContent", "/v1beta/tunedModels/mine:generateContent"),
        (GEMINI, "/v1beta/models/embedder:embedContent", "/v1beta/models/embedder:embedContent"),
        (GEMINI, "/v1beta/models", "/v1beta/models"),
        (GEMINI, "/v1beta/models/other", "/v1beta/models/other"),
        (GEMINI, "/v1beta/files", "/v1beta/files"),
        (GEMINI, "/chat", "/v1beta/models/gemini-2.5-pro:generateContent"),
        (VERTEX, "/v1beta/models/other:countTokens", f"{GOOGLES_PLACE}/gemini-2.5-pro:countTokens"),
        (
            VERTEX,
            "/v1beta1/projects/other/locations/eu/publishers/google/models/other:generateContent",
            f"{GOOGLES_PLACE}/gemini-2.5-pro:generateContent",
        ),
        (VERTEX, "/chat", f"{GOOGLES_PLACE}/gemini-2.5-pro:generateContent"),
        (
            CLAUDE,
            "/v1/messages/count_tokens",
            "/v1/projects/my-project/locations/us-east5/publishers/anthropic/models/count-tokens:rawPredict",
        ),
        (
            LLAMA,
            "/v1/chat/completions",
            "/v1/projects/my-project/locations/us-east5/endpoints/openapi/chat/completions",
        ),
        (LLAMA, "/chat", "/v1/projects/my-project/locations/us-east5/endpoints/openapi/chat/completions"),
        (Anthropic(), "/v1/messages", "/v1/messages"),
        (Anthropic("m"), "/v1/messages/count_tokens", "/v1/messages/count_tokens"),
        (Anthropic("m"), "/v1/models", "/v1/models"),
        (Anthropic("m"), "/claude", "/v1/messages"),
        (NOVA, "/model/other/converse", "/model/us.amazon.nova-pro-v1%3A0/converse"),
        (NOVA, "/model/other/converse-stream", "/model/us.amazon.nova-pro-v1%3A0/converse-stream"),
        (NOVA, "/chat", "/model/us.amazon.nova-pro-v1%3A0/converse"),
    ],
)
def test_what_is_asked_of_another_model_is_asked_of_the_targets(provider: Provider, asked: str, path: str) -> None:
    assert wire(provider).path(provider, asked) == path


@pytest.mark.parametrize(
    "model", ["../../files", "a/b?c=d", "a#b", "a b", "a%2Fb", "a:generateContent?x", "ä", "a\r\nb"]
)
@pytest.mark.parametrize("streamed", [False, True])
def test_no_name_of_a_model_leads_to_another_path(model: str, streamed: bool) -> None:
    for provider in (Gemini(model), VertexAi("p", "l", model), Bedrock(model, "r")):
        path = wire(provider).translated_path(provider, streamed)
        plain = msgspec.structs.replace(provider, model="m")
        assert path.isascii()
        assert not set(path) & set(" \r\n#")
        assert path.count("/") == wire(plain).translated_path(plain, streamed).count("/")
        assert path.partition("?")[2] in ("", "alt=sse")


def test_a_method_that_is_written_stands_behind_the_model() -> None:
    usual = VertexAi("p", "us-east5", "claude", model_path="rawPredict", publisher="anthropic")
    assert wire(usual).translated_path(usual, True).endswith("/claude:streamRawPredict")
    own = VertexAi("p", "us-east5", "m", model_path="predict")
    assert wire(own).translated_path(own, False).endswith("/google/models/m:predict")
    assert wire(own).translated_path(own, True).endswith("/google/models/m:predict?alt=sse")


@pytest.mark.parametrize("provider", [Gemini(), VertexAi("p", "l"), VertexAi("p", "l", publisher="anthropic")])
def test_without_a_model_there_is_no_path_for_clients_of_other_apis(provider: Provider) -> None:
    assert wire(provider).translated_path(provider, False) == wire(provider).translated_path(provider, True) == ""
    assert route(provider, base_path="/a").translated_path(streamed=True) == ""


def test_azure_is_told_the_deployment_by_the_path_or_for_responses_by_the_body() -> None:
    azure = route(AzureOpenAI("my gpt", "2024-10-21"))
    asked = {
        path: (azure.path(path, "a=b"), azure.model_for(path)) for path in ("/v1/chat/completions", "/v1/responses")
    }
    assert asked == {
        "/v1/chat/completions": ("/openai/deployments/my%20gpt/chat/completions?api-version=2024-10-21", ""),
        "/v1/responses": ("/openai/v1/responses?a=b", "my gpt"),
    }


# ── APIs ────────────────────────────────────────────────────────────────────────────────────────────────────────────

OPENAIS = {Api.CHAT, Api.COMPLETIONS, Api.EMBEDDINGS}


@pytest.mark.parametrize(
    ("provider", "api", "taken"),
    [
        (OpenAI(), Api.CHAT, {*OPENAIS, Api.RESPONSES}),
        (OpenAI(has_responses=False), Api.CHAT, OPENAIS),
        (AzureOpenAI("d", "v"), Api.CHAT, {*OPENAIS, Api.RESPONSES}),
        (AzureOpenAI("d", "v", has_responses=False), Api.CHAT, OPENAIS),
        (Mistral(), Api.CHAT, OPENAIS),
        (Anthropic(), Api.MESSAGES, {Api.MESSAGES}),
        (GEMINI, Api.GENERATE, {Api.GENERATE}),
        (VERTEX, Api.GENERATE, {Api.GENERATE}),
        (CLAUDE, Api.MESSAGES, set()),
        (LLAMA, Api.CHAT, {Api.CHAT}),
        (NOVA, Api.CONVERSE, {Api.CONVERSE}),
        (Http(), None, set(Api)),
    ],
)
def test_each_provider_takes_its_own_apis_as_they_are(provider: Provider, api: Api | None, taken: set[Api]) -> None:
    assert route(provider).speaks is api
    assert {each for each in Api if route(provider).takes(each)} == taken


@pytest.mark.parametrize("provider", ONE_OF_EACH)
def test_the_paths_of_a_target_begin_with_its_base_path_or_are_its_full_path(provider: Provider) -> None:
    own = route(provider).translated_path(streamed=False)
    assert route(provider, base_path="/a/").translated_path(streamed=False) == (f"/a{own}" if own else "")
    assert route(provider, full_path="/x?y=z").translated_path(streamed=True) == "/x?y=z"


def test_vertex_names_a_model_with_its_publisher_where_the_path_names_none() -> None:
    google = VertexAi("p", "l", "gemini-2.5-pro", json_schema="openai")
    assert [route(each).model for each in (google, LLAMA, VERTEX, CLAUDE)] == [
        "google/gemini-2.5-pro",
        "meta/llama-4",
        "",
        "",
    ]
    assert [route(each).label for each in (google, LLAMA, NOVA)] == [google.model, LLAMA.model, NOVA.model]


# ── Fields ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("provider", "field"),
    [
        (Anthropic(), ("x-api-key", "key-of-the-target")),
        (GEMINI, ("x-goog-api-key", "key-of-the-target")),
        (VERTEX, ("authorization", "Bearer key-of-the-target")),
        (NOVA, ("authorization", "Bearer key-of-the-target")),
    ],
)
def test_each_provider_has_its_key_in_its_own_field(provider: Provider, field: tuple[str, str]) -> None:
    assert route(provider, auth=Auth("token", "s")).credential == field
    name = "key-of-the-caller" if field[1] == "key-of-the-target" else "Bearer key-of-the-caller"
    passing = route(provider, auth=Auth("passthrough"))
    assert passing.passed_through("Bearer key-of-the-caller") == (field[0], name)


@pytest.mark.parametrize(
    "auth", [Auth("aws", "s", "a", "t"), Auth("aws-identity"), Auth("service-account", "s"), Auth("token", "s")]
)
def test_beside_a_credential_of_the_gateways_the_callers_is_left_out_of_the_query(auth: Auth) -> None:
    assert route(NOVA, auth=auth).path("/model/m/converse", "key=k&a=b").endswith("/converse?a=b")


@pytest.mark.parametrize(
    ("provider", "given", "sent"),
    [
        (Anthropic(), {}, {"anthropic-version": "2023-06-01"}),
        (Anthropic(), {"anthropic-version": "2026-10-21"}, {"anthropic-version": "2026-10-21"}),
        (Anthropic("m", "2024-01-01"), {}, {"anthropic-version": "2024-01-01"}),
        (Anthropic("m", "2024-01-01"), {"anthropic-version": "2026-10-21"}, {"anthropic-version": "2026-10-21"}),
        (Anthropic(), {"anthropic-beta": "b"}, {"anthropic-beta": "b", "anthropic-version": "2023-06-01"}),
        (CLAUDE, {"anthropic-beta": "b"}, {"anthropic-beta": "b"}),
        *(
            (other, {"anthropic-beta": "b", "anthropic-version": "2026-10-21", "accept": "a"}, {"accept": "a"})
            for other in (OpenAI(), AzureOpenAI("d", "v"), Mistral(), GEMINI, VERTEX, LLAMA, NOVA)
        ),
    ],
)
def test_the_fields_of_messages_go_where_messages_is_spoken(
    provider: Provider, given: dict[str, str], sent: dict[str, str]
) -> None:
    fields = CIMultiDict(given)
    way = route(provider)
    way.address(fields, way.translated_path(streamed=False))
    assert dict(fields) == sent


def test_a_compatible_server_that_is_asked_for_messages_gets_its_fields_too() -> None:
    fields = CIMultiDict({"anthropic-beta": "b", "anthropic-version": "v"})
    route(OpenAI()).address(fields, "/v1/messages?beta=true")
    assert len(fields) == 2
