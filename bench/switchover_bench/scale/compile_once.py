"""Reads manifests and compiles them once, in this process; prints the seconds of CPU of each as JSON.

python -m switchover_bench.scale.compile_once PATH
"""

import json
import sys
import time
from pathlib import Path

from switchover_dataplane.target_addresses import LOOPBACK
from switchover_operator.compiler.fleet import Standalone
from switchover_operator.garbage import no_collection
from switchover_operator.loop import Seen, advance
from switchover_operator.standalone.files import Manifests


def main(path: Path) -> None:
    """Read, then compile, each as the loop of `switchover run` does."""
    began = time.process_time()
    with no_collection():
        snapshot = Manifests((path,)).read().snapshot
    read = time.process_time()
    advance({}, Seen(snapshot, Standalone(LOOPBACK)))
    print(json.dumps({"read_s": read - began, "compile_s": time.process_time() - read}))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
