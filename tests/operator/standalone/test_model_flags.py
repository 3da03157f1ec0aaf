"""`--model`, `--client-keys` and what goes with them: what is taken, and what is refused before anything starts."""

from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner, Result

from certificates import service_account
from switchover_operator.cli import main
from switchover_operator.standalone.client_keys import read_client_keys
from switchover_operator.standalone.model_names import Model, in_order, model_of
from switchover_operator.standalone.providers import (
    AWS_KEYS,
    AWS_REGIONS,
    OTHER_NAMES,
    PROVIDERS,
    VERTEX_LOCATION,
    VERTEX_PROJECT,
)
from switchover_operator.standalone.quick_start import Made, Start, manifests, objects

KEY = "not-a-real-key-of-the-chat-app-1"


def switchover(*arguments: str, **environment: str) -> Result:
    others = ("AZURE_OPENAI_ENDPOINT", *AWS_KEYS, *AWS_REGIONS, VERTEX_PROJECT, VERTEX_LOCATION)
    keys = dict.fromkeys((*(each.variable for each in PROVIDERS.values()), *others))
    return CliRunner().invoke(main, ["run", *arguments], env={**keys, **environment})


def said(*arguments: str, **environment: str) -> str:
    """What a usage error says, on one line."""
    result = switchover(*arguments, **environment)
    assert result.exit_code == 2, result.output
    return " ".join(result.output.split())


@pytest.mark.parametrize(
    ("text", "model"),
    [
        ("openai/gpt-4o", Model("openai", "gpt-4o")),
        ("OpenAI/gpt-4o", Model("openai", "gpt-4o")),
        ("azure/chat", Model("azure-openai", "chat")),
        ("openrouter/anthropic/claude-sonnet-4", Model("openrouter", "anthropic/claude-sonnet-4")),
        ("ollama/llama3.2:1b", Model("ollama", "llama3.2:1b")),
        ("openai/llama@127.0.0.1:8000", Model("openai", "llama", "127.0.0.1", 8000)),
        ("openai/llama@[::1]:8000", Model("openai", "llama", "::1", 8000)),
        ("anthropic/claude-sonnet-4", Model("anthropic", "claude-sonnet-4")),
        ("google/gemini-2.5-pro", Model("gemini", "gemini-2.5-pro")),
        ("vertex_ai/claude-opus-4-6@20260201", Model("vertex", "claude-opus-4-6@20260201")),
        ("vertex/m@1@127.0.0.1:80", Model("vertex", "m@1", "127.0.0.1", 80)),
        ("bedrock/us.amazon.nova-pro-v1:0", Model("bedrock", "us.amazon.nova-pro-v1:0")),
        ("vllm/org/llama@Models.Example.com:443", Model("vllm", "org/llama", "models.example.com", 443)),
    ],
)
def test_a_model_is_a_provider_a_name_and_perhaps_a_host(text: str, model: Model) -> None:
    assert model_of(text) == model
    assert model_of(str(model)) == model


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("gpt-4o", "names no provider"),
        ("", "names no provider"),
        ("openai/", "names no model"),
        ("openai/@127.0.0.1:8000", "names no model"),
        ("/gpt-4o", "is no provider that is known"),
        ("opanai/gpt-4o", "did you mean openai?"),
        ("mistrl/large", "did you mean mistral?"),
        ("cohere/command", "cohere is not served yet"),
        ("anthropc/claude-sonnet-4", "did you mean anthropic?"),
        ("openai/gpt 4o", "is no name of a model"),
        ("openai/${MODEL}", "a variable that nothing has replaced"),
        ("openai/llama@", "names no host and port"),
        ("openai/llama@127.0.0.1", "names no host and port"),
        ("openai/llama@:8000", "names no host and port"),
        ("openai/llama@::1:8000", "names no host and port"),
        ("openai/llama@[x]:8000", "no IPv6 address"),
        ("openai/llama@127.0.0.1:0", "no port from 1 to 65535"),
        ("openai/llama@127.0.0.1:70000", "no port from 1 to 65535"),
        ("openai/llama@127.0.0.1:80x", "no port from 1 to 65535"),
        ("openai/llama@127.0.0.256:80", "no valid host"),
        ("openai/llama@host_name:80", "no valid host"),
        ("openai/llama@http://127.0.0.1:8000/v1", "holds a URL"),
    ],
)
def test_another_form_is_refused_with_what_would_be_right(text: str, problem: str) -> None:
    assert problem in said("--model", text)


def test_a_key_in_place_of_a_name_is_not_repeated() -> None:
    key = "sk-proj-" + "a1B2c3D4" * 4
    for text in (key, f"openai/{key}", f"openai/gpt-4o@{key}:443"):
        output = said("--model", text)
        assert "a1B2c3D4" not in output
        assert "API key" in output


def test_a_model_that_is_named_twice_is_refused() -> None:
    with pytest.raises(ValueError, match="azure-openai/chat is named twice"):
        in_order([model_of("azure/chat"), model_of("openai/gpt-4o"), model_of("azure-openai/chat")])
    assert len(in_order([model_of("openai/gpt-4o"), model_of("openai/gpt-4o@127.0.0.1:8000")])) == 2
    assert "openai/gpt-4o is named twice" in said("--model", "openai/gpt-4o", "--model", "openai/gpt-4o")


def test_every_variable_that_is_missing_is_named_with_its_model() -> None:
    output = said("--model", "openai/gpt-4o", "--model", "mistral/large", "--model", "vllm/llama", MISTRAL_API_KEY="")
    assert "--model openai/gpt-4o needs a key: set OPENAI_API_KEY" in output
    assert "--model mistral/large needs a key: set MISTRAL_API_KEY" in output
    assert "VLLM" not in output
    assert "vllm/llama@HOST:PORT" in said("--model", "openai/llama@models.example.com:80")


def test_a_variable_that_holds_no_key_is_named_and_its_value_is_not() -> None:
    output = said("--model", "openai/gpt-4o", OPENAI_API_KEY="'quoted-and-secret'")
    assert "OPENAI_API_KEY holds quotation marks" in output
    assert "quoted-and-secret" not in output


def test_azure_needs_the_address_of_a_resource() -> None:
    azure = ("--model", "azure/chat")
    assert "set AZURE_OPENAI_ENDPOINT=" in said(*azure, AZURE_OPENAI_API_KEY=KEY)
    wrong = "https://my.openai.azure.com/openai/deployments/chat"
    assert "must be scheme and host alone" in said(*azure, AZURE_OPENAI_API_KEY=KEY, AZURE_OPENAI_ENDPOINT=wrong)
    printed = switchover(*azure, "--print", AZURE_OPENAI_ENDPOINT="https://my.openai.azure.com/").stdout
    assert "endpoint: my.openai.azure.com\n" in printed
    assert "customHost" not in printed
    local = switchover(*azure, "--print", AZURE_OPENAI_ENDPOINT="http://localhost:8000").stdout
    assert "host: localhost\n              port: 8000" in local


def test_vertex_needs_a_project_and_the_file_of_a_key(tmp_path: Path) -> None:
    vertex = ("--model", "vertex/gemini-2.5-pro")
    assert "set GOOGLE_APPLICATION_CREDENTIALS to the file" in said(*vertex, GOOGLE_CLOUD_PROJECT="my-project-1")
    file = tmp_path / "key.json"
    file.write_text('{"type": "authorized_user", "refresh_token": "not-to-be-shown"}')
    given = {"GOOGLE_APPLICATION_CREDENTIALS": str(file)}
    wrong = said(*vertex, **given, GOOGLE_CLOUD_PROJECT="my-project-1")
    assert "GOOGLE_APPLICATION_CREDENTIALS holds JSON of the type 'authorized_user'" in wrong
    assert "not-to-be-shown" not in wrong
    file.write_text(service_account())
    assert "set GOOGLE_CLOUD_PROJECT" in said(*vertex, **given)
    gone = {"GOOGLE_APPLICATION_CREDENTIALS": str(tmp_path / "gone")}
    assert "cannot be read: No such file" in said(*vertex, **gone, GOOGLE_CLOUD_PROJECT="my-project-1")


@pytest.mark.parametrize(
    ("name", "more"),
    [
        ("gemini-2.5-pro", {}),
        ("claude-opus-4-6", {"publisher": "ANTHROPIC"}),
        ("meta/llama-4", {"jsonSchema": "OPENAI"}),
    ],
)
def test_the_name_of_a_model_on_vertex_says_which_api_it_has(name: str, more: dict[str, str]) -> None:
    printed = switchover("--model", f"vertex/{name}", "--print", GOOGLE_CLOUD_PROJECT="p-1", GOOGLE_CLOUD_LOCATION="eu")
    assert "is the content of the file that GOOGLE_APPLICATION_CREDENTIALS names" in printed.stdout
    made = {each["kind"]: each for each in yaml.safe_load_all(printed.stdout)}
    [pool] = made["Upstream"]["spec"]["ai"]["multi"]["priorities"]
    body = pool["pool"][0]["vertexAi"]
    assert body.pop("authToken")["secretRef"]["name"] == "google-application-credentials"
    assert body == {"model": name, "projectId": "p-1", "location": "eu", **more}
    assert made["Secret"]["stringData"] == {"Authorization": "${GOOGLE_APPLICATION_CREDENTIALS_JSON}"}


def test_bedrock_takes_a_token_or_keys_or_what_the_environment_has() -> None:
    bedrock = ("--model", "bedrock/amazon.nova-pro-v1:0")
    assert "set AWS_REGION, as us-east-1" in said(*bedrock)
    keys = {"AWS_ACCESS_KEY_ID": "AKIDNOTTOBESHOWN1234", "AWS_SECRET_ACCESS_KEY": "not/to+be/shown"}
    region = {"AWS_DEFAULT_REGION": "us-east-1"}
    half = said(*bedrock, **region, AWS_ACCESS_KEY_ID="AKIDNOTTOBESHOWN1234")
    assert "set AWS_SECRET_ACCESS_KEY" in half
    assert "AKID" not in half

    def printed(**environment: str) -> tuple[dict[str, object], list[dict[str, str]]]:
        made = [*yaml.safe_load_all(switchover(*bedrock, "--print", **region, **environment).stdout)]
        [upstream] = [each for each in made if each["kind"] == "Upstream"]
        body = upstream["spec"]["ai"]["multi"]["priorities"][0]["pool"][0]["bedrock"]
        return body, [each["stringData"] for each in made if each["kind"] == "Secret"]

    plain = {"model": "amazon.nova-pro-v1:0", "region": "us-east-1"}
    assert printed() == (plain, [])
    body, secrets = printed(**keys)
    assert body == {
        **plain,
        "credentialProvider": {"secretRef": {"name": "aws-credentials", "namespace": "default"}},
    }
    assert secrets == [{name: f"${{{name}}}" for name in keys}]
    body, secrets = printed(**keys, AWS_BEARER_TOKEN_BEDROCK="token")
    assert body == {
        **plain,
        "authToken": {"secretRef": {"name": "aws-bearer-token-bedrock", "namespace": "default"}},
    }
    assert secrets == [{"Authorization": "${AWS_BEARER_TOKEN_BEDROCK}"}]


@pytest.mark.parametrize("arguments", [["-f", "x.yaml"], ["x.yaml"], ["--wait"]])
def test_models_go_without_files(arguments: list[str]) -> None:
    assert "--model" in said("--model", "ollama/llama3", *arguments)


@pytest.mark.parametrize("flags", [["--port", "8081"], ["--print"], ["--client-keys", "clients.txt"]])
def test_flags_of_models_do_not_go_with_files(flags: list[str], tmp_path: Path) -> None:
    assert f"{flags[0]} is for --model" in said(str(tmp_path), *flags)


def test_a_model_without_its_flag_is_no_file() -> None:
    assert "openai/gpt-4o is a model and no file: --model openai/gpt-4o" in said("openai/gpt-4o")


def test_the_admin_port_is_no_port_of_models() -> None:
    assert "is the admin port" in said("--model", "ollama/llama3", "--port", "9180")


def test_the_command_line_counts_in_place_of_the_environment(tmp_path: Path) -> None:
    elsewhere = str(tmp_path / "elsewhere")
    assert "kind: Gateway" in switchover("--model", "ollama/llama3", "--print", SWITCHOVER_FILENAME=elsewhere).stdout
    absent = switchover(elsewhere, SWITCHOVER_MODELS="ollama/llama3")
    assert "elsewhere does not exist" in " ".join(absent.output.split())
    assert "name: models" in switchover("--print", SWITCHOVER_MODELS="ollama/llama3 vllm/llama3").stdout


@pytest.mark.parametrize("provider", [*PROVIDERS, *OTHER_NAMES])
def test_every_provider_is_served_from_objects_that_compile(provider: str, tmp_path: Path) -> None:
    model = model_of(f"{provider}/a-model")
    environment = {
        model.known.variable: KEY,
        "AZURE_OPENAI_ENDPOINT": "https://my.openai.azure.com",
        "GOOGLE_CLOUD_PROJECT": "my-project-1",
        "AWS_REGION": "us-east-1",
    }
    made = objects(Start((model,), 8080), environment)
    assert not Made(made).read().problems
    file = tmp_path / "models.yaml"
    file.write_text(yaml.safe_dump_all(made))
    checked = CliRunner().invoke(main, ["check", str(file)])
    assert checked.exit_code == 0, checked.output
    assert f"with Secret default/{model.known.variable.lower().replace('_', '-')}" in checked.output


def test_what_is_printed_differs_in_keys_alone() -> None:
    models = (model_of("openai/gpt-4o"), model_of("groq/llama"), model_of("ollama/llama3"))
    environment = {"OPENAI_API_KEY": KEY, "GROQ_API_KEY": KEY}
    start = Start(models, 8080, is_private=False)
    printed = [*yaml.safe_load_all(manifests(start, environment))]
    made = objects(start, environment)
    for secret in (each for each in printed if each["kind"] == "Secret"):
        variable = secret["stringData"]["Authorization"]
        assert variable in ("${OPENAI_API_KEY}", "${GROQ_API_KEY}")
        secret["stringData"]["Authorization"] = KEY
    assert printed == made


# ── Client keys ─────────────────────────────────────────────────────────────────────────────────────────────────────


def clients(folder: Path, text: str, mode: int = 0o600) -> Path:
    file = folder / "clients.txt"
    file.write_text(text)
    file.chmod(mode)
    return file


def test_a_file_of_client_keys_has_a_caller_a_line(tmp_path: Path) -> None:
    file = clients(tmp_path, f"\n# apps\nchat-app {KEY}\n  search : {KEY}-2   # since May\nbatch:\t{KEY}-3\n")
    assert [(each.name, each.key) for each in read_client_keys(file)] == [
        ("chat-app", KEY),
        ("search", f"{KEY}-2"),
        ("batch", f"{KEY}-3"),
    ]
    assert KEY not in repr(read_client_keys(file))


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (f"a {KEY}\nb {KEY}", "clients.txt:2: b has the key of a (line 1)"),
        (f"a {KEY}\na {KEY}-2", "clients.txt:2: the name a stands in line 1, too"),
        ("a short-secret", "clients.txt:1: the key of 'a' must have at least 16 characters"),
        (f"{KEY}-chat chat-app", "clients.txt:1: the key must have at least 16 characters (the name comes first"),
        (f"Chat_App {KEY}", "clients.txt:1: the name 'Chat_App' must hold only lower-case letters"),
        (KEY, "clients.txt:1: a line is NAME KEY"),
        (f"a {KEY} and-more", "clients.txt:1: a line is NAME KEY"),
        (f"a '{KEY}'", "clients.txt:1: the key of a holds quotation marks"),
        ("a ${CLIENT_KEY_OF_A}", "clients.txt:1: the key of a holds the placeholder"),
        ("# nobody\n", "names no caller"),
    ],
)
def test_a_line_that_cannot_count_is_named_and_its_key_is_not(text: str, problem: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"clients\.txt") as refused:
        read_client_keys(clients(tmp_path, text))
    assert problem in str(refused.value)
    assert KEY not in str(refused.value)
    assert "short-secret" not in str(refused.value)


@pytest.mark.parametrize("mode", [0o644, 0o604, 0o602])
def test_a_file_of_client_keys_that_anybody_may_read_is_refused(mode: int, tmp_path: Path) -> None:
    file = clients(tmp_path, f"a {KEY}", mode)
    output = said("--model", "ollama/llama3", "--client-keys", str(file))
    assert f"(mode {mode:04o}); do: chmod 600" in output
    file.chmod(0o640)
    assert len(read_client_keys(file)) == 1


def test_a_file_of_client_keys_that_is_not_there_is_named(tmp_path: Path) -> None:
    output = said("--model", "ollama/llama3", "--client-keys", str(tmp_path / "nowhere"))
    assert "nowhere cannot be read: No such file or directory" in output


def test_a_client_has_no_name_of_a_provider_s_secret(tmp_path: Path) -> None:
    file = clients(tmp_path, f"openai-api-key {KEY}")
    output = said("--model", "openai/gpt-4o", "--client-keys", str(file), OPENAI_API_KEY=KEY)
    assert "a client must not be called openai-api-key" in output


def test_client_keys_are_printed_as_variables(tmp_path: Path) -> None:
    file = clients(tmp_path, f"chat-app {KEY}")
    printed = switchover("--model", "ollama/llama3", "--client-keys", str(file), "--print").stdout
    assert "api-key: ${CLIENT_KEY_CHAT_APP}" in printed
    assert "hold the keys: CLIENT_KEY_CHAT_APP" in printed
    assert KEY not in printed
    assert {each["kind"] for each in yaml.safe_load_all(printed)} >= {"AuthConfig", "RouteOption", "Secret"}
