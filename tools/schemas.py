"""The official schemas of Gateway API and of Kubernetes → the data that `switchover_operator/schemas/` ships.

    python tools/schemas.py gateway-api v1.7.0 FOLDER      the folder config/crd/standard of that version
    python tools/schemas.py kubernetes v1.36 FILE...       what `kubectl get --raw /openapi/v3/api/v1` prints, and
                                                           /openapi/v3/apis/discovery.k8s.io/v1

Both are published under the Apache License 2.0. What `check` has no use for is left out: descriptions and statuses.
"""

import json
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

import yaml

DATA: Final = Path(__file__).parents[1] / "operator" / "switchover_operator" / "schemas"
KUBERNETES_KINDS: Final = ("Service", "EndpointSlice", "Secret", "Namespace")
_LEFT_OUT: Final = frozenset({"description", "x-kubernetes-group-version-kind"})


def gateway_api(folder: Path) -> dict[str, Any]:
    """Read kind → schema from CRDs. All versions of a kind have the same fields but for their status."""
    found: dict[str, Any] = {}
    for file in sorted(folder.glob("*.yaml")):
        for crd in yaml.safe_load_all(file.read_text()):
            if crd["kind"] == "CustomResourceDefinition":
                newest = next(version for version in crd["spec"]["versions"] if version["storage"])
                found[crd["spec"]["names"]["kind"]] = _spec_only(_plain(newest["schema"]["openAPIV3Schema"]))
    return found


def kubernetes(files: Iterable[Path]) -> dict[str, Any]:
    """Read kind → schema from documents of an API server's OpenAPI v3, with every reference resolved."""
    components: dict[str, Any] = {}
    for file in files:
        components |= json.loads(file.read_text())["components"]["schemas"]
    kinds = {
        kind: schema
        for schema in components.values()
        for kind in (each["kind"] for each in schema.get("x-kubernetes-group-version-kind", ()))
        if kind in KUBERNETES_KINDS and "metadata" in schema["properties"]
    }
    return {kind: _spec_only(_resolved(_plain(kinds[kind]), components)) for kind in sorted(kinds)}


def _spec_only(schema: dict[str, Any]) -> dict[str, Any]:
    return {**schema, "properties": {name: each for name, each in schema["properties"].items() if name != "status"}}


def _plain(value: Any) -> Any:
    """A schema without the texts for people; a property may have the name of one of them."""
    if isinstance(value, list):
        return [_plain(each) for each in value]
    if not isinstance(value, Mapping):
        return value
    return {
        name: {each: _plain(below) for each, below in given.items()} if name == "properties" else _plain(given)
        for name, given in value.items()
        if name not in _LEFT_OUT
    }


def _resolved(value: Any, components: Mapping[str, Any]) -> Any:
    if isinstance(value, list):
        return [_resolved(each, components) for each in value]
    if not isinstance(value, Mapping):
        return value
    if "$ref" in value:
        return _resolved(_plain(components[value["$ref"].rpartition("/")[2]]), components)
    together: dict[str, Any] = {}
    for name, given in value.items():
        if name == "allOf":
            for each in given:
                together |= _resolved(each, components)
        else:
            together[name] = _resolved(given, components)
    return together


def main(source: str, version: str, *paths: str) -> None:
    """Write the data of one source."""
    given = [Path(path) for path in paths]
    kinds = gateway_api(given[0]) if source == "gateway-api" else kubernetes(given)
    # One line a kind, so that a new version shows which kinds changed.
    lines = ",\n".join(f"{json.dumps(kind)}: {json.dumps(kinds[kind], sort_keys=True)}" for kind in sorted(kinds))
    (DATA / f"{source}.json").write_text(f'{{"version": {json.dumps(version)}, "kinds": {{\n{lines}\n}}}}\n')


if __name__ == "__main__":
    main(*sys.argv[1:])
