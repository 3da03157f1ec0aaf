"""The text of a scenario file → `Scenario`, or all errors by field; and the choice of a behaviour for a request.

The lookup order is: `requests` (the n-th request of all), `paths`, `hosts`, `models`, `default`.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Any, Final

import yaml
from pydantic import Field, ValidationError, model_validator

from switchover_simulator.behaviour import Answer, Behaviour, Behaviours, ByTurn, ResetOnHead, Written
from switchover_simulator.part import Part
from switchover_simulator.request import Request


class BadScenario(Exception):
    """The errors of a scenario, one line for each field."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


_IN_THE_BODY: Final = "which is in the body; put it under requests or paths, or use rst"


class Scenario(Part):
    """The answers for requests.

    `requests` has a behaviour for each of the first requests (null: the other keys decide). In the other lists each
    request takes the next behaviour, and the last one repeats. `hosts` are names of the Host field without a port.
    `name`, if set, is sent as `x-served-by`.
    """

    name: str = ""
    requests: list[Written | None] = Field(default_factory=list)
    paths: dict[str, Behaviours] = Field(default_factory=dict)
    hosts: dict[str, Behaviours] = Field(default_factory=dict)
    models: dict[str, Behaviours] = Field(default_factory=dict)
    default: Behaviours = Field(default=[Answer(status=429)])

    @model_validator(mode="after")
    def _heads_are_enough(self) -> "Scenario":
        """Refuse a reset on the head that depends on the body."""
        behind = [*self.models.items(), *([("default", self.default)] if self.models else [])]
        for where, behaviours in behind:
            if any(isinstance(behaviour, ResetOnHead) for behaviour in behaviours):
                raise ValueError(f"{where}: rst-on-head cannot depend on the model, {_IN_THE_BODY}")
        by_name = [*self.paths.items(), *self.hosts.items(), *self.models.items()]
        listed: list[tuple[str, Sequence[Written | None]]] = [*by_name, ("requests", self.requests)]
        listed.append(("default", self.default))
        for where, each in listed:
            turns = [turn for behaviour in each if isinstance(behaviour, ByTurn) for turn in behaviour.turns]
            if any(isinstance(turn, ResetOnHead) for turn in turns):
                raise ValueError(f"{where}: rst-on-head cannot depend on the turn, {_IN_THE_BODY}")
        return self


def parse(text: str | bytes) -> Scenario:
    """Read YAML or JSON.

    Raises:
        BadScenario: with each field's path, what is wrong, and what was found.
    """
    try:
        raw = yaml.load(text, Loader=yaml.CSafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        where = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
        raise BadScenario([f"{where}not YAML: {error.problem or error.context}"]) from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise BadScenario([f"not YAML: {error}"]) from None
    return validate({} if raw is None else raw)


def validate(raw: Any) -> Scenario:
    """Check data of the shape of a scenario file.

    Raises:
        BadScenario: as `parse`.
    """
    try:
        return Scenario.model_validate(raw, strict=True)
    except ValidationError as error:
        raise BadScenario([_problem(dict(each)) for each in error.errors(include_url=False)]) from None


_WORDED = {
    "extra_forbidden": "is not a field here",
    "model_type": "must be a mapping of requests, paths, hosts, models, default or name",
    "dict_type": "must be a mapping",
    "list_type": "must be a list",
    "string_type": "must be text",
    "too_short": "must not be empty",
}


def _problem(error: dict[str, Any]) -> str:
    usual = str(error["msg"]).removeprefix("Value error, ").replace("Input should be", "must be")
    is_named = error["type"] in ("extra_forbidden", "value_error")
    found = "" if is_named else f" (found {error['input']!r:.80})"
    return ": ".join(filter(None, (_path(error["loc"]), f"{_WORDED.get(error['type'], usual)}{found}")))


def _path(location: tuple[int | str, ...]) -> str:
    """Write `("models", "m", 0, "answer", "status")` as `models.m[0].status`.

    The part after an index is the name of the union's member, which is in no file.
    """
    path = ""
    for before, part in zip((None, *location), location, strict=False):
        if isinstance(part, int):
            path += f"[{part}]"
        elif not isinstance(before, int):
            path += f".{part}" if path else part
    return path


class Playback:
    """A scenario and its state."""

    def __init__(self, scenario: Scenario) -> None:
        self.scenario = scenario
        self._begun = 0
        self._played: Counter[tuple[str, str]] = Counter()

    def choose(self, request: Request) -> Behaviour | None:
        """Choose and count the behaviour for a request; None: the choice needs the body, which was not read yet."""
        if request.body is None and self._body_decides(request):
            return None
        written = self._listed() or self._next(request)
        self._begun += 1
        if isinstance(written, ByTurn):
            return written.turns[min(request.turn, len(written.turns) - 1)]
        return written

    def _listed(self) -> Written | None:
        requests = self.scenario.requests
        return requests[self._begun] if self._begun < len(requests) else None

    def _body_decides(self, request: Request) -> bool:
        listed = self._listed()
        if listed is not None:
            return isinstance(listed, ByTurn)
        _, behaviours = self._found(request)
        return self._model_decides(request) or any(isinstance(behaviour, ByTurn) for behaviour in behaviours)

    def _model_decides(self, request: Request) -> bool:
        scenario = self.scenario
        return bool(scenario.models) and request.path not in scenario.paths and request.host not in scenario.hosts

    def _found(self, request: Request) -> tuple[tuple[str, str], list[Written]]:
        """Return what speaks for a request, under the name by which its requests are counted."""
        scenario = self.scenario
        if request.path in scenario.paths:
            return ("paths", request.path), scenario.paths[request.path]
        if request.host in scenario.hosts:
            return ("hosts", request.host), scenario.hosts[request.host]
        if scenario.models and request.model in scenario.models:
            return ("models", request.model), scenario.models[request.model]
        return ("default", ""), scenario.default

    def _next(self, request: Request) -> Written:
        key, behaviours = self._found(request)
        self._played[key] += 1
        return behaviours[min(self._played[key], len(behaviours)) - 1]
