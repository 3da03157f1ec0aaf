"""An error of the validator of JSON Schema → a sentence with the path, the value and what would be right."""

from typing import Any, Final

from jsonschema_rs import ValidationError, ValidationErrorKind

from switchover_operator.key_shapes import without_keys
from switchover_operator.resources.model import listed
from switchover_operator.resources.problem import Problem, hidden, shown

_TYPES: Final = {
    "string": "a string (in YAML, put it in quotes)",
    "integer": "an integer, without quotes",
    "number": "a number, without quotes",
    "boolean": "true or false, without quotes",
    "object": "an object (fields with values)",
    "array": "a list",
}
_LABEL: Final = "[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_PATTERNS: Final = {
    rf"^(\*\.)?{_LABEL}(\.{_LABEL})*$": "a DNS name in lower case, without port and scheme; the first label may be *",
    rf"^$|^{_LABEL}(\.{_LABEL})*$": "a DNS name in lower case, as gateway.networking.k8s.io, or empty for core kinds",
    "^[a-zA-Z]([-a-zA-Z0-9]*[a-zA-Z0-9])?$": "a kind: letters, digits and -, as Service",
    rf"^{_LABEL}$": "lower-case letters, digits and -, beginning and ending with a letter or digit",
    rf"^{_LABEL}(\.{_LABEL})*$": "a DNS name in lower case, without port, scheme and *",
    r"^[A-Za-z0-9!#$%&'*+\-.^_\x60|~]+$": "a header name: letters, digits and !#$%&'*+-.^_`|~, without spaces",
    "^([0-9]{1,5}(h|m|s|ms)){1,4}$": "a duration such as 500ms, 10s or 1m30s",
    rf"^{_LABEL}(\.{_LABEL})*\/[A-Za-z0-9\/\-._~%!$&'()*+,;=:]+$": "a domain and a path, as example.com/controller",
    r"(^\*$)|(^(http(s)?):\/\/(((\*\.)?([a-zA-Z0-9\-]+\.)*[a-zA-Z0-9-]+|\*)(:([0-9]{1,5}))?)$)": (
        "* or a scheme and a host, as https://example.com, without a path"
    ),
}
"""The patterns of the CRDs → what they allow. A pattern that is not here is shown as it is."""
_CONFIDENTIAL: Final = ("data", "stringData")
_HIDDEN_VALUES: Final = frozenset({"headers", "queryParams", "set", "add", "annotations"})
"""Lists and objects whose values may be credentials."""


def problem(error: ValidationError, schema: dict[str, Any]) -> Problem:
    """Word one error. `schema` is the whole schema that was applied."""
    *place, keyword = error.schema_path
    steps = list(error.instance_path)
    node: Any = schema
    for step in place:
        node = node[step]
    if isinstance(error.kind, ValidationErrorKind.Required):
        steps.append(error.kind.property)
        return Problem(path_of(steps), "", "is required")
    # An entry of `required`, or an alternative of `oneOf`, is a step further down than its keyword.
    right, with_value = _right(str(keyword), node, error.instance)
    return Problem(path_of(steps), _value(steps, error.instance) if with_value else "", right)


def path_of(steps: list[Any]) -> str:
    """`["spec", "rules", 0]` → `spec.rules[0]`; a key that looks like a credential is masked."""
    path = ""
    for step in steps:
        path += f"[{step}]" if isinstance(step, int) else f".{step}" if path else str(step)
    return without_keys(path)


def _value(steps: list[Any], given: object) -> str:
    if steps[0] in _CONFIDENTIAL:
        return hidden(given)
    return hidden(given) if steps[-1] != "name" and not _HIDDEN_VALUES.isdisjoint(map(str, steps)) else shown(given)


def _right(keyword: str, node: dict[str, Any], given: Any) -> tuple[str, bool]:
    """Say what would be right, and whether the value helps to see it."""
    match keyword:
        case "type":
            kinds = node["type"] if isinstance(node["type"], list) else [node["type"]]
            return f"must be {listed([_TYPES[kind] for kind in kinds], 'or')}", True
        case "enum":
            return f"must be {listed([str(each) for each in node['enum'] if each != ''], 'or')}", True
        case "pattern":
            known = _PATTERNS.get(node["pattern"])
            return f"must be {known}" if known else f"must match the pattern {node['pattern']}", True
        case "minLength":
            least = node["minLength"]
            return "must not be empty" if least == 1 else f"must have at least {least} characters", False
        case "maxLength":
            return f"must have at most {node['maxLength']} characters, and has {len(given)}", False
        case "minItems":
            return f"must have at least {_counted(node['minItems'], 'entry', 'entries')}", True
        case "maxItems":
            return f"must have at most {_counted(node['maxItems'], 'entry', 'entries')}", True
        case "minProperties" | "maxProperties":
            least = keyword == "minProperties"
            return f"must have at {'least' if least else 'most'} {_counted(node[keyword], 'field', 'fields')}", False
        case "minimum" | "maximum" if "minimum" in node and "maximum" in node:
            return f"must be a number from {node['minimum']} to {node['maximum']}", True
        case "minimum" | "maximum":
            return f"must be at {'least' if keyword == 'minimum' else 'most'} {node[keyword]}", True
        case "uniqueItems":
            return "must not have the same entry twice", False
        case "oneOf" | "anyOf":
            kinds = [_TYPES[each["type"]] for each in node[keyword] if "type" in each]
            return f"must be {listed(kinds, 'or')}", True
    return f"does not match the schema ({keyword})", True


def _counted(number: int, one: str, many: str) -> str:
    return f"one {one}" if number == 1 else f"{number} {many}"
