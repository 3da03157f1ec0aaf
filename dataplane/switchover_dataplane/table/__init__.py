"""The contract between compiler and data plane: what the data plane serves, as frozen data.

A `Table` (`table.py`) goes over the push channel as JSON (`wire.py`), or in parts (`parts.py`). The data plane owns
these types, as a machine owns its instruction set; the compiler targets them. There is no I/O and no behaviour here.

Everything that was a matter of precedence is already an order of a list here: the data plane only walks.
Every secret stands in `Table.secrets` and nowhere else; the rest refers to it by name, so that a dump without
`secrets` is safe to show. All durations are seconds, all sizes are bytes.
"""

from .table import VERSION, Table
from .wire import decode, encode, sealed

__all__ = ["VERSION", "Table", "decode", "encode", "sealed"]
