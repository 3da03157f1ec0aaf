"""The simulator's own paths, beside those it fails on: health, and the scenario while it runs."""

import msgspec

from switchover_simulator.behaviour import Answer
from switchover_simulator.request import Request
from switchover_simulator.scenario import BadScenario, Playback, parse

HEALTH = "/healthz"
SCENARIO = "/__scenario"
RELEASE = "/__release"
PATHS = (HEALTH, SCENARIO, RELEASE)


def answer(request: Request, playback: Playback) -> tuple[Answer, Playback]:
    """Serve one of `PATHS`: return the answer, and the playback from now on."""
    match request.path, request.method:
        case path, "GET" | "HEAD" if path == HEALTH:
            return Answer(body="ok\n"), playback
        case path, "GET" | "HEAD" if path == SCENARIO:
            return Answer(body=playback.scenario.model_dump(mode="json")), playback
        case path, "PUT" if path == SCENARIO:
            return _replaced(request, playback)
        case path, "POST" if path == RELEASE:
            return Answer(status=204), playback
        case path, _:
            allowed = {HEALTH: "GET", SCENARIO: "GET, PUT", RELEASE: "POST"}[path]
            return Answer(status=405, headers={"allow": [allowed]}, body=f"use {allowed}\n"), playback


def _replaced(request: Request, playback: Playback) -> tuple[Answer, Playback]:
    try:
        scenario = parse(request.body or b"")
    except BadScenario as error:
        return Answer(status=422, body={"problems": error.problems}), playback
    return Answer(body=msgspec.to_builtins(scenario.model_dump(mode="json"))), Playback(scenario)
