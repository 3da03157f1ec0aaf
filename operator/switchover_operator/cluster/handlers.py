"""kopf's decorators: every object that is read → kopf's index of raw bodies, and a call whenever one changes.

Nothing is decided here. Only `kopf.index` and `kopf.on.event` are used: they leave no finalizer and no annotation on
objects that belong to others.
"""

import logging
import re
from collections.abc import Callable, Iterator
from typing import Any, Final, Protocol

import kopf

from switchover_operator.identity import Body, Identity, identity_of
from switchover_operator.resources import KINDS
from switchover_operator.snapshot import without_status

OBJECTS: Final = "objects"
"""The index: identity → the raw bodies that have it."""

CRDS: Final = ("apiextensions.k8s.io", "v1", "customresourcedefinitions")


class OnEvent(Protocol):
    """Called in kopf's thread for every event of an object.

    `relisted`: a watch restarted, so that a deletion may have been missed. `status_only`: only a status changed.
    """

    def __call__(self, *, relisted: bool, status_only: bool) -> None:
        """Take one event."""


def registry(
    on_event: OnEvent, on_kinds_changed: Callable[[], None], on_indexed: Callable[[], None]
) -> kopf.OperatorRegistry:
    """Make the handlers of one run of kopf.

    Args:
        on_event: called for every event of an object, once all objects that existed before are in the index.
        on_kinds_changed: called when a CustomResourceDefinition came, went or changed.
        on_indexed: called when all objects that exist are in the index; more than once. There is always a Namespace,
            and kopf holds events back until its indices are full.
    """
    made = kopf.OperatorRegistry()

    async def index(body: kopf.Body, **_: Any) -> dict[Identity, Body]:
        return dict(indexed_as(body))

    async def note(type: str | None, body: kopf.Body, memo: kopf.Memo, **_: Any) -> None:
        # kopf keeps a memo for each object for as long as that exists.
        known, memo.without_status = memo.get("without_status"), without_status(next(indexed_as(body))[1])
        on_event(relisted=type is None, status_only=type == "MODIFIED" and memo.without_status == known)

    async def note_kinds(**_: Any) -> None:
        on_kinds_changed()

    async def note_indexed(**_: Any) -> None:
        on_indexed()

    for model in KINDS.values():
        resource = (model.GROUP, model.VERSIONS[0], model.PLURAL)
        kopf.index(*resource, id=OBJECTS, registry=made)(index)
        kopf.on.event(*resource, id="note", registry=made)(note)
    kopf.on.event(*CRDS, id="kinds", registry=made)(note_kinds)
    kopf.on.event("", "v1", "namespaces", id="indexed", registry=made)(note_indexed)
    kopf.on.login(registry=made)(log_in)
    return made


def indexed_as(body: kopf.Body) -> Iterator[tuple[Identity, Body]]:
    """Yield a body as the index holds it: without `managedFields`, which are large and not read here."""
    kept = dict(body)
    kept["metadata"] = {key: value for key, value in body["metadata"].items() if key != "managedFields"}
    yield identity_of(kept), kept


def log_in(**given: Any) -> Any:
    """Find the API server and credentials: the pod's own, else those of the kubeconfig."""
    return kopf.login_with_service_account(**given) or kopf.login_with_kubeconfig(**given) or _by_client(**given)


def _by_client(**given: Any) -> Any:
    """Use the kubernetes library for logins that kopf lacks, such as exec plugins of cloud providers."""
    return kopf.login_via_client(**given)


def settings() -> kopf.OperatorSettings:
    """Make kopf's settings: it writes nothing, does not wait at its end, and retries the API server for ever."""
    made = kopf.OperatorSettings()
    made.posting.enabled = False
    # Otherwise kopf kills the whole process if one of its runs is slow to end.
    made.process.ultimate_exiting_timeout = None
    # Otherwise kopf starts and ends watches when kinds are added or removed, and a watch that ends before its list has
    # arrived leaves every handler waiting for ever. Resync notices kinds, and the next run of kopf has the new ones.
    made.scanning.disabled = True
    made.watching.server_timeout = 290
    made.watching.connect_timeout = 10.0
    made.watching.reconnect_backoff = 0.1
    made.networking.request_timeout = 60.0
    made.networking.connect_timeout = 10.0
    made.networking.error_backoffs = Backoffs()
    made.watching.field_selectors["", "v1", "secrets"] = SECRETS
    return made


SECRETS: Final = ",".join(
    f"type!={each}"
    for each in (
        "bootstrap.kubernetes.io/token",
        "helm.sh/release.v1",
        "kubernetes.io/dockercfg",
        "kubernetes.io/dockerconfigjson",
        "kubernetes.io/service-account-token",
        "kubernetes.io/ssh-auth",
    )
)
"""Field selector of the Secrets that are read: it leaves out the types that hold neither API keys nor certificates.

A field selector cannot list the types that are needed, as all of its parts must hold (Kubernetes, "Field Selectors").
These are Opaque, kubernetes.io/tls, gloo.solo.io/header and other types of Gloo's.
"""


class Backoffs:
    """Seconds between two tries of a request to the API server, without end."""

    def __iter__(self) -> Iterator[float]:
        """Yield the waits."""
        yield from (0.2, 0.5, 1.0)
        while True:
            yield 2.0


class _Persistent(logging.Filter):
    """Passes kopf's records of a failed request only after several tries: the first few failures are normal."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Tell whether a record is logged."""
        attempt = _ATTEMPT.match(record.getMessage())
        return attempt is None or int(attempt[1]) > _QUIET_ATTEMPTS


_ATTEMPT: Final = re.compile(r"Request attempt #(\d+) failed; will retry")
_QUIET_ATTEMPTS: Final = 5
"""Tries of one request that are not logged; they take about four seconds."""


def quiet() -> None:
    """Limit kopf's log lines to those that an operator of this product can act on."""
    logging.getLogger("kopf").setLevel(logging.WARNING)
    # Its line on signals is for operators that own their process; Resync reports the kinds that are missing.
    for module in ("running", "observation"):
        logging.getLogger(f"kopf._core.reactor.{module}").setLevel(logging.ERROR)
    for module in ("clients.api", "clients.watching"):
        logging.getLogger(f"kopf._cogs.{module}").addFilter(_Persistent())
