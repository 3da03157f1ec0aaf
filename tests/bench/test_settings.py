"""What each proxy is configured with, for each scenario."""

import json
from pathlib import Path

from switchover_bench.proxies import envoy, litellm, nginx, switchover
from switchover_bench.scenarios import SCENARIOS, Ports
from switchover_dataplane.table import LOOPBACK
from switchover_operator import printing
from switchover_operator.compile import compile
from switchover_operator.files import Manifests
from switchover_operator.fleet import Standalone

SUCCESS, FAILOVER, DEFAULTS, STREAMS = SCENARIOS
PORTS = Ports.at(20000)


def test_every_object_of_every_scenario_is_accepted_by_switchover(tmp_path: Path) -> None:
    for scenario in SCENARIOS:
        file = tmp_path / f"{scenario.name}.yaml"
        file.write_text("\n---\n".join(map(json.dumps, switchover.manifests(scenario, PORTS))))
        view = Manifests((file,)).read()
        assert printing.is_good(view, compile(view.snapshot, {}, Standalone(LOOPBACK))), scenario.name


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

    written = {each.name: tuned(json.dumps(envoy.settings_of(each, PORTS))) for each in SCENARIOS}
    assert written == dict.fromkeys(("success", "failover", "streams"), (True, True)) | {"defaults": (False, False)}


def test_nginx_leaves_a_target_out_only_in_the_scenario_of_defaults(tmp_path: Path) -> None:
    keeps = [each.name for each in SCENARIOS if "max_fails=0" in nginx.settings_of(each, PORTS, tmp_path)]
    assert keeps == ["success", "failover", "streams"]


def test_litellm_has_no_cool_down_where_every_request_is_to_fail_over() -> None:
    assert litellm.settings_of(FAILOVER, PORTS)["router_settings"]["disable_cooldowns"] is True
    assert "disable_cooldowns" not in litellm.settings_of(DEFAULTS, PORTS)["router_settings"]


def test_the_first_target_fails_in_the_scenarios_of_failing_over() -> None:
    assert [scenario.targets(PORTS)[0] == PORTS.limited for scenario in SCENARIOS] == [False, True, True, False]


def test_a_stream_is_asked_for_with_its_usage() -> None:
    assert json.loads(STREAMS.body)["stream_options"] == {"include_usage": True}
    assert "stream" not in json.loads(SUCCESS.body)
