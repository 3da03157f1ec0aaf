"""The docstrings that stand below the fields of a model, as text.

They are read from the source when CRDs are written: pydantic could keep them for every field, but then every process
would read them all when it starts.
"""

import ast
import inspect
import sys
from functools import cache

from pydantic import BaseModel


def of_field(model: type[BaseModel], field: str) -> str:
    """Return what stands below a field of a model, or of the class that it has the field from; "" if nothing does."""
    owner = next(each for each in model.__mro__ if field in inspect.get_annotations(each))
    return _below_fields(owner.__module__).get((owner.__qualname__, field), "")


@cache
def _below_fields(module: str) -> dict[tuple[str, str], str]:
    """Class and field → the docstring of the field, of all classes at the top of a module."""
    return {
        (each.name, field.target.id): inspect.cleandoc(text.value.value)
        for each in ast.parse(inspect.getsource(sys.modules[module])).body
        if isinstance(each, ast.ClassDef)
        for field, text in zip(each.body, each.body[1:], strict=False)
        if isinstance(field, ast.AnnAssign)
        and isinstance(field.target, ast.Name)
        and isinstance(text, ast.Expr)
        and isinstance(text.value, ast.Constant)
        and isinstance(text.value.value, str)
    }
