"""What every part of a table is made of: frozen data, and numbers that have a range."""

from typing import Annotated

import msgspec

Natural = Annotated[int, msgspec.Meta(ge=0)]
Positive = Annotated[int, msgspec.Meta(ge=1)]
PortNumber = Annotated[int, msgspec.Meta(ge=1, le=65535)]
Seconds = Annotated[float, msgspec.Meta(ge=0)]


class Frozen(msgspec.Struct, frozen=True, gc=False, omit_defaults=True, forbid_unknown_fields=True):
    """A part of a table: immutable, absent fields mean their default, an unknown field is an error.

    `gc=False`, here and for all that is made of a table: none of it is part of a cycle, and collections that looked at
    the parts of 10,000 routes would stop the serving of requests.
    """
