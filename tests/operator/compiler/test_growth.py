"""What compiling costs grows with the number of objects and not faster: no function looks at all for each."""

from collections.abc import Mapping
from types import CodeType

import yaml

from guard.counting import Counter, file_of
from switchover_bench.scale import manifests
from switchover_bench.scenarios import Ports
from switchover_operator.compiler.compile import compile_snapshot
from switchover_operator.compiler.fleet import Standalone
from switchover_operator.snapshot import Snapshot

FEW = 12
PORTS = Ports.at(17000)


def executed(routes: int) -> Mapping[CodeType, list[int]]:
    """Compile so many routes; return what each function executed: calls, calls of C, instructions."""
    text = "---\n".join([manifests.base(PORTS), *(manifests.route(number, PORTS) for number in range(routes))])
    snapshot = Snapshot.of(yaml.safe_load_all(text))
    counter = Counter(frozenset())
    counter.start()
    try:
        compile_snapshot(snapshot, {}, Standalone())
    finally:
        counter.stop()
    return counter.by_code


def test_no_function_of_the_compiler_works_more_than_twice_as_much_for_twice_the_routes() -> None:
    compile_snapshot(Snapshot.of(()), {}, Standalone())  # what is made once is made here
    few, twice = executed(FEW), executed(2 * FEW)
    grown = {
        f"{file_of(code)} {code.co_qualname}:{code.co_firstlineno}": (few[code][2], counts[2])
        for code, counts in twice.items()
        if code in few and "switchover_operator" in code.co_filename and counts[2] > 2.3 * few[code][2] + 100
    }
    assert grown == {}
