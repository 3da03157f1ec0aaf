"""What the benchmarks build or install once: C programs and other proxies, in the user's cache folder."""

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

NATIVE = Path(__file__).parent / "native"


class Missing(Exception):
    """Something that a benchmark needs is not on this machine; the message says what, and how to get it."""


def folder() -> Path:
    """The benchmarks' part of the cache folder; made if it is not there."""
    home = os.environ.get("SWITCHOVER_CACHE") or os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    path = Path(home) / "switchover" / "bench"
    path.mkdir(parents=True, exist_ok=True)
    return path


def program(name: str, package: str) -> str:
    """The path of an installed program.

    Raises:
        Missing: it is not installed; `package` is the Debian package to name.
    """
    found = shutil.which(name)
    if found is None:
        raise Missing(f"{name} is not installed (Debian: apt-get install {package})")
    return found


def compiled(name: str) -> str:
    """The program of `native/NAME.c`, compiled unless the cache has one of the same source.

    Raises:
        Missing: there is no C compiler.
    """
    source = NATIVE / f"{name}.c"
    digest = hashlib.sha256(source.read_bytes()).hexdigest()[:16]
    path = folder() / f"{name}-{digest}"
    if not path.exists():
        part = path.with_suffix(f".{os.getpid()}")
        subprocess.run([program("cc", "gcc"), "-O2", "-o", str(part), str(source)], check=True)
        part.replace(path)
    return str(path)


def installed(name: str, *requirements: str) -> Path:
    """The virtual environment NAME of the cache with these packages in it, installed at the first call.

    Raises:
        Missing: the packages cannot be installed.
    """
    path = folder() / name
    stamp = path / ".requirements"
    wanted = "\n".join(requirements)
    if stamp.exists() and stamp.read_text() == wanted:
        return path
    subprocess.run([sys.executable, "-m", "venv", "--clear", str(path)], check=True)
    command = [str(path / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    outcome = subprocess.run([*command, *requirements], capture_output=True, text=True, check=False)
    if outcome.returncode:
        last = outcome.stderr.strip().splitlines()[-1:] or ["pip failed"]
        raise Missing(f"{', '.join(requirements)} cannot be installed: {last[0]}")
    stamp.write_text(wanted)
    return path


def version_of(name: str, package: str, *requirements: str) -> str:
    """The version of a package in the virtual environment NAME, which is installed if it is not there.

    Raises:
        Missing: the packages cannot be installed.
    """
    interpreter = installed(name, *requirements) / "bin" / "python"
    code = f"import importlib.metadata; print(importlib.metadata.version({package!r}))"
    return subprocess.run([interpreter, "-c", code], capture_output=True, text=True, check=True).stdout.strip()
