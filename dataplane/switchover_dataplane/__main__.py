"""The data-plane process: flags and environment → sockets, until a signal ends it gracefully."""

import asyncio
import ctypes
import logging
import os
import signal
import sys
from dataclasses import dataclass
from pathlib import Path

import click
import uvloop
from aiohttp import web

from switchover_dataplane import logs
from switchover_dataplane.admin import Admin
from switchover_dataplane.budget import Budget
from switchover_dataplane.edge import Limits
from switchover_dataplane.exchange import Fleet
from switchover_dataplane.health import Health
from switchover_dataplane.listeners import Listeners
from switchover_dataplane.metrics import Metrics
from switchover_dataplane.proxy import Proxy, Settings
from switchover_dataplane.push import Channel, Push
from switchover_dataplane.state import State
from switchover_dataplane.transport import ConnectTo, Transport

log = logging.getLogger("switchover.dataplane")

_PR_SET_PDEATHSIG = 1


@dataclass(frozen=True, slots=True)
class Flags:
    """What the process was started with."""

    bind: str
    admin: str
    channel: Channel
    table_file: Path | None
    connect_to: tuple[ConnectTo, ...]
    limits: Limits
    settings: Settings
    share_ports: bool
    grace: float
    drain_delay: float


async def serve(flags: Flags) -> None:
    """Serve until SIGTERM or SIGINT; then drain."""
    metrics, health = Metrics(), Health()
    state = State(health, metrics, flags.table_file)
    fleet = Fleet(Transport(connect_to=flags.connect_to), health, Budget())
    proxy = Proxy(state, fleet, metrics, flags.settings)
    listeners = Listeners(proxy.handle, flags.bind, flags.limits, share_ports=flags.share_ports)
    push = Push(state, listeners)
    stop = _stop_on_signals()
    await state.restore(listeners)
    admin = await _open_admin(flags.admin, Admin(state, fleet, metrics))
    await push.open(flags.channel)
    await stop.wait()
    state.draining = True
    push.close()
    await asyncio.sleep(flags.drain_delay)
    await listeners.drain(flags.grace)
    await fleet.transport.close()
    admin.close()


def _stop_on_signals() -> asyncio.Event:
    """Set the event at the first signal; the second ends the process at once."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()

    def on_signal() -> None:
        if stop.is_set():
            os._exit(1)
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, on_signal)
    return stop


async def _open_admin(address: str, admin: Admin) -> asyncio.Server:
    host, _, port = address.rpartition(":")
    server = web.Server(admin.serve, access_log=None)
    return await asyncio.get_running_loop().create_server(server, host.strip("[]"), int(port))


def _die_with_parent() -> None:
    """Ask Linux to end this process when the one that started it is gone; elsewhere its signals have to do."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


@click.command(context_settings={"auto_envvar_prefix": "SWITCHOVER"})
@click.option("--bind", default="127.0.0.1", show_default=True, help="Address that listeners are served at.")
@click.option("--admin", default="127.0.0.1:9180", show_default=True, help="HOST:PORT of the admin port.")
@click.option("--push", required=True, help="Where tables come in: unix:PATH, or HOST:PORT with mutual TLS.")
@click.option("--push-cert", type=click.Path(path_type=Path), help="This process's certificate for --push HOST:PORT.")
@click.option("--push-key", type=click.Path(path_type=Path), help="Its key.")
@click.option("--push-ca", type=click.Path(path_type=Path), help="The CA that signed the pusher's certificate.")
@click.option("--table-file", type=click.Path(path_type=Path), help="Where the last good table is kept.")
@click.option("--connect-to", multiple=True, help="HOST:PORT:HOST:PORT, as curl's --connect-to; repeatable.")
@click.option("--log-format", type=click.Choice(["json", "text"]), default="json", show_default=True)
@click.option("--log-all", is_flag=True, help="Write a trace for each request, not only for those that failed over.")
@click.option("--grace", default=30.0, show_default=True, help="Seconds that streams may take to end at a stop.")
@click.option("--drain-delay", default=0.0, show_default=True, help="Seconds between not ready and not accepting.")
@click.option("--max-connections", default=10_000, show_default=True, help="Client connections at a time.")
@click.option("--head-timeout", default=10.0, show_default=True, help="Seconds for a request's head to come.")
@click.option("--replay-memory", default=1 << 30, show_default=True, help="Bytes of request bodies held for replay.")
@click.option("--share-ports", is_flag=True, help="Let other workers serve the same ports (SO_REUSEPORT).")
@click.option("--die-with-parent", is_flag=True, help="End when the process that started this one ends.")
def main(  # noqa: PLR0917 - one argument a flag; click names them
    bind: str,
    admin: str,
    push: str,
    push_cert: Path | None,
    push_key: Path | None,
    push_ca: Path | None,
    table_file: Path | None,
    connect_to: tuple[str, ...],
    log_format: str,
    log_all: bool,
    grace: float,
    drain_delay: float,
    max_connections: int,
    head_timeout: float,
    replay_memory: int,
    share_ports: bool,
    die_with_parent: bool,
) -> None:
    """Serve the table that is pushed to this process."""
    logs.start(log_format)
    if die_with_parent:
        _die_with_parent()
    try:
        redirections = tuple(map(ConnectTo.parse, connect_to))
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--connect-to") from None
    flags = Flags(
        bind=bind,
        admin=admin,
        channel=Channel(push, push_cert, push_key, push_ca),
        table_file=table_file,
        connect_to=redirections,
        limits=Limits(head_timeout=head_timeout, connections=max_connections),
        settings=Settings(log_all=log_all, memory=replay_memory),
        share_ports=share_ports,
        grace=grace,
        drain_delay=drain_delay,
    )
    try:
        uvloop.run(serve(flags))
    except OSError as error:
        raise click.ClickException(f"the data plane cannot start: {error.strerror or error}") from None


if __name__ == "__main__":
    main()
