"""Libraries that only the processes import which run a test of them, not each one that collects it.

if TYPE_CHECKING:
    import openai
else:
    openai = deferred("openai")
"""

from importlib import import_module
from types import ModuleType
from typing import Any


class _Deferred(ModuleType):
    def __getattr__(self, name: str) -> Any:
        # pytest and `inspect` look for names of their own in whatever a test module has.
        if name.startswith("_"):
            raise AttributeError(name)
        return getattr(import_module(self.__name__), name)


def deferred(name: str) -> Any:
    """The module of this name, imported at the first use of anything in it: an SDK takes a second or two."""
    return _Deferred(name)
