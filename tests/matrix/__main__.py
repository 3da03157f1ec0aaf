"""`make formats`: what holds of each official SDK at each provider's API, as a table. Exit code 1 unless all of it."""

import asyncio
import sys

from matrix.cells import MAKERS, held, told, wrong
from matrix.clients import SESSIONS


def main() -> int:
    """Try each cell, print the table and what does not hold."""
    results = {(kind, maker): asyncio.run(held(kind, maker)) for kind in SESSIONS for maker in MAKERS}
    lines = ["Cases that hold, whole and streamed: a client's format above, a provider's at the left", ""]
    lines += told(results, list(SESSIONS))
    failed = [f"{kind} at {maker}: {what}" for (kind, maker), found in results.items() for what in wrong(found)]
    sys.stdout.write("\n".join([*lines, "", *failed, ""]))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
