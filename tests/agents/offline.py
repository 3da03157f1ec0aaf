"""`python -m agents.offline COMMAND...`: run a command where the only network is loopback.

Agents call home (versions, flags, telemetry), which tests must not. A network namespace of Linux has an interface
of its own and nothing else (network_namespaces(7)); where only root may make one, it comes with a user namespace.
"""

import fcntl
import os
import shutil
import socket
import struct
import subprocess
import sys
from typing import Final

_SIOCSIFFLAGS: Final = 0x8914
_UP_AND_RUNNING: Final = 0x41
_WAYS: Final = (("--net",), ("--map-root-user", "--net"))


def is_offline() -> bool:
    """Tell whether this process sees no interface but loopback."""
    return [name for _, name in socket.if_nameindex()] == ["lo"]


def why_not() -> str:
    """Return why no such place can be made here; "" if it can."""
    if shutil.which("unshare") is None:
        return "unshare (util-linux) is needed"
    return "" if _way() else "unshare --net is not allowed here"


def _way() -> tuple[str, ...]:
    ways = (
        way
        for way in _WAYS
        if subprocess.run(["unshare", *way, "true"], capture_output=True, check=False).returncode == 0
    )
    return next(ways, ())


def _raise_loopback() -> None:
    with socket.socket() as opened:
        fcntl.ioctl(opened, _SIOCSIFFLAGS, struct.pack("16sh", b"lo", _UP_AND_RUNNING))


def main(command: list[str]) -> None:
    """Become the command, inside."""
    if not is_offline():
        reason = why_not()
        if reason:
            sys.stderr.write(f"Skipped: {reason}\n")
            return
        os.execvp("unshare", ["unshare", *_way(), sys.executable, "-m", "agents.offline", *command])
    _raise_loopback()
    os.execvp(command[0], command)


if __name__ == "__main__":
    main(sys.argv[1:])
