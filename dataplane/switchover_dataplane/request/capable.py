"""An upstream and a request → the targets that can be asked for it, and why the others are passed by.

A target of another API may have no place for something that the request asks for. If that may change the answer, the
target is passed by, unless the policy allows the loss (FailoverPolicy `onLoss`). What every target lacks is an error
before anything is sent.
"""

from collections.abc import Mapping
from typing import NamedTuple

from msgspec.structs import replace

from switchover_dataplane.formats import error_form, own_errors
from switchover_dataplane.request.call import Call, TargetHead
from switchover_dataplane.request.unserved import Unserved
from switchover_dataplane.table.policies import Policy
from switchover_dataplane.table.upstreams import Target, Upstream
from switchover_dataplane.translation.losses import Loss
from switchover_dataplane.upstream.targets import Route

_MOST_NAMED = 8
"""Losses that are named of one target."""


class Capable(NamedTuple):
    """The targets that can be asked. `passed_by` says of each other one why not, in words for the log."""

    upstream: Upstream
    passed_by: tuple[str, ...]


def capable(upstream: Upstream, call: Call, routes: Mapping[str, Route], policy: Policy) -> Capable:
    """Keep the targets that can be asked for a request, each in its priority.

    Raises:
        Unserved: there is none.
    """
    passed_by: list[str] = []
    losses: list[Loss] = []
    unable: list[str] = []

    def may_be_asked(target: Target) -> bool:
        head = call.to(routes[target.id])
        if head.unable:
            unable.append(head.unable)
            passed_by.append(f"{head.route.name} {head.unable}")
            return False
        lost = _grave(call, head, policy)
        if not lost:
            return True
        losses.extend(lost)
        passed_by.append(f"{head.route.name} cannot carry {_named(lost)}")
        return False

    priorities = tuple([tuple([target for target in pool if may_be_asked(target)]) for pool in upstream.priorities])
    if not passed_by:
        return Capable(upstream, ())
    if not any(priorities):
        raise _nobody(call, losses, unable)
    return Capable(replace(upstream, priorities=priorities), tuple(passed_by))


def _grave(call: Call, head: TargetHead, policy: Policy) -> tuple[Loss, ...]:
    """Return the losses for which a target is passed by."""
    if head.translation is None:
        return ()
    written = call.written(head, head.translation)
    if not written.grave:
        return ()
    if head.untranslated is not None:
        call.untranslated = {**(call.untranslated or {}), head.route.target.id: head.untranslated}
        return ()
    return written.grave if policy.on_loss == "PassBy" or not written.content else ()


def _named(losses: tuple[Loss, ...]) -> str:
    """Name the fields that are lost, each with its reason."""
    named = [f"{loss.path} ({loss.why})" for loss in losses[:_MOST_NAMED]]
    return ", ".join([*named, f"{len(losses) - _MOST_NAMED} more"] if len(losses) > _MOST_NAMED else named)


def _nobody(call: Call, losses: list[Loss], unable: list[str]) -> Unserved:
    """Answer a request that no target can be asked for."""
    path = call.head.path
    if not losses:
        text = f"no model of this route serves this: {'; '.join(dict.fromkeys(unable))}"
        return Unserved(error_form.error(path, own_errors.NOT_SERVED, text))
    named = "; ".join(dict.fromkeys([str(loss) for loss in losses[:_MOST_NAMED]]))
    text = f"no model of this route can be asked for this without a loss: {named}"
    return Unserved(error_form.error(path, own_errors.NOT_CARRIED, text))
