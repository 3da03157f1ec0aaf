"""Recordings of Amazon Bedrock, where they are at hand, and botocore's model of its API as a judge of requests."""

import base64
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
import pytest
from botocore.loaders import Loader
from botocore.model import ServiceModel, Shape
from botocore.validate import ParamValidator

RECORDINGS = Path(__file__).parents[2] / "shared" / "recordings"
BEDROCK = RECORDINGS / "bedrock"


def files(pattern: str, folder: Path = BEDROCK) -> list[Any]:
    """The recordings whose names match, as parameters of a test; one parameter that skips it where there are none."""
    found = sorted(folder.glob(pattern))
    if not found:
        return [pytest.param(Path(pattern), marks=pytest.mark.skip(reason=f"no recordings {pattern}"), id=pattern)]
    return [pytest.param(path, id=path.name) for path in found]


@cache
def service() -> ServiceModel:
    """botocore's model of bedrock-runtime."""
    return ServiceModel(Loader().load_service_model("bedrock-runtime", "service-2"), "bedrock-runtime")


def faults(body: Mapping[str, Any], operation: str = "Converse") -> str:
    """What botocore's model says against a body as it is written in JSON; "" if it is one of the operation's."""
    shape = service().operation_model(operation).input_shape
    assert shape is not None
    report: str = ParamValidator().validate({"modelId": "m", **_with_bytes(body, shape)}, shape).generate_report()
    return report + _odd(body, shape)


def _with_bytes(value: Any, shape: Shape) -> Any:
    """Decode what the model calls a blob: in JSON it is base64."""
    if shape.type_name == "blob":
        return base64.b64decode(value, validate=True)
    if shape.type_name == "structure" and isinstance(value, dict) and not getattr(shape, "is_document_type", False):
        members = shape.members
        return {name: _with_bytes(each, members[name]) if name in members else each for name, each in value.items()}
    if shape.type_name == "list" and isinstance(value, list):
        return [_with_bytes(each, shape.member) for each in value]
    return value


def _odd(value: Any, shape: Shape) -> str:
    """What botocore's validator does not look at: words that are not among those of an enum, and text patterns."""
    if shape.type_name == "structure" and isinstance(value, dict) and not getattr(shape, "is_document_type", False):
        unknown = [name for name in value if name not in shape.members]
        return "".join(f"{name} is unknown. " for name in unknown) + "".join(
            _odd(each, shape.members[name]) for name, each in value.items() if name in shape.members
        )
    if shape.type_name == "list" and isinstance(value, list):
        return "".join(_odd(each, shape.member) for each in value)
    if shape.type_name == "map" and isinstance(value, dict):
        return "".join(_odd(name, shape.key) + _odd(each, shape.value) for name, each in value.items())
    if shape.type_name == "string" and isinstance(value, str):
        metadata = shape.metadata
        if metadata.get("enum") and value not in metadata["enum"]:
            return f"{value} is no {shape.name}. "
        if metadata.get("pattern") and not re.fullmatch(metadata["pattern"], value):
            return f"{value} does not match {metadata['pattern']}. "
    return ""


def decoded(path: Path) -> Any:
    """The JSON of a recording."""
    return msgspec.json.decode(path.read_bytes())
