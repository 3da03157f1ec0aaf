"""`switchover operator`: its flags and environment variables → `operate.Settings`."""

import asyncio
import socket
import sys

import click

from switchover_dataplane.target_addresses import Network, network
from switchover_operator import core_dumps, logs
from switchover_operator.options import ENVIRONMENT, checked, host_and_port, log_format_option, option


@click.command(context_settings=ENVIRONMENT)
@option(
    "--namespace",
    "namespaces",
    multiple=True,
    metavar="NAME",
    show_default="all namespaces",
    help="A namespace whose objects are served. Repeatable; in the variable, spaces separate the names.",
)
@option(
    "--own-namespace",
    default="switchover-system",
    metavar="NAME",
    help="Namespace of the data planes and of everything that the operator creates.",
)
@option(
    "--identity",
    default=socket.gethostname,
    show_default="the host's name",
    metavar="NAME",
    help="Name of this operator among several, such as its pod's name.",
)
@option(
    "--dataplane-service",
    default="switchover-dataplane",
    metavar="NAME",
    help="Headless Service of the data planes. Tables are pushed to its port `push`.",
)
@option(
    "--dataplane",
    "dataplanes",
    multiple=True,
    metavar="HOST:PORT",
    callback=checked(host_and_port),
    help="Push channel of a further data plane, outside of the cluster. Repeatable.",
)
@option(
    "--push-secret",
    default="switchover-push",
    metavar="NAME",
    help="Secret with the data planes' certificate. The operator creates and renews it; NAME-ca holds the authority.",
)
@option(
    "--last-good-secret",
    default="switchover-last-good",
    metavar="NAME",
    help="Secret that keeps the last accepted version of objects that are refused now, for a restart of the operator.",
)
@option(
    "--owner",
    default="",
    show_default=False,
    metavar="NAME",
    help="Deployment set as ownerReference on everything that the operator creates, so that an uninstall removes it.",
)
@option(
    "--gateway-service-type",
    type=click.Choice(["ClusterIP", "NodePort", "LoadBalancer"]),
    default="ClusterIP",
    help="Type of a Gateway's Service, unless the Gateway has the annotation switchover.dev/service-type.",
)
@option(
    "--allow-targets",
    multiple=True,
    metavar="CIDR",
    callback=checked(network),
    help="Allow targets in this network, even if it is loopback, link-local or otherwise refused. The data planes need "
    "the same flag. Repeatable.",
)
@option(
    "--leader-elect/--no-leader-elect",
    default=False,
    help="Act only while this operator holds the Lease. Needed where several operators run.",
)
@option("--lease", default="switchover-operator", metavar="NAME", help="Name of the Lease, in --own-namespace.")
@option(
    "--admin",
    default="127.0.0.1:9181",
    metavar="HOST:PORT",
    callback=checked(host_and_port),
    help="Admin port (/healthz, /readyz, /metrics).",
)
@log_format_option
def operator(  # noqa: PLR0917 - one argument a flag; click names them
    namespaces: tuple[str, ...],
    own_namespace: str,
    identity: str,
    dataplane_service: str,
    dataplanes: tuple[tuple[str, int], ...],
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

    The operator finds the API server as a pod does, or by KUBECONFIG.
    """
    # Imported here: kopf and the Kubernetes client are slow to load, and no other command needs them.
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
