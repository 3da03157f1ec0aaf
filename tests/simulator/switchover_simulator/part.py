"""What every part of a scenario file is made of: strict data, lines, headers and spans of time."""

from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

Status = Annotated[int, Field(ge=200, le=599)]
Seconds = Annotated[float, Field(ge=0, le=86_400)]


class Part(BaseModel):
    """Frozen, and without unknown fields; files are read strictly (`scenario.validate`)."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def _texts(value: Any) -> Any:
    """Spell `retry-after: 1` and single values out as lists of texts."""
    if not isinstance(value, dict):
        return value
    return {name: [_text(each) for each in listed(values)] for name, values in value.items()}


def _text(value: Any) -> Any:
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


def listed(value: Any) -> Any:
    """Spell a value that stands alone out as a list."""
    return value if isinstance(value, list) else [value]


def _one_line(value: str) -> str:
    if any(char in value for char in "\r\n\0"):
        raise ValueError("must be one line")
    return value


Line = Annotated[str, AfterValidator(_one_line)]
Headers = Annotated[dict[Line, list[Line]], BeforeValidator(_texts)]


def _scalar(value: Any) -> Any:
    if value is not None and not isinstance(value, str | int):
        raise ValueError("must be text or a whole number")
    return value


class ProviderError(Part):
    """The error in a body or event, in the provider's own shape; what is unset follows from the status."""

    message: str | None = None
    type: str | None = None
    code: Annotated[Any, AfterValidator(_scalar)] = None
    param: str | None = None
