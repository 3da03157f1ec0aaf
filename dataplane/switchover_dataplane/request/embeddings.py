"""An upstream and a request for embeddings → the targets whose vectors may stand beside each other.

Vectors of two models cannot be compared, though they may be equally long. An answer of another model than the one that
filled the caller's index is worse than none, and nothing in it would tell.
"""

from collections.abc import Mapping

from msgspec.structs import replace

from switchover_dataplane.table.upstreams import Upstream
from switchover_dataplane.upstream.targets import Route


def of_one_model(upstream: Upstream, routes: Mapping[str, Route], model: str) -> Upstream:
    """Keep the targets that answer with one model, each in its priority; at least one stays where there was any.

    `model` is the request's, which is sent to each target: those stay that name the same model, or none. Where there
    are none of these, nothing is known but the first target, and those stay that name the same model as it does. An
    Azure OpenAI target names its deployment.
    """
    names = {target.id: routes[target.id].label for pool in upstream.priorities for target in pool}
    fitting = {name for name in names.values() if name in ("", model)} or set(list(names.values())[:1])
    if fitting.issuperset(names.values()):
        return upstream
    return replace(
        upstream,
        priorities=tuple(
            tuple(target for target in pool if names[target.id] in fitting) for pool in upstream.priorities
        ),
    )
