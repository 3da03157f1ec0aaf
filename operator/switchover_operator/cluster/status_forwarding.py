"""Reports on objects whose kind has no status subresource → conditions of the routes that use them.

Gloo's own CustomResourceDefinitions have no status subresource. Where they are installed, the findings about an
Upstream or a RouteOption go to the HTTPRoute, and to an Event.
"""

from collections.abc import Iterable, Iterator, Mapping, Set
from dataclasses import replace

from switchover_operator.compiler import conditions
from switchover_operator.compiler.conditions import Condition
from switchover_operator.compiler.report import ParentReport, Report
from switchover_operator.findings import Finding, Weight, findings
from switchover_operator.identity import Identity
from switchover_operator.resources.gateway_api import HTTPRoute

Kind = tuple[str, str]
"""Group and kind."""


def with_reports_of_referenced(reports: Iterable[Report], without_status_subresource: Set[Kind]) -> tuple[Report, ...]:
    """Add to each route the findings of the objects that it uses and whose kind has no status subresource."""
    reports = tuple(reports)
    if not without_status_subresource:
        return reports
    by_identity = {report.identity: report for report in reports if _kind(report) in without_status_subresource}
    policies = _policies_by_target(by_identity)
    return tuple(
        _with_findings(report, [*report.refers_to, *policies.get(report.identity, ())], by_identity)
        if report.identity.kind == HTTPRoute.KIND
        else report
        for report in reports
    )


def _with_findings(route: Report, used: Iterable[Identity], reports: Mapping[Identity, Report]) -> Report:
    texts = [
        str(finding) for identity in used if identity in reports for finding in _forwarded_findings(reports[identity])
    ]
    if not texts:
        return route
    condition: Condition = conditions.referenced_objects(texts)
    parents = tuple(ParentReport(parent.ref, (*parent.conditions, condition)) for parent in route.parents)
    return replace(route, parents=parents)


def _forwarded_findings(report: Report) -> list[Finding]:
    return findings(report, lambda *_: "", Weight.RISK, joined=True)


def _policies_by_target(reports: Mapping[Identity, Report]) -> dict[Identity, list[Identity]]:
    """Route → the policies among the reports that are attached to it."""
    attached: dict[Identity, list[Identity]] = {}
    for identity, target in _targets(reports.values()):
        attached.setdefault(target, []).append(identity)
    return attached


def _targets(reports: Iterable[Report]) -> Iterator[tuple[Identity, Identity]]:
    for report in reports:
        for parent in report.parents:
            ref = parent.ref
            namespace = ref.get("namespace") or report.identity.namespace
            yield report.identity, Identity(ref.get("group", ""), ref.get("kind", ""), namespace, ref.get("name", ""))


def _kind(report: Report) -> Kind:
    return report.identity.group, report.identity.kind
