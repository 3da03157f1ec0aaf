"""The `switchover` command's flags: what is refused before anything starts, and the commands that only print."""

import subprocess
import sys
from pathlib import Path

import click
import pytest
import yaml
from click.testing import CliRunner, Result

from switchover_operator.cli import main
from switchover_operator.cluster.command import operator
from switchover_operator.standalone.run import run


def switchover(*arguments: str, **environment: str) -> Result:
    return CliRunner().invoke(main, arguments, env=environment)


@pytest.mark.parametrize("command", ["run", "check", "simulate", "crds"])
def test_every_command_explains_itself(command: str) -> None:
    result = switchover(command, "--help")
    assert result.exit_code == 0
    assert result.output.startswith("Usage: ")


def test_the_version_is_told() -> None:
    assert switchover("--version").output.split() == ["main", "0.1.0"]


def test_a_command_imports_nothing_that_only_another_one_needs() -> None:
    """What a process imports it pays for at each start, in memory and in time."""
    asked = "from switchover_operator.cli import main; main(['simulate', '--help'], standalone_mode=False)"
    told = f"import sys; {asked}; print(*sys.modules)"
    modules = subprocess.run([sys.executable, "-c", told], capture_output=True, check=True, text=True).stdout.split()
    assert "switchover_simulator.cli" in modules
    assert not {"aiohttp", "kopf", "kubernetes", "switchover_operator.resources"} & {*modules}


@pytest.mark.parametrize(
    ("flag", "value"),
    [
        ("--connect-to", "api.openai.com:443"),
        ("--connect-to", "a:https:b:443"),
        ("--admin", "9180"),
        ("--admin", "127.0.0.1:70000"),
        ("--workers", "0"),
        ("--log-format", "xml"),
    ],
)
def test_a_flag_of_the_wrong_form_is_a_usage_error_that_shows_the_value(flag: str, value: str, tmp_path: Path) -> None:
    result = switchover("run", "-f", str(tmp_path), flag, value)
    assert result.exit_code == 2
    assert value in result.output


def test_flags_come_from_the_environment_too(tmp_path: Path) -> None:
    result = switchover("run", SWITCHOVER_FILENAME=str(tmp_path), SWITCHOVER_WORKERS="none")
    assert "'none' is not a valid integer" in result.output


def test_every_flag_of_run_and_operator_has_its_variable_in_the_help() -> None:
    for command in (run, operator):
        shown = "".join(switchover(str(command.name), "--help", COLUMNS="400").output.split())
        names = {"-f": "FILENAME", "--env-file": "ENV_FILE"}
        for flag in (each for each in command.params if isinstance(each, click.Option) and each.name != "help"):
            name = names.get(flag.opts[0], str(flag.name).upper())
            assert f"SWITCHOVER_{name}" in shown, flag.opts


@pytest.mark.parametrize("command", ["run", "operator"])
def test_a_wrong_variable_is_a_usage_error_as_a_wrong_flag_is(command: str, tmp_path: Path) -> None:
    files = {"SWITCHOVER_FILENAME": str(tmp_path)} if command == "run" else {}
    for name, value in {"ADMIN": "9180", "ALLOW_TARGETS": "everywhere", "LOG_FORMAT": "xml"}.items():
        result = switchover(command, **files, **{f"SWITCHOVER_{name}": value})
        assert (result.exit_code, value in result.output) == (2, True), name


def test_standard_input_alone_cannot_be_waited_for() -> None:
    result = switchover("run", "-f", "-", "--wait")
    assert result.exit_code == 2
    assert "standard input is read once" in result.output


@pytest.mark.parametrize("command", ["run", "check"])
def test_a_path_that_does_not_exist_is_named_before_anything_starts(command: str, tmp_path: Path) -> None:
    nowhere = tmp_path / "nowhere"
    for arguments in ([str(nowhere)], ["-f", str(nowhere)], [str(tmp_path), str(nowhere)]):
        result = switchover(command, *arguments)
        assert result.exit_code == (1 if command == "run" else 2)
        assert f"{nowhere} does not exist" in " ".join(result.output.split())


@pytest.mark.parametrize("command", ["run", "check"])
def test_without_anything_to_serve_it_is_said_what_can_be_named(command: str) -> None:
    result = switchover(command)
    assert result.exit_code == 2
    assert "PATH" in result.output


def test_paths_on_the_command_line_count_in_place_of_the_environment_s(tmp_path: Path) -> None:
    file = tmp_path / "secret.yaml"
    file.write_text("{apiVersion: v1, kind: Secret, metadata: {name: found}, stringData: {a: b}}")
    elsewhere = str(tmp_path / "elsewhere")
    for arguments in ([str(file)], ["-f", str(file)]):
        assert "found" in switchover("check", *arguments, SWITCHOVER_FILENAME=elsewhere).output
    assert "elsewhere does not exist" in switchover("check", SWITCHOVER_FILENAME=elsewhere).output


def test_the_crds_are_one_stream_or_files_of_the_same_content(tmp_path: Path) -> None:
    stream = list(yaml.safe_load_all(switchover("crds").output))
    assert switchover("crds", "--write", str(tmp_path)).exit_code == 0
    files = [yaml.safe_load(file.read_text()) for file in sorted(tmp_path.iterdir())]
    assert files == stream
    assert {each["kind"] for each in stream} == {"CustomResourceDefinition"}
