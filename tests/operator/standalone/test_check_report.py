"""`switchover check`: what it prints for a person and how it exits."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from switchover_operator.cli import main
from switchover_operator.standalone.check_report import marks

EXAMPLE = Path(__file__).parents[3] / "manifests" / "examples" / "model-failover"


def check(*paths: Path | str, text: str | None = None) -> Result:
    files = [argument for path in paths for argument in ("-f", str(path))]
    return CliRunner().invoke(main, ["check", *files], input=text)


def edited(folder: Path, name: str, before: str, after: str) -> Path:
    """The example with one text replaced in one file."""
    for file in EXAMPLE.glob("*.yaml"):
        (folder / file.name).write_text(file.read_text())
    text = (folder / name).read_text()
    assert before in text
    (folder / name).write_text(text.replace(before, after, 1))
    return folder


def test_the_example_is_accepted_and_its_plan_is_told() -> None:
    result = check(EXAMPLE)
    assert result.exit_code == 0, result.output
    plan = [line.strip() for line in result.output.splitlines()]
    assert plan[plan.index("requests to :8080 /model") + 1] == (
        "→ 3 models in order, each once, at most 3 attempts, on retriable-status-codes 429"
    )
    order = [line for line in plan if line.startswith("priority ")]
    assert order == [
        f"priority {priority}: {model} at model-failover.gloo-system.svc.cluster.local:80 (openai)"
        for priority, model in enumerate(("gpt-4o", "gpt-4.0-turbo", "gpt-3.5-turbo"))
    ]
    assert "· not ours: Deployment gloo-system/model-failover" in result.output


def test_a_target_that_is_left_out_is_told_with_file_line_path_value_and_what_is_right(tmp_path: Path) -> None:
    result = check(edited(tmp_path, "upstream.yaml", "port: 80", "port: eighty"))
    assert result.exit_code == 1
    assert "! Upstream gloo-system/model-failover partly served" in result.output
    assert "spec.ai.multi.priorities[0].pool[0].openai.customHost.port" in result.output
    assert "eighty" in result.output
    assert f"[{tmp_path}/upstream.yaml:17]" in result.output


def test_a_field_without_effect_is_named_and_the_object_is_accepted(tmp_path: Path) -> None:
    result = check(edited(tmp_path, "upstream.yaml", "  ai:", "  useHttp2: true\n  ai:"))
    assert result.exit_code == 0
    assert "spec.useHttp2" in result.output


def test_an_unknown_retry_token_is_refused_with_its_path(tmp_path: Path) -> None:
    result = check(edited(tmp_path, "routeoption.yaml", "'retriable-status-codes'", "'when-it-rains'"))
    assert result.exit_code == 1
    assert "when-it-rains" in result.output
    assert "retryOn" in result.output


def test_a_file_that_does_not_parse_is_told_with_its_line_and_the_rest_is_checked(tmp_path: Path) -> None:
    result = check(edited(tmp_path, "routeoption.yaml", "spec:", "spec: ["))
    assert result.exit_code == 1
    assert f"✗ {tmp_path}/routeoption.yaml:" in result.output
    assert "✓ HTTPRoute gloo-system/model-failover served" in result.output


def test_standard_input_is_read() -> None:
    text = "---\n".join(file.read_text() for file in sorted(EXAMPLE.glob("*.yaml")))
    result = check("-", text=text)
    assert result.exit_code == 0, result.output
    assert "[standard input:" in result.output


def test_a_path_that_does_not_exist_is_a_usage_error(tmp_path: Path) -> None:
    result = check(tmp_path / "nowhere")
    assert result.exit_code == 2
    assert "nowhere does not exist" in result.output


def test_a_folder_without_a_gateway_says_that_nothing_would_be_served(tmp_path: Path) -> None:
    (tmp_path / "upstream.yaml").write_text((EXAMPLE / "upstream.yaml").read_text())
    assert "nothing would be served: there is no Gateway of class switchover" in check(tmp_path).output


def test_the_key_is_never_printed(tmp_path: Path) -> None:
    for name, before, after in (
        ("secret.yaml", "Bearer sk-not-a-real-key", "Bearer sk-hidden"),
        ("secret.yaml", "Bearer sk-not-a-real-key", "[sk-hidden"),
        ("secret.yaml", "Bearer sk-not-a-real-key", "{sk-hidden: 1}"),
        ("secret.yaml", "stringData:", "data:\n  Authorization: sk-hidden\nstringData:"),
    ):
        assert "sk-hidden" not in check(edited(tmp_path, name, before, after)).output


KEY = "sk-pasted-Where-It-Does-not-belong-0123"
PASTED = {
    "authToken.secretRef": ("upstream.yaml", "secretRef:", f"secretRef: {KEY}\n            unused:"),
    "authToken.passthrough": ("upstream.yaml", "secretRef:", f"passthrough: {KEY}\n            unused:"),
    "secretRef.name": ("upstream.yaml", "name: openai-secret", f"name: {KEY}"),
    "secretRef.namespace": ("upstream.yaml", "name: openai-secret", f"name: x\n              namespace: {KEY}"),
    "a field of authToken": ("upstream.yaml", "secretRef:", f"{KEY}:"),
    "customHost.port": ("upstream.yaml", "port: 80", f"port: {KEY}"),
    "customHost.host": ("upstream.yaml", "host: model-failover", f"host: {KEY}\n            x: y"),
    "model": ("upstream.yaml", 'model: "gpt-4o"', f"model: {KEY}"),
    "a field of the Upstream": ("upstream.yaml", "  ai:", f"  {KEY}: 1\n  ai:"),
    "the Upstream's own name": ("upstream.yaml", "name: model-failover", f"name: {KEY}"),
    "a kind": ("routeoption.yaml", "kind: RouteOption", f"kind: {KEY}"),
    "an apiVersion": ("routeoption.yaml", "apiVersion: gateway.solo.io/v1", f"apiVersion: gateway.solo.io/{KEY}"),
    "a duration": ("routeoption.yaml", "options:", f"options:\n    timeout: {KEY}"),
    "a trigger": ("routeoption.yaml", "'retriable-status-codes'", f"'{KEY}'"),
    "header": (
        "routeoption.yaml",
        "options:",
        f"options:\n    headerManipulation: {{requestHeadersToAdd: [{{header: {KEY}}}]}}",
    ),
    "headerSecretRef": (
        "routeoption.yaml",
        "options:",
        f"options:\n    headerManipulation: {{requestHeadersToAdd: [{{headerSecretRef: {KEY}}}]}}",
    ),
    "a header's name": (
        "routeoption.yaml",
        "options:",
        f"options:\n    headerManipulation: {{requestHeadersToAdd: [{{header: {{key: 'a {KEY}', value: b}}}}]}}",
    ),
    "hostRewrite": ("routeoption.yaml", "options:", f"options:\n    hostRewrite: 'https://{KEY}'"),
    "a backend's name": (
        "httproute.yaml",
        "backendRefs:\n    - name: model-failover",
        f"backendRefs:\n    - name: {KEY}",
    ),
    "a path": ("httproute.yaml", "value: /model", f"value: '{KEY}'"),
    "a query": (
        "httproute.yaml",
        "value: /model",
        "value: /model\n          queryParams: [{name: key, value: " + KEY + "}]",
    ),
    "a header's match": (
        "httproute.yaml",
        "value: /model",
        "value: /model\n          headers: [{name: x, value: " + KEY + "}]",
    ),
    "YAML that is none": ("upstream.yaml", "spec:", f"spec:\n  - {KEY}\n  {KEY}: [\n"),
    "an alias": ("upstream.yaml", "name: openai-secret", f"name: *{KEY}"),
    "a tag": ("upstream.yaml", "name: openai-secret", f"name: !{KEY} x"),
    "a Gateway's class": ("gateway.yaml", "gatewayClassName: ", f"gatewayClassName: {KEY} #"),
    "a listener's name": ("gateway.yaml", "name: http", f"name: {KEY}"),
}


@pytest.mark.parametrize(("name", "before", "after"), PASTED.values(), ids=PASTED)
def test_a_key_in_a_wrong_place_is_not_printed(tmp_path: Path, name: str, before: str, after: str) -> None:
    output = check(edited(tmp_path, name, before, after)).output

    assert "pasted" not in output
    assert "Does-not-belong" not in output


def test_the_values_that_a_route_matches_are_not_printed(tmp_path: Path) -> None:
    matches = "value: /model\n      headers: [{name: x-team, value: blue}]\n      queryParams: [{name: v, value: two}]"
    output = check(edited(tmp_path, "httproute.yaml", "value: /model", matches)).output

    assert "requests to :8080 /model (header x-team, query v)" in output
    assert "blue" not in output


@pytest.mark.parametrize(("encoding", "plain"), [("ascii", False), ("utf-8", True), (None, False), ("latin-1", False)])
def test_signs_are_ascii_where_the_output_shows_nothing_else(encoding: str | None, plain: bool) -> None:
    signs = marks(encoding, plain=plain)
    assert "".join((signs.good, signs.bad, signs.warning, signs.arrow)).isascii()


def test_a_terminal_that_is_not_utf_8_gets_its_report_too() -> None:
    command = [sys.executable, "-m", "switchover_operator", "check", "-f", str(EXAMPLE)]
    environment = os.environ | {"PYTHONIOENCODING": "ascii"}
    result = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert (result.returncode, result.stderr) == (0, "")
    assert "ok  Upstream gloo-system/model-failover served" in result.stdout
