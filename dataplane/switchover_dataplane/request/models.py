"""A route and a request that looks models up → the models that it may ask for here; no provider is asked.

A provider would list what the gateway's key opens, and not what the route serves. Where rules choose by the name of the
model (`match.MODEL_NAME`), these names are the models. Else they are those that the rule's targets name: whatever a
client asks for, they answer.
"""

from collections.abc import Iterator

from switchover_dataplane.formats import model_list
from switchover_dataplane.formats.api import Api
from switchover_dataplane.formats.model_list import ListedModel
from switchover_dataplane.formats.operations import LOOKING, asked_model
from switchover_dataplane.formats.own_answers import OwnAnswer
from switchover_dataplane.routing import callers, match
from switchover_dataplane.routing.headers import Fields
from switchover_dataplane.routing.match import MatchedRule
from switchover_dataplane.served_table import Serving
from switchover_dataplane.table.disabled import in_use
from switchover_dataplane.table.rules import Backend, Rule
from switchover_dataplane.translation.models import model_of
from switchover_dataplane.upstream.targets import Route


def answer(serving: Serving, found: MatchedRule, head: match.Head, path: str, query: str) -> OwnAnswer | None:
    """Answer a request that looks models up at a rule; None where it asks for something else.

    `head` is the one that the rule was found for, `path` and `query` are those after its rewrites.
    """
    asked = asked_model(path) if head.method in LOOKING else None
    if asked is None:
        return None
    listed = list(_by_name(serving, found, head)) or list(_of_rule(serving, found.rule, ""))
    models: dict[str, ListedModel] = {}
    for model in listed:
        models.setdefault(model.name, model)
    return model_list.answer(path, query, head.headers, asked, tuple(models.values()))


def rule_by_model(serving: Serving, port: int, head: match.Head) -> MatchedRule | None:
    """Return a rule for a request that looks models up where rules for models by their names alone serve its path.

    It is the first one that lets the caller in, or else the first; None where the request looks up no models, or where
    no rule is for models.
    """
    if head.method not in LOOKING or "/models" not in head.path:
        return None
    rules = [found for found, _ in match.by_model(serving.router, port, head) if _is_for_models(serving, found.rule)]
    return next((found for found in rules if admits(serving, found, head.headers)), rules[0] if rules else None)


def _by_name(serving: Serving, found: MatchedRule, head: match.Head) -> Iterator[ListedModel]:
    """Yield the names by which rules choose, for each that the caller may use."""
    if not serving.router.asks_for_model:
        return
    for other, names in match.by_model(serving.router, found.port, head):
        if other.rule.access == found.rule.access or admits(serving, other, head.headers):
            for name in names:
                first = next(_of_rule(serving, other.rule, name), None)
                yield ListedModel(name, "gateway") if first is None else first._replace(name=name)


def _of_rule(serving: Serving, rule: Rule, name: str) -> Iterator[ListedModel]:
    """Yield the models of the targets of a rule in the order in which they are tried.

    A target without a model has the one of the request: `name`, or none where that is not known.
    """
    for backend in filter(_is_used, rule.backends):
        upstream = in_use(serving.table.upstreams[backend.upstream], serving.table.policies[backend.policy])
        for target in (target for pool in upstream.priorities for target in pool):
            route = serving.routes[target.id]
            if route.label or name:
                yield _listed(route, route.label or name)


def _listed(route: Route, name: str) -> ListedModel:
    known = model_of(name)
    return ListedModel(name, route.wire.name, known.context, known.max_output, route.speaks is Api.GENERATE)


def _is_used(backend: Backend) -> bool:
    return bool(backend.weight) and not backend.problem


def _is_for_models(serving: Serving, rule: Rule) -> bool:
    return bool(rule.backends) and all(
        bool(backend.problem) or serving.table.upstreams[backend.upstream].ai for backend in rule.backends
    )


def admits(serving: Serving, found: MatchedRule, fields: Fields) -> bool:
    """Tell whether a rule lets somebody in who sends these fields."""
    if found.listener.closed:
        return False
    access = found.rule.access
    return not access or isinstance(callers.admit(serving.access[access], fields), callers.Admission)
