"""What a Struct of a compiled module derives from: mypyc drops the options of a class, and msgspec inherits them.

This module is not compiled. Such a class says `frozen=True` again, as mypy asks for it.
"""

import msgspec


class Value(msgspec.Struct, frozen=True, gc=False):
    """A value that never changes and is never part of a circle, so that no collection has to look at it."""
