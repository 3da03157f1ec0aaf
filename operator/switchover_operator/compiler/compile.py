"""One snapshot → the table that data planes serve, and a report for every object.

A pure function of data; the order of the objects has no effect. Each step is a module of its own. An invalid object
leaves the compilation at the step that finds the problem, with the reasons; the others go on.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from switchover_dataplane import table
from switchover_operator.compiler.admission import Admitted
from switchover_operator.compiler.api_keys import AuthIndex
from switchover_operator.compiler.attachment import attached_routes
from switchover_operator.compiler.build_reports import all_reports
from switchover_operator.compiler.closures import with_closures
from switchover_operator.compiler.fleet import Fleet
from switchover_operator.compiler.listeners import GatewayListener, served_gateways
from switchover_operator.compiler.policies import FailoverIndex
from switchover_operator.compiler.precedence import ports
from switchover_operator.compiler.report import Report
from switchover_operator.compiler.resolve import resolve
from switchover_operator.compiler.route_options import OptionsIndex
from switchover_operator.compiler.routes import CompiledRoute, CompileInputs, Destinations, compiled_route
from switchover_operator.identity import Identity
from switchover_operator.snapshot import Snapshot


@dataclass(frozen=True, slots=True)
class Compiled:
    """The table, a report for each object of ours, and each object as it is accepted now: `last_good` of the next
    call."""

    table: table.Table
    reports: tuple[Report, ...]
    accepted: Mapping[Identity, Admitted]


def compile_snapshot(snapshot: Snapshot, last_good: Mapping[Identity, Admitted], fleet: Fleet) -> Compiled:
    """Compile all objects of one moment.

    Args:
        snapshot: all objects; the same objects give the same bytes.
        last_good: `accepted` of the call before; {} in the first one. It keeps serving for an object whose content is
            refused now, but not for an object that was deleted.
        fleet: the data planes that the table is for.
    """
    catalogue = resolve(snapshot, last_good)
    gateways = with_closures(catalogue, served_gateways(catalogue, fleet))
    attached = attached_routes(catalogue, gateways, fleet)
    inputs = CompileInputs(
        catalogue,
        OptionsIndex(catalogue),
        FailoverIndex(catalogue),
        Destinations(catalogue, fleet),
        AuthIndex(catalogue),
    )
    routes = tuple(compiled_route(inputs, route) for route in attached)
    listeners = [listener for gateway in gateways.values() for listener in gateway.listeners]
    return Compiled(
        _sealed(ports(listeners, routes, fleet), listeners, routes),
        all_reports(snapshot, inputs, gateways, routes, fleet),
        catalogue.admitted,
    )


def _sealed(
    served: tuple[table.Port, ...], listeners: Iterable[GatewayListener], routes: Iterable[CompiledRoute]
) -> table.Table:
    """Collect what the ports refer to, and make the table with its revision."""
    rules: dict[str, table.Rule] = {}
    policies: dict[str, table.Policy] = {}
    upstreams: dict[str, table.Upstream] = {}
    secrets: dict[str, str] = {}
    access: dict[str, table.Access] = {}
    for route in routes:
        rules |= route.rules
        policies |= route.policies
        upstreams |= route.upstreams
        secrets |= route.secrets
        access |= route.access
    for listener in listeners:
        if listener.serves:
            secrets |= listener.secrets
    return table.sealed(served, rules, policies, upstreams, secrets, access)
