"""A plain HTTP server behind a static or kube Upstream or a Service: paths and bodies go as they came."""

from switchover_dataplane.formats.api import Api
from switchover_dataplane.table.upstreams import Provider
from switchover_dataplane.upstream.providers.wire import Wire


def path(_provider: Provider, asked: str) -> str:
    """Keep the path."""
    return asked


def no_model(_provider: Provider) -> str:
    """Nothing is known of the body."""
    return ""


def no_api(_provider: Provider) -> Api | None:
    """Nothing is known of its API."""
    return None


def takes(_provider: Provider, _asked: Api) -> bool:
    """Take whatever is asked: nothing is translated."""
    return True


def translated_path(_provider: Provider, _streamed: bool) -> str:
    """Return no path."""
    return ""


WIRE: Wire = Wire(
    name="http",
    path=path,
    token_header=("authorization", "Bearer "),
    model=no_model,
    label=no_model,
    api=no_api,
    takes=takes,
    translated_path=translated_path,
)
