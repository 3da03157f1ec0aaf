"""Objects from the YAML of what stands beside their metadata, and what is said of those that are wrong."""

import yaml

from switchover_operator.resources import (
    KINDS,
    Invalid,
    Resource,
    parse,
)
from switchover_operator.resources.route_option import RouteOption
from switchover_operator.resources.upstream import Upstream
from switchover_operator.schemas import unknown_fields

SECRET = "sk-do-not-show"


def read(kind: str, text: str, group: str | None = None) -> Resource | Invalid:
    """Parse an object of a kind from the YAML of what stands beside its metadata."""
    (model,) = [model for model in KINDS.values() if kind == model.KIND and group in (None, model.GROUP)]
    version = "/".join(filter(None, (model.GROUP, model.VERSIONS[0])))
    return parse(
        {"apiVersion": version, "kind": kind, "metadata": {"name": "a", "namespace": "b"}} | yaml.safe_load(text)
    )


def problems(kind: str, text: str) -> list[str]:
    result = read(kind, text)
    assert isinstance(result, Invalid)
    return [str(problem) for problem in result.problems]


def upstream(text: str) -> Upstream:
    result = read("Upstream", text)
    assert isinstance(result, Upstream), result
    return result


def route_option(text: str) -> RouteOption:
    result = read("RouteOption", text)
    assert isinstance(result, RouteOption), result
    return result


def unknown(parsed: Resource) -> list[str]:
    """The unknown fields of an object, each with the name that was probably meant."""
    return list(unknown_fields(type(parsed), parsed.model_dump(mode="json", by_alias=True, exclude_unset=True)))
