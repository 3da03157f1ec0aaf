"""One problem of an object, in a sentence that a person can act on, and how a wrong value is shown in it."""

from collections.abc import Mapping
from dataclasses import dataclass

from switchover_operator.key_shapes import described, looks_like_a_key


@dataclass(frozen=True, slots=True)
class Problem:
    """One problem of an object: `spec.static.hosts[0].port`, `'80' (a string)`, `must be an integer ...`.

    `value` is "" if it would not help. If it could show a secret, it is the type and the rough length.
    """

    path: str
    value: str
    message: str

    def __str__(self) -> str:
        text = f"{self.path}: {self.message}" if self.path else self.message
        return f"{text}; got {self.value}" if self.value else text


def shown(given: object) -> str:
    """Describe a value and its type, shortened; of an object or a list only the type."""
    match given:
        case None:
            return "nothing"
        case bool():
            return "true" if given else "false"
        case str() if looks_like_a_key(given):
            return f"{described(given)}, which looks like a key"
        case str():
            return f"{given[:80] + '...' if len(given) > 80 else given!r} (a string)"
        case int():
            return str(given)
        case float():
            return f"{given} (not an integer)" if given == int(given) else str(given)
        case Mapping():
            return "an object"
        case list() | tuple():
            return f"a list of {len(given)}" if given else "an empty list"
    return f"a {type(given).__name__}"


def hidden(given: object) -> str:
    """Describe a value that is not shown: its type, and the rough length of a text."""
    match given:
        case str():
            return described(given)
        case bool():
            return "a boolean"
        case int() | float():
            return "a number"
    return shown(given)
