"""What each proxy is configured with, for each scenario."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from switchover_bench.proxies import envoy, litellm, nginx, switchover
from switchover_bench.scenarios import DEFAULTS, FAILOVER, SCENARIOS, STREAMS, SUCCESS, Ports, Scenario

PORTS = Ports.at(20000)
OF_ALL = [scenario for scenario in SCENARIOS if not scenario.translated]
"""Those that other proxies are measured in as well."""


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_every_object_of_a_scenario_is_accepted_by_switchover(scenario: Scenario, tmp_path: Path) -> None:
    switchover.launch(scenario, PORTS, tmp_path)
    command = [sys.executable, "-m", "switchover_operator", "check", "-f", str(tmp_path / "manifests.yaml")]
    checked = subprocess.run(command, capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout


def test_cool_down_is_off_only_where_every_request_is_to_fail_over() -> None:
    with_policy = [
        scenario.name
        for scenario in SCENARIOS
        if any(each["kind"] == "FailoverPolicy" for each in switchover.manifests(scenario, PORTS))
    ]
    assert with_policy == ["failover"]


def test_envoy_has_its_own_back_off_and_limits_only_in_the_scenario_of_defaults() -> None:
    def tuned(settings: str) -> tuple[bool, bool]:
        return '"retry_back_off"' in settings, '"max_retries"' in settings

    written = {each.name: tuned(json.dumps(envoy.settings_of(each, PORTS))) for each in OF_ALL}
    assert written == dict.fromkeys(("success", "failover", "streams"), (True, True)) | {"defaults": (False, False)}


def test_nginx_leaves_a_target_out_only_in_the_scenario_of_defaults(tmp_path: Path) -> None:
    keeps = [each.name for each in OF_ALL if "max_fails=0" in nginx.settings_of(each, PORTS, tmp_path)]
    assert keeps == ["success", "failover", "streams"]


def test_litellm_has_no_cool_down_where_every_request_is_to_fail_over() -> None:
    assert litellm.settings_of(FAILOVER, PORTS)["router_settings"]["disable_cooldowns"] is True
    assert "disable_cooldowns" not in litellm.settings_of(DEFAULTS, PORTS)["router_settings"]


def test_the_first_target_fails_in_the_scenarios_of_failing_over() -> None:
    assert [scenario.targets(PORTS)[0] == PORTS.limited for scenario in OF_ALL] == [False, True, True, False]


def test_a_stream_is_asked_for_with_its_usage() -> None:
    assert json.loads(STREAMS.body)["stream_options"] == {"include_usage": True}
    assert "stream" not in json.loads(SUCCESS.body)
