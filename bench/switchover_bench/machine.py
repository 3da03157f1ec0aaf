"""What figures depend on: the machine and the versions, without its name."""

import datetime
import os
import platform
from pathlib import Path


def cpu_model(cpuinfo: str) -> str:
    """The processor's name in a text of /proc/cpuinfo, or what kind it is."""
    for line in cpuinfo.splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def describe() -> dict[str, str]:
    """The facts that stand above every table."""
    return {
        "date": datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "cpu": cpu_model(Path("/proc/cpuinfo").read_text()),
        "cores": str(os.cpu_count()),
        "kernel": platform.release(),
        "python": f"{platform.python_version()} ({platform.python_compiler()}, {platform.python_build()[1]})",
    }
