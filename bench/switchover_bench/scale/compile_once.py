"""Reads manifests and compiles them once, in this process; prints the seconds of each as JSON.

python -m switchover_bench.scale.compile_once PATH
"""

import json
import sys
import time
from pathlib import Path

from switchover_dataplane.target_addresses import LOOPBACK
from switchover_operator.compiler.compile import compile_snapshot
from switchover_operator.compiler.fleet import Standalone
from switchover_operator.standalone.files import Manifests


def main(path: Path) -> None:
    """Read, then compile."""
    began = time.perf_counter()
    snapshot = Manifests((path,)).read().snapshot
    read = time.perf_counter()
    compile_snapshot(snapshot, {}, Standalone(LOOPBACK))
    print(json.dumps({"read_s": read - began, "compile_s": time.perf_counter() - read}))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
