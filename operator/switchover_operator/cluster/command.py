"""`switchover operator`: its flags and environment → `operate.Settings`."""

import asyncio
import socket
import sys

import click

from switchover_dataplane.table import Network, network
from switchover_operator import core_dumps, logs
from switchover_operator.options import checked
from switchover_operator.standalone import standalone


def host_and_port(text: str) -> str:
    """HOST:PORT as it is.

    Raises:
        ValueError: it is none.
    """
    standalone.admin_address(text)
    return text


@click.command()
@click.option(
    "--namespace",
    "namespaces",
    multiple=True,
    envvar="SWITCHOVER_NAMESPACES",
    show_envvar=True,
    metavar="NAME",
    help="A namespace whose objects are served; repeatable (in the variable: by spaces).  [default: all]",
)
@click.option(
    "--own-namespace",
    default="switchover-system",
    envvar="SWITCHOVER_OWN_NAMESPACE",
    show_envvar=True,
    show_default=True,
    metavar="NAME",
    help="Where the data planes are, and what is made here.",
)
@click.option(
    "--identity",
    default=socket.gethostname,
    envvar="SWITCHOVER_IDENTITY",
    show_envvar=True,
    metavar="NAME",
    help="What tells this operator from others; a pod's name.  [default: the host's name]",
)
@click.option(
    "--dataplane-service",
    default="switchover-dataplane",
    envvar="SWITCHOVER_DATAPLANE_SERVICE",
    show_envvar=True,
    show_default=True,
    metavar="NAME",
    help="The headless Service of the data planes; tables go to its port `push`.",
)
@click.option(
    "--dataplane",
    "dataplanes",
    multiple=True,
    envvar="SWITCHOVER_DATAPLANES",
    show_envvar=True,
    metavar="HOST:PORT",
    callback=checked(host_and_port),
    help="The push channel of a data plane outside of the cluster, beside those of the Service; repeatable.",
)
@click.option(
    "--push-secret",
    default="switchover-push",
    envvar="SWITCHOVER_PUSH_SECRET",
    show_envvar=True,
    show_default=True,
    metavar="NAME",
    help="The Secret with the data planes' certificate, which is made and renewed here; NAME-ca holds the authority.",
)
@click.option(
    "--last-good-secret",
    default="switchover-last-good",
    envvar="SWITCHOVER_LAST_GOOD_SECRET",
    show_envvar=True,
    show_default=True,
    metavar="NAME",
    help="The Secret that keeps what serves of objects whose present content is refused, for a restart.",
)
@click.option(
    "--owner",
    default="",
    envvar="SWITCHOVER_OWNER",
    show_envvar=True,
    metavar="NAME",
    help="The Deployment that owns what is made here, so that it goes when that is uninstalled.",
)
@click.option(
    "--gateway-service-type",
    type=click.Choice(["ClusterIP", "NodePort", "LoadBalancer"]),
    default="ClusterIP",
    envvar="SWITCHOVER_GATEWAY_SERVICE_TYPE",
    show_envvar=True,
    show_default=True,
    help="The type of the Service of a Gateway that names none by the annotation switchover.dev/service-type.",
)
@click.option(
    "--allow-targets",
    multiple=True,
    envvar="SWITCHOVER_ALLOW_TARGETS",
    show_envvar=True,
    metavar="CIDR",
    callback=checked(network),
    help="Targets may be in this network, though it is loopback, link-local or the like; the data planes' flag of "
    "this name has to say the same. Repeatable.",
)
@click.option(
    "--leader-elect/--no-leader-elect",
    default=False,
    envvar="SWITCHOVER_LEADER_ELECT",
    show_envvar=True,
    help="Act only while holding the Lease; needed where several operators run.",
)
@click.option(
    "--lease",
    default="switchover-operator",
    envvar="SWITCHOVER_LEASE",
    show_envvar=True,
    show_default=True,
    metavar="NAME",
    help="The Lease's name, in our own namespace.",
)
@click.option(
    "--admin",
    default="127.0.0.1:9181",
    envvar="SWITCHOVER_ADMIN",
    show_envvar=True,
    show_default=True,
    metavar="HOST:PORT",
    callback=checked(standalone.admin_address),
    help="The admin port (/healthz, /readyz, /metrics).",
)
@click.option(
    "--log-format",
    type=click.Choice(["json", "text"]),
    envvar="SWITCHOVER_LOG_FORMAT",
    show_envvar=True,
    help="How log lines look.  [default: text on a terminal, else json]",
)
def operator(  # noqa: PLR0917 - one argument a flag; click names them
    namespaces: tuple[str, ...],
    own_namespace: str,
    identity: str,
    dataplane_service: str,
    dataplanes: tuple[str, ...],
    push_secret: str,
    last_good_secret: str,
    owner: str,
    gateway_service_type: str,
    allow_targets: tuple[Network, ...],
    leader_elect: bool,
    lease: str,
    admin: tuple[str, int],
    log_format: logs.LogFormat | None,
) -> None:
    """Operate in a cluster: compile its objects, push the table to the data planes, write statuses.

    Finds the API server as a pod does, or by KUBECONFIG.
    """
    # Imported here, as kopf and the Kubernetes client are slow to load and of no use to the other commands.
    from switchover_operator.cluster import operate  # noqa: PLC0415

    core_dumps.switch_off()
    logs.configure(log_format or ("text" if sys.stdout.isatty() else "json"))
    settings = operate.Settings(
        namespaces=namespaces,
        own_namespace=own_namespace,
        identity=identity,
        dataplane_service=dataplane_service,
        dataplanes=dataplanes,
        push_secret=push_secret,
        last_good_secret=last_good_secret,
        owner=owner,
        gateway_service_type=gateway_service_type,
        allowed_targets=allow_targets,
        leader_elect=leader_elect,
        lease=lease,
        admin=admin,
    )
    asyncio.run(operate.run(settings))
