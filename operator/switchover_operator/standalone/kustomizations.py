"""A folder with a kustomization → what else it is made of, and the manifests that kustomize makes of it.

Nothing is fetched: a kustomization that names something on another machine is refused before anything runs, and what
runs has no git, no plugins and no way out.
"""

import os
import re
import shutil
import signal
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from switchover_operator.key_shapes import without_keys
from switchover_operator.standalone.text_encoding import decoded
from switchover_operator.standalone.yaml_values import Unreadable, yaml_value

KUSTOMIZATIONS: Final = ("kustomization.yaml", "kustomization.yml", "Kustomization")
"""What kubectl's `-k` reads: a file about manifests, which stand in the same folder and are not read by themselves."""

MAX_BYTES: Final = 32 * 1024 * 1024
"""The longest text that is read as manifests."""
PATIENCE: Final = 30
"""Seconds after which a rendering is given up."""
_MOST_OF_A_REASON: Final = 600
_TAKEN: Final = ("resources", "bases", "components")
_NAMING_FILES: Final = (
    *_TAKEN, "crds", "configurations", "generators", "transformers", "validators", "patchesStrategicMerge",
)  # fmt: skip
_WITH_PATHS: Final = ("patches", "patchesJson6902", "replacements", "configMapGenerator", "secretGenerator", "openapi")
_ELSEWHERE: Final = re.compile(
    r"[A-Za-z][A-Za-z0-9+.-]*::?//|git::|[^/\s]+@[^/\s]+:|(?:www\.)?(?:github|gitlab)\.com[:/]"
)
_KEY: Final = re.compile(r"\A[A-Za-z0-9._-]+=")
"""What may stand in front of a file's name in a generator."""
_REF: Final = re.compile(r"\?(?:ref|version|timeout|submodules)=")


@dataclass(frozen=True, slots=True)
class Kustomization:
    """What a kustomization says: the folders that it takes, by their real paths, and what it has on other machines.

    `elsewhere` is "" where it has nothing there. `is_component` is one that means nothing by itself.
    """

    folders: tuple[str, ...] = ()
    elsewhere: str = ""
    is_component: bool = False


def read_kustomization(file: str) -> Kustomization:
    """Read what a kustomization refers to. Of one that cannot be read kustomize says what is wrong."""
    try:
        value = yaml_value(decoded(Path(file).read_bytes()))
    except (OSError, Unreadable):
        return Kustomization()
    content = value.value if value is not None else None
    if not isinstance(content, dict):
        return Kustomization()
    around = os.path.dirname(file)  # noqa: PTH120 - the names of a walk are texts
    folders = [os.path.realpath(os.path.join(around, each)) for each in _texts(content, _TAKEN)]  # noqa: PTH118
    elsewhere = next((each for each in _names_of_files(content) if _is_elsewhere(each, around)), "")
    return Kustomization(
        tuple(folder for folder in folders if os.path.isdir(folder)),  # noqa: PTH112
        elsewhere,
        content.get("kind") == "Component",
    )


def _is_elsewhere(name: str, around: str) -> bool:
    if _ELSEWHERE.match(name):
        return True
    return bool(_REF.search(name)) and not os.path.exists(os.path.join(around, name))  # noqa: PTH110, PTH118


def _names_of_files(content: Mapping[str, Any]) -> Iterator[str]:
    yield from _texts(content, _NAMING_FILES)
    for key in _WITH_PATHS:
        entries = content.get(key)
        for entry in entries if isinstance(entries, list) else [entries]:
            if isinstance(entry, dict):
                names = (entry.get("path"), entry.get("env"), *_texts(entry, ("files", "envs")))
                yield from (_KEY.sub("", name) for name in names if isinstance(name, str))


def _texts(content: Mapping[str, Any], keys: tuple[str, ...]) -> Iterator[str]:
    for key in keys:
        entries = content.get(key)
        yield from (each for each in (entries if isinstance(entries, list) else ()) if isinstance(each, str))


def kustomization_in(names: list[str]) -> str:
    """Name the kustomization among the files of a folder; "" where there is none."""
    return next((name for name in KUSTOMIZATIONS if name in names), "")


# ── Rendering ───────────────────────────────────────────────────────────────────────────────────────────────────────


def rendered(folder: Path, elsewhere: str) -> bytes:
    """Return the manifests that kustomize makes of a folder.

    Raises:
        ValueError: it cannot be rendered here; the message says why and what to do.
    """
    by_hand = f"render it by hand: kubectl kustomize {folder} | switchover check -f -"
    if elsewhere:
        what = without_keys(elsewhere)
        raise ValueError(f"a kustomization with {what} in it, and nothing is fetched here; {by_hand}")
    command = _command(folder)
    if not command:
        raise ValueError(f"a kustomization, and neither kubectl nor kustomize is on the PATH to render it; {by_hand}")
    try:
        started = subprocess.Popen(  # noqa: S603 - no shell; the folder is an absolute path
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=_NO_WAY_OUT,
            start_new_session=True,
        )
    except OSError as error:
        raise ValueError(f"a kustomization, and {command[0]} does not start: {error.strerror}; {by_hand}") from None
    try:
        output, reason = started.communicate(timeout=PATIENCE)
    except subprocess.TimeoutExpired:
        os.killpg(started.pid, signal.SIGKILL)
        started.communicate()
        raise ValueError(f"a kustomization that took more than {PATIENCE} s to render; {by_hand}") from None
    if started.returncode != 0:
        raise ValueError(f"a kustomization that cannot be rendered: {_reason(reason) or f'exit {started.returncode}'}")
    if len(output) > MAX_BYTES:
        raise ValueError(f"a kustomization that makes more than {MAX_BYTES >> 20} MiB")
    return output


_NO_WAY_OUT: Final = {
    # Without a PATH there is no git and no plugin; a proxy that nobody is keeps the rest from the network.
    "PATH": "",
    "KUBECONFIG": os.devnull,
    "GIT_ALLOW_PROTOCOL": "none",
    **dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"), "http://127.0.0.1:9"),
}


def _command(folder: Path) -> list[str]:
    """Return what renders a folder; nothing where no program can."""
    where = str(folder.absolute())
    for name, verb in (("kubectl", "kustomize"), ("kustomize", "build")):
        program = shutil.which(name)
        if program:
            return [str(Path(program).absolute()), verb, where]
    return []


_LOG_PREFIX: Final = re.compile(r'[EF]\d{4} \d\d:\d\d:\d\d\.\d+\s+\d+ \S+\] "command failed" err=')


def _reason(written: bytes) -> str:
    """Return what the program said, in one line that is not too long and quotes no key."""
    text = _LOG_PREFIX.sub("", written.decode(errors="replace")).strip().strip('"')
    text = " ".join(without_keys(text).split())
    return text if len(text) <= _MOST_OF_A_REASON else f"{text[:_MOST_OF_A_REASON]}..."
