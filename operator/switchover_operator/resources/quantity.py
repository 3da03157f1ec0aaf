"""Kubernetes quantities ("32Mi") → whole bytes.

Grammar and suffixes: Kubernetes API reference, `Quantity`: binary suffixes Ki..Ei, decimal ones k..E, an exponent, or
nothing. A quantity of bytes can be an integer in YAML too (`maxRequestBody: 1048576`).
"""

import re
from decimal import Decimal
from typing import Annotated

from pydantic import BeforeValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

_BINARY = {suffix: 1024**power for power, suffix in enumerate(("Ki", "Mi", "Gi", "Ti", "Pi", "Ei"), start=1)}
_DECIMAL = {suffix: 1000**power for power, suffix in enumerate(("k", "M", "G", "T", "P", "E"), start=1)}
_FACTORS = {"": 1, **_BINARY, **_DECIMAL}

PATTERN = r"^[0-9]+([.][0-9]+)?(Ki|Mi|Gi|Ti|Pi|Ei|k|M|G|T|P|E|[eE][0-9]{1,2})?$"
_QUANTITY = re.compile(r"([0-9]{1,30}(?:[.][0-9]{1,30})?)(?:(Ki|Mi|Gi|Ti|Pi|Ei|k|M|G|T|P|E)|[eE]([0-9]{1,2}))?")
_LARGEST = 2**63 - 1
_RIGHT = 'a size in bytes such as "32Mi", "500k" or 1048576'


def size_in_bytes(given: object) -> int:
    """`"32Mi"`, `"1.5G"`, `1048576` → bytes, fractions rounded up as Kubernetes does.

    Raises:
        PydanticCustomError: not a quantity, negative, or of 2**63 bytes and more.
    """
    match = _QUANTITY.fullmatch(str(given)) if isinstance(given, int | str) and not isinstance(given, bool) else None
    if match:
        number, suffix, exponent = match.groups()
        exact = Decimal(number) * _FACTORS[suffix or ""] * 10 ** int(exponent or 0)
        if exact <= _LARGEST:
            return int(exact.to_integral_value(rounding="ROUND_CEILING"))
    raise PydanticCustomError("quantity", "must be {right}", {"right": _RIGHT})


Bytes = Annotated[
    int,
    BeforeValidator(size_in_bytes),
    WithJsonSchema(
        {
            "x-kubernetes-int-or-string": True,
            "maxLength": 32,
            "x-kubernetes-validations": [
                {
                    "rule": f"type(self) == int ? self >= 0 : self.matches('{PATTERN}')",
                    "message": f"must be {_RIGHT}",
                }
            ],
        }
    ),
]
"""Whole bytes, from a quantity."""
