"""Reports on objects that have no status to write to → conditions of the routes that use them."""

from switchover_operator.cluster.status_forwarding import with_reports_of_referenced
from switchover_operator.compiler import conditions
from switchover_operator.compiler.conditions import Condition
from switchover_operator.compiler.report import ParentReport, Report
from switchover_operator.identity import Identity

ROUTE = Identity("gateway.networking.k8s.io", "HTTPRoute", "ai", "chat")
UPSTREAM = Identity("gloo.solo.io", "Upstream", "ai", "models")
OPTION = Identity("gateway.solo.io", "RouteOption", "ai", "retry")
UPSTREAMS, OPTIONS = ("gloo.solo.io", "Upstream"), ("gateway.solo.io", "RouteOption")
AT_CHAT = {"group": ROUTE.group, "kind": ROUTE.kind, "name": ROUTE.name}

SERVED = Report(ROUTE, parents=tuple(ParentReport({"name": name}, (conditions.accepted(),)) for name in ("one", "two")))


def reported(reports: tuple[Report, ...]) -> list[Condition]:
    """The conditions ReferencedObjects of the route, one for each parent."""
    [route] = [report for report in reports if report.identity == ROUTE]
    return [each for parent in route.parents for each in parent.conditions if each.type == "ReferencedObjects"]


def upstream(*found: Condition, notes: tuple[str, ...] = ()) -> Report:
    return Report(UPSTREAM, conditions=found, notes=notes)


def option(ref: dict[str, str], *found: Condition) -> Report:
    return Report(OPTION, parents=(ParentReport(ref, found),))


def using(*used: Identity) -> Report:
    return Report(ROUTE, parents=SERVED.parents, refers_to=used)


def test_what_is_wrong_with_an_upstream_stands_at_every_parent_of_the_route_that_it_serves() -> None:
    told = upstream(conditions.secret_not_found("Secret ai/key does not exist"))
    relaid = with_reports_of_referenced([using(UPSTREAM), told], {UPSTREAMS})
    words = conditions.referenced_objects(["Upstream ai/models: Secret ai/key does not exist"])
    assert reported(relaid) == [words, words]
    assert relaid[1] is told
    assert [parent.conditions[0] for parent in relaid[0].parents] == [conditions.accepted()] * 2


def test_where_every_kind_has_a_status_nothing_is_relayed() -> None:
    reports = (using(UPSTREAM), upstream(conditions.secret_not_found("missing")))
    assert with_reports_of_referenced(iter(reports), frozenset()) == reports
    assert with_reports_of_referenced(reports, {OPTIONS}) == reports


def test_of_what_is_as_it_should_be_and_of_mere_notes_a_route_has_no_words() -> None:
    reports = (using(UPSTREAM), upstream(conditions.accepted(), notes=("a note",)))
    assert with_reports_of_referenced(reports, {UPSTREAMS}) == reports


def test_a_field_without_effect_is_told_as_well() -> None:
    reports = (using(UPSTREAM), upstream(conditions.fields_without_effect(["spec.useHttp2"])))
    assert "spec.useHttp2" in reported(with_reports_of_referenced(reports, {UPSTREAMS}))[0].message


def test_a_route_that_is_served_by_others_has_no_words() -> None:
    other = Identity(*UPSTREAMS, "ai", "other")
    reports = (using(other), upstream(conditions.invalid(["wrong"])))
    assert with_reports_of_referenced(reports, {UPSTREAMS}) == reports


def test_a_policy_is_told_at_the_route_that_it_is_attached_to() -> None:
    refused = conditions.invalid(["spec.options.retries: wrong"])
    for ref in (AT_CHAT, AT_CHAT | {"namespace": "ai"}):
        relaid = with_reports_of_referenced([using(), option(ref, refused)], {OPTIONS})
        assert reported(relaid)[0].message == "RouteOption ai/retry: spec.options.retries: wrong"


def test_a_policy_of_another_route_or_namespace_is_not_told() -> None:
    refused = conditions.invalid(["wrong"])
    for ref in (AT_CHAT | {"name": "other"}, AT_CHAT | {"namespace": "elsewhere"}, {}):
        reports = (using(), option(ref, refused))
        assert with_reports_of_referenced(reports, {OPTIONS}) == reports


def test_a_policy_that_is_named_by_a_filter_and_attached_is_told_once() -> None:
    relaid = with_reports_of_referenced([using(OPTION), option(AT_CHAT, conditions.invalid(["wrong"]))], {OPTIONS})
    assert reported(relaid)[0].message == "RouteOption ai/retry: wrong"
