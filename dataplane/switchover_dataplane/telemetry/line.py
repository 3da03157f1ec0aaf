"""The fields that every frequent log line has; each kind of line adds its own."""

from datetime import datetime

import msgspec
from msgspec import UNSET, UnsetType


class Line(msgspec.Struct, kw_only=True, omit_defaults=True, gc=False):
    """The fields of one kind of line; what is logged adds its own. The three here are set as the line is written."""

    time: datetime | UnsetType = UNSET
    level: str | UnsetType = UNSET
    msg: str | UnsetType = UNSET
