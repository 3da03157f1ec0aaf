"""`switchover check` with variables: which it takes, what it says of them, and what it never shows."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from switchover_operator.cli import main

KEY = "n0t.To-Be.Shown"
"""It has no form of a key, so nothing masks it."""
MANIFESTS = """apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: gw}
spec:
  gatewayClassName: switchover
  listeners:
  - name: http
    port: ${PORT:-8080}
    protocol: HTTP
---
apiVersion: gloo.solo.io/v1
kind: Upstream
metadata: {name: models}
spec:
  ai:
    openai:
      model: ${MODEL:-gpt-4o}
      authToken:
        inline: INLINE
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: chat}
spec:
  parentRefs: [{name: gw}]
  rules:
  - backendRefs: [{group: gloo.solo.io, kind: Upstream, name: models}]
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    made = tmp_path / "chat.yaml"
    made.write_text(MANIFESTS.replace("INLINE", "${MODEL_KEY}"))
    return made


def check(file: Path, *flags: str, **environment: str | None) -> Result:
    return CliRunner().invoke(main, ["check", "-f", str(file), *flags], env={"MODEL_KEY": None, **environment})


def variables(folder: Path, text: str, mode: int = 0o600, name: str = ".env") -> str:
    made = folder / name
    made.write_text(text)
    made.chmod(mode)
    return str(made)


def test_what_a_file_reads_is_replaced_and_named_without_its_value(file: Path) -> None:
    result = check(file, MODEL_KEY=KEY, PORT="9090")
    assert result.exit_code == 0, result.output
    assert "port 9090 would be served" in result.output
    assert f"{file} reads MODEL, MODEL_KEY, PORT from the environment" in result.output
    assert KEY not in result.output


def test_for_programs_the_names_are_a_list(file: Path) -> None:
    told = json.loads(check(file, "--output", "json", MODEL_KEY=KEY).output)
    assert told["variables"] == [{"file": str(file), "names": ["MODEL", "MODEL_KEY", "PORT"]}]
    assert KEY not in json.dumps(told)


def test_a_variable_that_is_not_set_fails_the_check_with_its_place(file: Path) -> None:
    result = check(file)
    assert result.exit_code == 1
    assert (
        f"✗ {file}:19: Upstream default/models: spec.ai.openai.authToken.inline: the variable MODEL_KEY is not set"
        in result.output
    )
    assert f"{file} reads PORT from" in result.output


def test_standard_input_is_treated_alike(file: Path) -> None:
    result = CliRunner().invoke(main, ["check", "-f", "-"], env={"MODEL_KEY": KEY}, input=file.read_text())
    assert result.exit_code == 0, result.output
    assert "standard input reads MODEL, MODEL_KEY, PORT from the environment" in result.output


@pytest.mark.parametrize("inline", ["'$${MODEL_KEY}'", "$MODEL_KEY", "Bearer $MODEL_KEY"])
def test_a_literal_that_reaches_a_credential_is_refused(file: Path, inline: str) -> None:
    file.write_text(MANIFESTS.replace("INLINE", inline))
    result = check(file, MODEL_KEY=KEY)
    assert result.exit_code == 1
    assert "MODEL_KEY" in result.output
    assert "which nothing has replaced" in result.output
    assert KEY not in result.output


@pytest.mark.parametrize("value", ["", "Bearer ", f'"{KEY}"', f"Basic {KEY}", f"{KEY} {KEY}", f"OPENAI_API_KEY={KEY}"])
def test_a_variable_that_holds_no_key_is_refused_and_not_shown(file: Path, value: str) -> None:
    result = check(file, MODEL_KEY=value)
    assert result.exit_code == 1
    what = "holds" if value else "must hold a token; it is empty"
    assert f"✗ spec.ai.openai.authToken.inline: {what}" in result.output
    assert KEY not in result.output


def test_the_environment_comes_before_files_and_a_later_file_before_an_earlier_one(file: Path, tmp_path: Path) -> None:
    first = variables(tmp_path, f"MODEL_KEY={KEY}\nMODEL=one\nPORT=1001\n", name="first.env")
    second = variables(tmp_path, "MODEL=two\nPORT=1002\n", name="second.env")
    result = check(file, "--env-file", first, "--env-file", second, PORT="1003")
    assert result.exit_code == 0, result.output
    assert "two at api.openai.com:443" in result.output
    assert "port 1003 would be served" in result.output
    named = check(file, SWITCHOVER_ENV_FILE=f"{first}:{second}", PORT="1003")
    assert named.output == result.output


def test_a_file_that_is_none_is_a_usage_error_that_shows_nothing_of_it(file: Path, tmp_path: Path) -> None:
    none = variables(tmp_path, f"A=b\nkey: {KEY}\n")
    result = check(file, "--env-file", none)
    assert (result.exit_code, f"{none}:2: no variable" in " ".join(result.output.split())) == (2, True)
    assert KEY not in result.output
    (tmp_path / "binary").write_bytes(b"\xff\xfe\xff")
    assert check(file, "--env-file", str(tmp_path / "binary")).exit_code == 2


def test_a_file_that_does_not_exist_is_a_usage_error(file: Path, tmp_path: Path) -> None:
    result = check(file, "--env-file", str(tmp_path / "nowhere"))
    assert result.exit_code == 2
    assert "cannot be read: No such file or directory" in " ".join(result.output.split())


@pytest.mark.parametrize(("mode", "warned"), [(0o644, 1), (0o640, 0), (0o600, 0)])
def test_a_file_that_everybody_may_read_is_named_once(file: Path, tmp_path: Path, mode: int, warned: int) -> None:
    result = check(file, "--env-file", variables(tmp_path, f"MODEL_KEY={KEY}", mode))
    assert result.exit_code == 0
    assert result.stderr.count("everybody on this machine may read") == warned
    assert "everybody on" not in result.stdout


def test_a_name_that_no_file_reads_is_told_nowhere(file: Path, tmp_path: Path) -> None:
    result = check(file, "--env-file", variables(tmp_path, f"MODEL_KEY={KEY}\nANOTHER=x"), YET_ANOTHER="x")
    assert "ANOTHER" not in result.output


def test_manifests_that_run_prints_are_read_with_the_keys_of_the_environment(tmp_path: Path) -> None:
    printed = CliRunner().invoke(main, ["run", "--model", "openai/gpt-4o", "--print"])
    made = tmp_path / "made.yaml"
    made.write_text(printed.stdout)
    assert "${OPENAI_API_KEY}" in printed.stdout
    result = check(made, OPENAI_API_KEY=KEY)
    assert result.exit_code == 0, result.output
    assert "reads OPENAI_API_KEY from the environment" in result.output


def test_what_model_needs_of_the_environment_may_stand_in_a_file(tmp_path: Path) -> None:
    file = variables(tmp_path, "AZURE_OPENAI_ENDPOINT=https://mine.openai.azure.com\n")
    flags = ["--model", "azure-openai/gpt-4o", "--print", "--env-file", file]
    printed = CliRunner().invoke(main, ["run", *flags], env={"AZURE_OPENAI_ENDPOINT": None})
    assert printed.exit_code == 0, printed.output
    assert "mine.openai.azure.com" in printed.output
