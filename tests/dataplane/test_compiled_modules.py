"""What mypyc takes and changes without a word must not stand in a module that `setup.py` compiles.

`make test-compiled` runs the tests over the compiled form; this holds the same on a machine without a C compiler.
"""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import TypeVar

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "dataplane" / "switchover_dataplane"
OPTIONS_ARE_INHERITED = {"Value"}
"""The class of `structs.py`."""

BUILT_IN = {"ConnectionError", "Exception"}
"""They are of no class that is compiled."""
WAITING = (ast.Await, ast.AsyncFor, ast.AsyncWith)

Node = TypeVar("Node", bound=ast.AST)


def compiled() -> dict[str, ast.Module]:
    """The modules that `setup.py` lists, by their path below the package."""
    statements = ast.parse((ROOT / "setup.py").read_text()).body
    [listed] = [
        each.value for each in statements if isinstance(each, ast.Assign) and ast.unparse(each.targets[0]) == "HOT"
    ]
    rooms: dict[str, str] = ast.literal_eval(listed)
    paths = [Path(room, f"{name}.py") for room, names in rooms.items() for name in names.split()]
    return {str(path): ast.parse((PACKAGE / path).read_text()) for path in paths}


MODULES = compiled()


def of_type(kind: type[Node]) -> Iterator[Node]:
    return (node for module in MODULES.values() for node in ast.walk(module) if isinstance(node, kind))


def test_no_class_of_a_compiled_module_has_options_that_its_base_has_not() -> None:
    """mypyc calls a metaclass without them, so that `frozen=True` would be lost, and `kw_only=True`."""
    for each in of_type(ast.ClassDef):
        options = {option.arg for option in each.keywords}
        bases = {ast.unparse(base) for base in each.bases}
        assert not options or (options == {"frozen"} and bases & OPTIONS_ARE_INHERITED), each.name


def test_no_compiled_coroutine_waits_while_it_handles_an_exception() -> None:
    """mypyc leaves that exception behind for all other code, and passes over such a `finally` while there is one."""
    for each in of_type(ast.Try):
        handling = [*each.finalbody, *(statement for handler in each.handlers for statement in handler.body)]
        assert not any(isinstance(node, WAITING) for statement in handling for node in ast.walk(statement))


def test_no_name_stands_for_two_kinds_of_exception_in_a_function() -> None:
    """To mypyc it has the type of the first one, so that the second is a TypeError."""
    functions: list[ast.AST] = [*of_type(ast.FunctionDef), *of_type(ast.AsyncFunctionDef)]
    for each in functions:
        types: dict[str, set[str]] = {}
        for handler in ast.walk(each):
            if isinstance(handler, ast.ExceptHandler) and handler.name and handler.type is not None:
                types.setdefault(handler.name, set()).add(ast.unparse(handler.type))
        assert all(len(kinds - BUILT_IN) <= 1 for kinds in types.values()), types


def test_no_generator_of_a_compiled_module_is_asynchronous() -> None:
    for each in of_type(ast.AsyncFunctionDef):
        assert not any(isinstance(node, ast.Yield) for node in ast.walk(each)), each.name


def test_nothing_is_decoded_into_a_struct_of_a_compiled_module() -> None:
    """mypyc keeps no types of its fields: a list of Structs would come as a list of dictionaries."""
    names = {
        each.name
        for each in of_type(ast.ClassDef)
        if {ast.unparse(base) for base in each.bases} & (OPTIONS_ARE_INHERITED | {"msgspec.Struct"})
    }
    for path in PACKAGE.rglob("*.py"):
        for call in ast.walk(ast.parse(path.read_text())):
            if isinstance(call, ast.Call) and ast.unparse(call.func).endswith(("Decoder", "decode", "convert")):
                types = [*call.args, *(each.value for each in call.keywords if each.arg == "type")]
                named = {node.id for each in types for node in ast.walk(each) if isinstance(node, ast.Name)}
                assert not named & names, f"{path}:{call.lineno}"


def test_functions_that_tests_replace_are_not_compiled() -> None:
    """`attempts/test_unreadable.py` puts a fault in their place, which no compiled caller would see."""
    assert MODULES.keys().isdisjoint({"classify/error_words.py", "classify/success.py", "formats/chunk.py"})
