"""The names that Kubernetes allows: of objects, labels, ports and keys (Kubernetes' "Object Names and IDs", "Labels").

`metadata` is checked here for every kind, as the API server does it for all kinds alike.
"""

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Any, Final

from switchover_operator.resources.problem import Problem, shown

_LABEL_TEXT: Final = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_SUBDOMAIN: Final = re.compile(rf"{_LABEL_TEXT}(\.{_LABEL_TEXT})*")
_LABEL: Final = re.compile(_LABEL_TEXT)
_QUALIFIED: Final = re.compile(r"([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]")
_LABEL_VALUE: Final = re.compile(r"(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?")
HOSTNAME: Final = re.compile(rf"(\*\.)?{_LABEL_TEXT}(\.{_LABEL_TEXT})*")
LABEL_LENGTH: Final = 63
SUBDOMAIN_LENGTH: Final = 253
_ANNOTATIONS_BYTES: Final = 256 * 1024
_FINALIZERS: Final = frozenset({"foregroundDeletion", "kubernetes", "orphan"})
_LABEL_KINDS: Final = frozenset({"Namespace", "Service"})
"""Kinds whose name is a part of a DNS name."""
_CORE_KINDS: Final = frozenset({"EndpointSlice", "Namespace", "Secret", "Service"})
"""Kinds of Kubernetes itself, whose finalizers must have a domain."""


def subdomain_problem(name: str) -> str:
    """Say why a text is no DNS subdomain (RFC 1123); "" if it is one."""
    return _problem(name, SUBDOMAIN_LENGTH, _SUBDOMAIN, "lower-case letters, digits, - and .")


@lru_cache(maxsize=1024)  # most objects share few namespaces
def label_problem(name: str) -> str:
    """Say why a text is no DNS label (RFC 1123); "" if it is one."""
    return _problem(name, LABEL_LENGTH, _LABEL, "lower-case letters, digits and -")


def qualified_name_problem(key: str) -> str:
    """Say why a text is no key of a label or an annotation; "" if it is one."""
    prefix, slash, name = key.rpartition("/")
    if slash and (problem := subdomain_problem(prefix)):
        return f"is not a valid key: what stands before / {problem}"
    problem = _problem(name, LABEL_LENGTH, _QUALIFIED, "letters, digits, -, _ and .")
    return f"is not a valid key: a name {problem}" if problem else ""


def label_value_problem(value: str) -> str:
    """Say why a text is no value of a label; "" if it is one."""
    return _problem(value, LABEL_LENGTH, _LABEL_VALUE, "letters, digits, -, _ and .")


def _problem(text: str, most: int, pattern: re.Pattern[str], allowed: str) -> str:
    if len(text) > most:
        return f"must have at most {most} characters"
    if not pattern.fullmatch(text):
        return f"must hold only {allowed}, and begin and end with a letter or digit"
    return ""


def ip(text: str) -> IPv4Address | IPv6Address | None:
    """Read an IP address as Kubernetes does: without a zone; None if it is none."""
    try:
        return None if "%" in text else ip_address(text)
    except ValueError:
        return None


def finalizer_problem(name: str) -> str:
    """Say why a text is no name of a finalizer of a core kind; "" if it is one."""
    if "/" not in name and name not in _FINALIZERS:
        return f"must have a domain, as example.com/clean-up, or be one of {', '.join(sorted(_FINALIZERS))}"
    return qualified_name_problem(name)


def metadata_problems(kind: str, metadata: Mapping[str, Any]) -> Iterator[Problem]:
    """Check the names, the labels, the annotations, the finalizers and the owners of an object of this kind."""
    name, namespace, prefix = (metadata.get(field) for field in ("name", "namespace", "generateName"))
    right = label_problem if kind in _LABEL_KINDS else subdomain_problem
    if isinstance(name, str) and (problem := right(name)):
        yield Problem("metadata.name", shown(name), problem)
    if isinstance(prefix, str) and prefix and (problem := right(_as_name(prefix))):
        yield Problem("metadata.generateName", shown(prefix), problem)
    if isinstance(namespace, str) and namespace and (problem := label_problem(namespace)):
        yield Problem("metadata.namespace", shown(namespace), problem)
    labels, annotations = metadata.get("labels"), metadata.get("annotations")
    for key, value in labels.items() if isinstance(labels, dict) else ():
        if problem := qualified_name_problem(key):
            yield Problem(f"metadata.labels[{key[:80]}]", "", problem)
        if isinstance(value, str) and (problem := label_value_problem(value)):
            yield Problem(f"metadata.labels[{key[:80]}]", shown(value), problem)
    for key in annotations if isinstance(annotations, dict) else ():
        # The prefix of an annotation's key may have capitals.
        if problem := qualified_name_problem(key.lower()):
            yield Problem(f"metadata.annotations[{key[:80]}]", "", problem)
    if isinstance(annotations, dict):
        size = sum(len(str(key).encode()) + len(str(value).encode()) for key, value in annotations.items())
        if size > _ANNOTATIONS_BYTES:
            yield Problem(
                "metadata.annotations", f"{size} bytes", f"must have at most {_ANNOTATIONS_BYTES} bytes in all"
            )
    of_finalizer = finalizer_problem if kind in _CORE_KINDS else qualified_name_problem
    for index, name in enumerate(_entries(metadata, "finalizers")):
        if isinstance(name, str) and (problem := of_finalizer(name)):
            yield Problem(f"metadata.finalizers[{index}]", shown(name), problem)
    yield from _owners(_entries(metadata, "ownerReferences"))


def _as_name(prefix: str) -> str:
    """Make the name that the API server checks in place of a prefix: one - at its end is no fault."""
    return f"{prefix[:-2]}a" if len(prefix) > 1 and prefix.endswith("-") else prefix


def _owners(owners: list[Any]) -> Iterator[Problem]:
    ruling = 0
    for index, owner in enumerate(owners):
        for field in ("apiVersion", "kind", "name", "uid") if isinstance(owner, dict) else ():
            if owner.get(field) == "":
                yield Problem(f"metadata.ownerReferences[{index}].{field}", "", "must not be empty")
        ruling += isinstance(owner, dict) and owner.get("controller") is True
    if ruling > 1:
        yield Problem("metadata.ownerReferences", "", "may have one entry with controller: true; it has several")


def _entries(metadata: Mapping[str, Any], name: str) -> list[Any]:
    entries = metadata.get(name)
    return entries if isinstance(entries, list) else []
