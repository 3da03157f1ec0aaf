"""The data-plane process: flags and environment → sockets, until a signal ends it gracefully."""

import asyncio
import itertools
import logging
import os
import resource
import signal
from dataclasses import dataclass
from pathlib import Path
from types import FunctionType
from typing import Final

import click
import uvloop

from switchover_dataplane.attempts.runtime import UpstreamRuntime
from switchover_dataplane.control.admin import Admin
from switchover_dataplane.control.push import Channel, Push
from switchover_dataplane.edge.listeners import Listeners
from switchover_dataplane.edge.server import Limits
from switchover_dataplane.failover.retry_budget import Budget
from switchover_dataplane.health.health import Health
from switchover_dataplane.process import address, core_dumps, garbage, heap, parent
from switchover_dataplane.proxy import Proxy, Settings
from switchover_dataplane.served_table import State
from switchover_dataplane.target_addresses import Network, TargetAddresses, network
from switchover_dataplane.telemetry import logs
from switchover_dataplane.telemetry.metrics import Metrics
from switchover_dataplane.telemetry.refusals import Refusals
from switchover_dataplane.upstream.transport import ConnectTo, Transport

log = logging.getLogger("switchover.dataplane")

_MOST_CONNECTIONS: Final = 10_000
_OTHER_FILES: Final = 256


@dataclass(frozen=True, slots=True)
class Flags:
    """What the process was started with."""

    bind: str
    admin: str
    admin_open: bool
    ready_with_port: bool
    channel: Channel
    table_file: Path | None
    connect_to: tuple[ConnectTo, ...]
    targets: TargetAddresses
    limits: Limits
    settings: Settings
    share_ports: bool
    grace: float
    drain_delay: float
    die_with_parent: bool


async def serve(flags: Flags) -> None:
    """Serve until SIGTERM or SIGINT; then drain."""
    garbage.start()
    heap.return_large_blocks()
    metrics, health = Metrics(), Health()
    quiet_moments = garbage.QuietMoments(lambda: metrics.in_flight == 0)
    state = State(health, metrics, flags.table_file, flags.targets)
    runtime = UpstreamRuntime(Transport(connect_to=flags.connect_to, targets=flags.targets), health, Budget())
    refusals = Refusals()
    proxy = Proxy(state, runtime, metrics, flags.settings, refusals)
    listeners = Listeners(
        proxy.handle, refusals.tell, flags.bind, flags.limits, share_ports=flags.share_ports, grace=flags.grace
    )
    push = Push(state, listeners)
    stop = _stop_on_signals()
    if flags.die_with_parent:
        parent.watch(stop.set)
    await state.restore(listeners)
    admin = Admin(state, runtime, metrics, is_open=flags.admin_open, needs_port=flags.ready_with_port)
    await admin.open(flags.admin)
    await push.open(flags.channel)
    fields = {"compiled": not isinstance(Proxy.handle, FunctionType)}
    where = (flags.channel.address, flags.admin)
    # A parent says itself what is served, and first.
    level = logging.DEBUG if flags.die_with_parent else logging.INFO
    log.log(level, "the data plane takes tables at %s, its admin port is %s", *where, extra={"fields": fields})
    await stop.wait()
    if not flags.die_with_parent:
        # Otherwise the parent has said so for all of its workers.
        wait = (flags.drain_delay, flags.grace)
        log.info("stopping: it serves on for %g s, then what is in flight has %g s to end", *wait)
    state.draining = True
    listeners.wind_down()
    await asyncio.sleep(flags.drain_delay)
    await push.close()
    await listeners.drain(flags.grace)
    refusals.close()
    await runtime.transport.close()
    await admin.close()
    quiet_moments.end()
    log.info("stopped")


def _stop_on_signals() -> asyncio.Event:
    """Set the event at the first signal; the second ends the process at once."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    signals = itertools.count()

    def on_signal() -> None:
        if next(signals):
            logging.shutdown()
            os._exit(1)
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, on_signal)
    return stop


def _open_files() -> int:
    """Let the process open as many files as the system lets it; return how many that is."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        except (OSError, ValueError):
            return soft
    return hard if hard != resource.RLIM_INFINITY else 1 << 30


def _connections(asked: int | None) -> int:
    """Decide how many clients are taken: each may need a second file for the connection to its target."""
    possible = max(1, (_open_files() - _OTHER_FILES) // 2)
    if asked is None:
        return min(_MOST_CONNECTIONS, possible)
    if asked > possible:
        log.warning("--max-connections %d is more than the limit of open files allows, about %d", asked, possible)
    return asked


def _is_address(_context: click.Context, _option: click.Parameter, value: str) -> str:
    try:
        if not value.startswith("unix:"):
            address.parse(value)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None
    return value


def _redirections(_context: click.Context, _option: click.Parameter, values: tuple[str, ...]) -> tuple[ConnectTo, ...]:
    try:
        return tuple(map(ConnectTo.parse, values))
    except ValueError as error:
        raise click.BadParameter(str(error)) from None


def _networks(_context: click.Context, _option: click.Parameter, values: tuple[str, ...]) -> tuple[Network, ...]:
    try:
        return tuple(map(network, values))
    except ValueError as error:
        raise click.BadParameter(str(error)) from None


def _targets(allowed: tuple[Network, ...], own_ports: tuple[int, ...], *own: str) -> TargetAddresses:
    """Which addresses targets may have; `own` are where this process itself listens, beside its listeners."""
    listening = frozenset(address.parse(where)[1] for where in own if not where.startswith("unix:"))
    return TargetAddresses(allowed, listening.union(own_ports), os.environ.get("KUBERNETES_SERVICE_HOST", ""))


_SECONDS: Final = click.FloatRange(min=0)


@click.command(context_settings={"auto_envvar_prefix": "SWITCHOVER"})
@click.option("--bind", default="127.0.0.1", show_default=True, help="Address that listeners are served at.")
@click.option(
    "--admin", default="127.0.0.1:9180", show_default=True, callback=_is_address, help="HOST:PORT of the admin port."
)
@click.option("--admin-open", is_flag=True, help="Show the table and the targets' health to other machines, too.")
@click.option("--ready-with-port", is_flag=True, help="Be ready only while a table with a port is served.")
@click.option(
    "--push", required=True, callback=_is_address, help="Where tables come in: unix:PATH, or HOST:PORT with mutual TLS."
)
@click.option("--push-cert", type=click.Path(path_type=Path), help="This process's certificate for --push HOST:PORT.")
@click.option("--push-key", type=click.Path(path_type=Path), help="Its key.")
@click.option("--push-ca", type=click.Path(path_type=Path), help="The CA that signed the pusher's certificate.")
@click.option("--table-file", type=click.Path(path_type=Path), help="Where the last good table is kept.")
@click.option(
    "--connect-to",
    multiple=True,
    callback=_redirections,
    help="HOST:PORT:HOST:PORT, as curl's --connect-to; repeatable.",
)
@click.option(
    "--allow-targets",
    multiple=True,
    callback=_networks,
    help="A CIDR that targets may be in, though it is loopback, link-local or the like; repeatable.",
)
@click.option(
    "--own-port",
    "own_ports",
    multiple=True,
    type=click.IntRange(1, 65535),
    help="A port of this machine that no target may be at, as the admin port; repeatable.",
)
@click.option("--log-format", type=click.Choice(["json", "text"]), default="json", show_default=True)
@click.option("--log-all", is_flag=True, help="Write a line for each request, for plain successes too.")
@click.option(
    "--grace", type=_SECONDS, default=30.0, show_default=True, help="Seconds that streams may take to end at a stop."
)
@click.option(
    "--drain-delay", type=_SECONDS, default=0.0, show_default=True, help="Seconds between not ready and not accepting."
)
@click.option(
    "--max-connections",
    type=click.IntRange(min=1),
    help="Client connections at a time; 10000, or fewer where fewer files can be open.",
)
@click.option(
    "--head-timeout", type=_SECONDS, default=10.0, show_default=True, help="Seconds for a request's head to come."
)
@click.option(
    "--body-timeout", type=_SECONDS, default=30.0, show_default=True, help="Seconds that a request's body may stall."
)
@click.option(
    "--send-timeout",
    type=_SECONDS,
    default=120.0,
    show_default=True,
    help="Seconds that an answer may wait for its client.",
)
@click.option(
    "--keep-alive",
    type=_SECONDS,
    default=75.0,
    show_default=True,
    help="Seconds that a client's idle connection stays.",
)
@click.option(
    "--replay-memory",
    type=click.IntRange(min=0),
    default=1 << 30,
    show_default=True,
    help="Bytes of request bodies held for replay.",
)
@click.option("--share-ports", is_flag=True, help="Let other workers serve the same ports (SO_REUSEPORT).")
@click.option("--die-with-parent", is_flag=True, help="End when the process that started this one ends.")
def main(  # noqa: PLR0917 - one argument a flag; click names them
    bind: str,
    admin: str,
    admin_open: bool,
    ready_with_port: bool,
    push: str,
    push_cert: Path | None,
    push_key: Path | None,
    push_ca: Path | None,
    table_file: Path | None,
    connect_to: tuple[ConnectTo, ...],
    allow_targets: tuple[Network, ...],
    own_ports: tuple[int, ...],
    log_format: str,
    log_all: bool,
    grace: float,
    drain_delay: float,
    max_connections: int | None,
    head_timeout: float,
    body_timeout: float,
    send_timeout: float,
    keep_alive: float,
    replay_memory: int,
    share_ports: bool,
    die_with_parent: bool,
) -> None:
    """Serve the table that is pushed to this process."""
    core_dumps.switch_off()
    logs.start(log_format)
    flags = Flags(
        bind=bind,
        admin=admin,
        admin_open=admin_open,
        ready_with_port=ready_with_port,
        channel=Channel(push, push_cert, push_key, push_ca),
        table_file=table_file,
        connect_to=connect_to,
        targets=_targets(allow_targets, own_ports, admin, push),
        limits=Limits(head_timeout, body_timeout, keep_alive, _connections(max_connections), send_timeout),
        settings=Settings(log_all=log_all, memory=replay_memory),
        share_ports=share_ports,
        grace=grace,
        drain_delay=drain_delay,
        die_with_parent=die_with_parent,
    )
    try:
        uvloop.run(serve(flags))
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else None
        raise click.ClickException(f"the data plane cannot start: {reason or error}") from None
