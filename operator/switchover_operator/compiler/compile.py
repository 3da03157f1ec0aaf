"""One snapshot → the table that data planes serve, and a report for every object.

A pure function of data; the order of the objects has no effect. Each step is a module of its own. An invalid object
leaves the compilation at the step that finds the problem, with the reasons; the others go on.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from operator import itemgetter

from switchover_dataplane.table import parts as table_parts
from switchover_dataplane.table.access import Access
from switchover_dataplane.table.policies import Policy
from switchover_dataplane.table.ports import Port
from switchover_dataplane.table.rules import Rule
from switchover_dataplane.table.table import VERSION, Table
from switchover_dataplane.table.upstreams import Upstream
from switchover_operator.compiler.admission import Admitted
from switchover_operator.compiler.api_keys import AuthIndex
from switchover_operator.compiler.build_reports import all_reports
from switchover_operator.compiler.closures import with_closures
from switchover_operator.compiler.delegates import DelegateIndex
from switchover_operator.compiler.delegation import attached_routes
from switchover_operator.compiler.fleet import Fleet
from switchover_operator.compiler.listeners import GatewayListener, ServedGateway, served_gateways
from switchover_operator.compiler.policies import FailoverIndex
from switchover_operator.compiler.precedence import attached_matches, ports
from switchover_operator.compiler.report import Report
from switchover_operator.compiler.resolve import Catalogue, resolve
from switchover_operator.compiler.reuse import Work, above, below, concerned, moved, with_targets
from switchover_operator.compiler.route_options import OptionsIndex
from switchover_operator.compiler.routes import CompiledRoute, CompileInputs, Destinations, compiled_route
from switchover_operator.identity import Identity
from switchover_operator.snapshot import Snapshot


@dataclass(frozen=True, slots=True)
class Compiled:
    """The table, a report for each object of ours, and each object as it is accepted now: `last_good` of the next call.

    `work` is what the next compilation may use again.
    """

    table: Table
    reports: tuple[Report, ...]
    accepted: Mapping[Identity, Admitted]
    work: Work | None = field(default=None, repr=False, compare=False)

    @property
    def parts(self) -> tuple[table_parts.Part, ...]:
        """The parts of the table's text, as they are pushed."""
        return self.work.parts if self.work is not None else ()


def compile_snapshot(
    snapshot: Snapshot, last_good: Mapping[Identity, Admitted], fleet: Fleet, before: Work | None = None
) -> Compiled:
    """Compile all objects of one moment.

    Args:
        snapshot: all objects; the same objects give the same bytes. last_good: `accepted` of the call before; {} in the
        first one. It keeps serving for an object whose content is refused now, but not for an object that was deleted.
        fleet: the data planes that the table is for. before: `work` of the call before, whose `accepted` is
        `last_good`. It saves time and does not change the result.
    """
    catalogue = resolve(snapshot, last_good, before.inputs.catalogue if before else None)
    gateways = with_closures(catalogue, served_gateways(catalogue, fleet))
    changed = moved(before, catalogue) if before else None
    if before is None or changed is None or fleet != before.fleet or gateways != before.gateways:
        return _compiled(snapshot, _inputs(catalogue, fleet, None), gateways, fleet, None, frozenset())
    inputs = _inputs(catalogue, fleet, before.inputs)
    again = above(changed, before.inputs, inputs)
    changed = with_targets(changed, before.inputs, inputs) | below(changed, before.inputs, inputs)
    inputs.destinations.keep(before.inputs.destinations, changed)
    return _compiled(snapshot, inputs, before.gateways, fleet, before, changed, again)


def _inputs(catalogue: Catalogue, fleet: Fleet, before: CompileInputs | None) -> CompileInputs:
    return CompileInputs(
        catalogue,
        OptionsIndex(catalogue, before.options if before else None),
        FailoverIndex(catalogue, before.failover if before else None),
        Destinations(catalogue, fleet),
        AuthIndex(catalogue),
        DelegateIndex(catalogue, before.delegates if before else None),
    )


def _compiled(  # noqa: PLR0917 - what one compilation is of, and what is known of the one before it
    snapshot: Snapshot,
    inputs: CompileInputs,
    gateways: Mapping[Identity, ServedGateway],
    fleet: Fleet,
    before: Work | None,
    changed: frozenset[Identity],
    again: frozenset[Identity] = frozenset(),
) -> Compiled:
    """Compile the routes that were made of what changed, and those that are to be made `again`."""
    catalogue = inputs.catalogue
    reads = (
        {route: read for route, read in before.reads.items() if route not in again and read.isdisjoint(changed)}
        if before
        else {}
    )
    kept = {route: before.routes[route] for route in reads if route in before.routes} if before else {}
    made: dict[Identity, CompiledRoute] = {}
    for route in attached_routes(catalogue, inputs.delegates, gateways, fleet, reads):
        with catalogue.reading() as read:
            identity = route.found.identity
            made[identity] = compiled_route(inputs, route)
        parents = (parent.target for parent in route.parents)
        reads[identity] = frozenset(read.union((identity,), parents, route.above))
    stale = frozenset(before.reads.keys() - kept.keys() if before else ()) | made.keys()
    routes = dict(sorted({**kept, **made}.items(), key=itemgetter(0)))
    matches = attached_matches(made.values(), before.matches if before else {}, stale)
    touched = changed | concerned(before.routes if before else {}, stale) | concerned(routes, stale)
    held = (
        {identity: each for identity, each in before.reports.items() if each.reads and each.reads.isdisjoint(touched)}
        if before
        else {}
    )
    reports = all_reports(snapshot, inputs, gateways, routes, fleet, reads, held)
    listeners = [listener for gateway in gateways.values() for listener in gateway.listeners]
    content = _gathered(ports(listeners, matches, fleet), listeners, routes.values())
    made_table, parts = table_parts.sealed(content, before.parts if before else ())
    return Compiled(
        made_table,
        tuple(each.report for each in reports.values()),
        catalogue.admitted,
        Work(inputs, fleet, gateways, routes, reads, matches, reports, parts),
    )


def _gathered(served: tuple[Port, ...], listeners: Iterable[GatewayListener], routes: Iterable[CompiledRoute]) -> Table:
    """Gather what the ports refer to."""
    rules: dict[str, Rule] = {}
    policies: dict[str, Policy] = {}
    upstreams: dict[str, Upstream] = {}
    secrets: dict[str, str] = {}
    access: dict[str, Access] = {}
    for route in routes:
        rules |= route.rules
        policies |= route.policies
        upstreams |= route.upstreams
        secrets |= route.secrets
        access |= route.access
    for listener in listeners:
        if listener.serves:
            secrets |= listener.secrets
    return Table(VERSION, "", served, rules, policies, upstreams, secrets, access)
