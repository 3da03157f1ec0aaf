"""A value that was read → the Kubernetes object that it is, or each of the list that it is, or what would be right."""

from array import array
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from switchover_operator.identity import Body, Identity, identity_of
from switchover_operator.standalone.env_file import Variables
from switchover_operator.standalone.field_lines import items_of, line_of, with_last_key
from switchover_operator.standalone.placeholders import as_written, is_replaced_in, replaced
from switchover_operator.standalone.yaml_values import Twice, Unreadable, Value

CLUSTER_SCOPED: Final = frozenset(
    {"Namespace", "GatewayClass", "CustomResourceDefinition", "ClusterRole", "ClusterRoleBinding", "Node"}
)
_LONGEST_KEY: Final = 60
"""Characters of a key that are shown."""


@dataclass(frozen=True, slots=True)
class Document:
    """One object, the line (from 1) where it begins, and the lines of its fields from there.

    `variables` are the names of those that its placeholders name, sorted.
    """

    identity: Identity
    body: Body
    line: int
    field_lines: "array[int]"
    variables: tuple[str, ...] = ()

    def line_of(self, path: str) -> int:
        """Find the line of a field, such as `spec.rules[0].matches`; of its nearest parent if there is no such field.

        In a JSON file it is the object's own line.
        """
        return self.line + line_of(self.body, self.field_lines, path) if self.field_lines else self.line

    def moved(self, lines: int) -> "Document":
        """Return the same object, so many lines further down."""
        if not lines:
            return self
        return Document(self.identity, self.body, self.line + lines, self.field_lines, self.variables)


class DoubleKey(Unreadable):
    """A key that stands in one mapping of an object twice."""

    def __init__(self, about: str, twice: Twice) -> None:
        key = twice.key if len(twice.key) <= _LONGEST_KEY else f"{twice.key[:_LONGEST_KEY]}..."
        super().__init__(
            f'{about}the key "{key}" stands twice in one mapping, first in line {twice.first}; each key may '
            "stand there once (the usual cause: a copied block, or two templates that write the same key)",
            twice.line,
            twice.column,
        )
        self._about, self._twice = about, twice

    def moved(self, lines: int) -> "DoubleKey":
        """Return the same problem, so many lines further down."""
        twice = self._twice
        return DoubleKey(self._about, twice._replace(line=twice.line + lines, first=twice.first + lines))


def objects_of(
    given: Value, variables: Variables | None = None, *, has_placeholders: bool = False
) -> Iterator[Document | Unreadable]:
    """Yield the object that a value is, or each object of the list that it is, with what is wrong with them.

    With `has_placeholders`, those of each object are replaced by `variables`, or left as they are where that is None.
    """
    value = given.value
    if value is None:
        return
    if _is_list(value):
        yield from _of_list(given, variables, has_placeholders=has_placeholders)
        return
    if given.twice:
        yield from (DoubleKey(_about(value), twice) for twice in given.twice)
        return
    names: tuple[str, ...] = ()
    if has_placeholders and isinstance(value, dict):
        if variables is not None and is_replaced_in(value):
            done = replaced(value, given.field_lines, variables)
            value, names = done.value, tuple(sorted(done.names))
            if done.faults:
                yield from (
                    Unreadable(f"{_about(value)}{each.path}: {each.what}", given.line + each.line)
                    for each in done.faults
                )
                return
        else:
            value = as_written(value)
    reason = _why_no_object(value)
    if reason:
        yield Unreadable(reason, given.line)
        return
    body, lines = value, given.field_lines
    metadata = value["metadata"]
    if value["kind"] not in CLUSTER_SCOPED and not metadata.get("namespace"):
        body = {**value, "metadata": {**metadata, "namespace": "default"}}
        if lines and "namespace" not in metadata:
            lines = with_last_key(value, lines, "metadata")
    yield Document(identity_of(body), body, given.line, lines, names)


# ── Lists ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def _is_list(value: Any) -> bool:
    """Whether it is a list of objects; an object with a name may be of a kind that ends in List, too."""
    if not isinstance(value, dict) or not str(value.get("kind", "")).endswith("List"):
        return False
    return "items" in value or value["kind"] == "List" or not _name(value)


def _of_list(given: Value, variables: Variables | None, *, has_placeholders: bool) -> Iterator[Document | Unreadable]:
    value, kind = given.value, given.value["kind"]
    twice = list(given.twice)
    if value.get("items", "") is None:
        value = {**value, "items": []}
    if not isinstance(value.get("items"), list):
        has = "its items are no list" if "items" in value else "it has no items"
        yield Unreadable(f"{kind}: {has}: a list of objects has them below `items:`, each after a `- `", given.line)
    else:
        for item, line, places, lines in items_of(value, given.field_lines, "items"):
            own = tuple(each._replace(at=each.at - places.start - 1) for each in twice if each.at in places)
            twice = [each for each in twice if each.at not in places] if own else twice
            if item is None:
                yield Unreadable(f"{kind}: an item is empty, where an object has to be", given.line + line)
            elif isinstance(item, dict) and kind != "List" and not item.keys() & {"apiVersion", "kind"}:
                # The API server leaves them out in the list of one kind.
                whole = {"apiVersion": value.get("apiVersion"), "kind": kind.removesuffix("List"), **item}
                all_lines = array("i", [0, 0]) + lines if lines else lines
                yield from objects_of(
                    Value(whole, given.line + line, all_lines, own), variables, has_placeholders=has_placeholders
                )
            else:
                yield from objects_of(
                    Value(item, given.line + line, lines, own), variables, has_placeholders=has_placeholders
                )
    yield from (DoubleKey(f"{kind}: ", each) for each in twice)


# ── What is wrong ───────────────────────────────────────────────────────────────────────────────────────────────────


def _name(value: Mapping[str, Any]) -> str:
    metadata = value.get("metadata")
    name = metadata.get("name") if isinstance(metadata, dict) else ""
    return name if isinstance(name, str) else ""


def _about(value: Any) -> str:
    """Name an object that may be none, as far as its kind and name can be read."""
    if not isinstance(value, dict) or not isinstance(value.get("kind"), str) or not value["kind"]:
        return ""
    kind, name = value["kind"], _name(value)
    if not name:
        return f"{kind}: "
    namespace = value["metadata"].get("namespace") or "default"
    return f"{Identity('', kind, '' if kind in CLUSTER_SCOPED else str(namespace), name)}: "


def _why_no_object(value: Any) -> str:
    if isinstance(value, list):
        return (
            "a list of objects, which kubectl does not take: put it below `items:` of an object of `kind: List` and "
            "`apiVersion: v1`, or print the objects one after the other (jq '.[]')"
        )
    if not isinstance(value, dict):
        return "not a Kubernetes object: it has no apiVersion, kind and metadata.name"
    for field in ("apiVersion", "kind"):
        if not isinstance(value.get(field), str) or not value[field]:
            return f"not a Kubernetes object: {field} has to be a text that is not empty{_instead(value, field)}"
    if value["apiVersion"].startswith("kustomize.config.k8s.io/"):
        return (
            "a kustomization, and no object: it has to be called kustomization.yaml, and is rendered with its folder: "
            "name that with -f"
        )
    metadata = value.get("metadata")
    if not isinstance(metadata, dict):
        return f"{value['kind']}: metadata has to be a mapping with a name{_instead(value, 'metadata')}"
    name = metadata.get("name")
    if not name and metadata.get("generateName"):
        return (
            f"{value['kind']}: it has generateName and no name, and only an API server makes names of it: "
            "give it a metadata.name"
        )
    if not isinstance(name, str) or not name:
        return f"{value['kind']}: metadata.name has to be a text that is not empty{_quote(name)}"
    namespace = metadata.get("namespace", "")
    if not isinstance(namespace, str | None):
        return f"{value['kind']} {name}: metadata.namespace has to be text{_quote(namespace)}"
    return ""


def _quote(value: Any) -> str:
    """Say what to do about a text that YAML takes for something else."""
    if isinstance(value, bool):
        return f", and without quotes this is the truth value {str(value).lower()}: quote it"
    if isinstance(value, int | float):
        return f", and without quotes this is the number {value}: quote it"
    return ""


def _instead(value: Mapping[str, Any], name: str) -> str:
    """Name the key that was meant to be this one, or say what else the file may be."""
    like = next((key for key in value if key != name and key.lower() == name.lower()), "")
    if like:
        return f" (it has {like}: did you mean {name}?)"
    if "kind" not in value and "apiVersion" not in value:
        return (
            " (a file that is no manifest, such as values of a chart or a compose file, has to stand elsewhere, or "
            "-f names the manifests alone)"
        )
    return ""
