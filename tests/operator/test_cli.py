"""The `switchover` command's flags: what is refused before anything starts, and the commands that only print."""

import os
import pty
import subprocess
import sys
from pathlib import Path

import click
import pytest
import yaml
from click.testing import CliRunner, Result

from switchover_operator.cli import main
from switchover_operator.cluster.command import operator
from switchover_operator.options import address_without_port
from switchover_operator.standalone.run import run


def switchover(*arguments: str, **environment: str) -> Result:
    return CliRunner().invoke(main, arguments, env=environment, complete_var="_SWITCHOVER_COMPLETE")


@pytest.mark.parametrize("command", ["run", "check", "simulate", "crds"])
def test_every_command_explains_itself(command: str) -> None:
    result = switchover(command, "--help")
    assert result.exit_code == 0
    assert result.output.startswith("Usage: ")


def test_the_list_of_commands_tells_the_whole_first_sentence_of_each() -> None:
    told = " ".join(switchover("--help", COLUMNS="60").output.split())
    for name in main.list_commands(click.Context(main)):
        command = main.get_command(click.Context(main), name)
        assert command is not None
        assert command.help is not None
        summary = " ".join(command.help.split("\n\n")[0].split())
        assert f"{name} {summary}" in told


@pytest.mark.parametrize("arguments", [["--version"], ["--help"], ["nonsense"]])
def test_what_needs_no_command_imports_none(arguments: list[str]) -> None:
    asked = f"from switchover_operator.cli import main; main({arguments!r}, standalone_mode=False)"
    told = f"import sys, click, contextlib\nwith contextlib.suppress(click.UsageError): {asked}\nprint(*sys.modules)"
    modules = subprocess.run([sys.executable, "-c", told], capture_output=True, check=True, text=True).stdout.split()
    ours = {name for name in modules if name.startswith(("switchover_operator.", "switchover_simulator."))}
    assert ours == {"switchover_operator.cli", "switchover_operator.garbage"}
    assert not {"pydantic", "aiohttp", "uvloop", "msgspec"} & {*modules}


def test_a_shell_is_told_the_names_that_begin_so() -> None:
    words = {"_SWITCHOVER_COMPLETE": "bash_complete", "COMP_WORDS": "switchover s", "COMP_CWORD": "1"}
    result = CliRunner().invoke(main, [], env=words, prog_name="switchover", complete_var="_SWITCHOVER_COMPLETE")
    assert result.output == "plain,simulate\n"
    page = (Path(__file__).parents[2] / "docs" / "files.md").read_text()
    for shell in ("bash", "zsh", "fish"):
        script = switchover(_SWITCHOVER_COMPLETE=f"{shell}_source").output
        assert f"_SWITCHOVER_COMPLETE={shell}_complete" in script
        assert f"_SWITCHOVER_COMPLETE={shell}_source switchover" in page
    assert [each.value for each in main.shell_complete(click.Context(main), "--v")] == ["--version"]


@pytest.mark.parametrize(("value", "coloured"), [("1", False), ("", True)])
def test_no_color_leaves_colours_out_on_a_terminal(tmp_path: Path, value: str, coloured: bool) -> None:
    (tmp_path / "a.yaml").write_text("kind: [")
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "switchover_operator", "check", "-f", str(tmp_path)]
    environment = {**os.environ, "NO_COLOR": value, "TERM": "xterm"}
    assert subprocess.run(command, stdout=theirs, env=environment, check=False).returncode == 1
    os.close(theirs)
    assert (b"\x1b[3" in os.read(ours, 65536)) is coloured
    os.close(ours)


def test_the_version_is_told() -> None:
    assert switchover("--version").output.split() == ["main", "0.1.0"]


def test_a_command_imports_nothing_that_only_another_one_needs() -> None:
    """What a process imports it pays for at each start, in memory and in time."""
    asked = "from switchover_operator.cli import main; main(['simulate', '--help'], standalone_mode=False)"
    told = f"import sys; {asked}; print(*sys.modules)"
    modules = subprocess.run([sys.executable, "-c", told], capture_output=True, check=True, text=True).stdout.split()
    assert "switchover_simulator.cli" in modules
    assert not {"aiohttp", "kopf", "kubernetes", "switchover_operator.resources"} & {*modules}


@pytest.mark.parametrize("command", ["check", "run"])
def test_help_imports_nothing_of_what_the_command_does(command: str) -> None:
    asked = f"from switchover_operator.cli import main; main(['{command}', '--help'], standalone_mode=False)"
    told = f"import sys; {asked}; print(*sys.modules)"
    modules = subprocess.run([sys.executable, "-c", told], capture_output=True, check=True, text=True).stdout.split()
    assert f"switchover_operator.standalone.{command}" in modules
    assert not {"aiohttp", "pydantic", "jsonschema_rs", "switchover_operator.resources"} & {*modules}


@pytest.mark.parametrize(
    ("flag", "value"),
    [
        ("--connect-to", "api.openai.com:443"),
        ("--connect-to", "a:https:b:443"),
        ("--admin", "9180"),
        ("--admin", "127.0.0.1:70000"),
        ("--bind", "127.0.0.1:8080"),
        ("--bind", "[::1]:8080"),
        ("--bind", "256.0.0.1"),
        ("--bind", "http://localhost"),
        ("--workers", "0"),
        ("--log-format", "xml"),
    ],
)
def test_a_flag_of_the_wrong_form_is_a_usage_error_that_shows_the_value(flag: str, value: str, tmp_path: Path) -> None:
    result = switchover("run", "-f", str(tmp_path), flag, value)
    assert result.exit_code == 2
    assert value in result.output


@pytest.mark.parametrize("address", ["127.0.0.1", "0.0.0.0", "::", "::1", "[::1]", "localhost", "my-host.example", ""])
def test_an_address_of_any_form_is_taken(address: str) -> None:
    assert address_without_port(address) == address


def test_an_address_with_a_port_is_told_where_ports_are() -> None:
    for address in ("127.0.0.1:8080", "[::1]:8080", "localhost:80"):
        with pytest.raises(ValueError, match="has no port, as the listeners of Gateways have theirs"):
            address_without_port(address)


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
