"""VirtualHostOption, ListenerOption and HttpListenerOption (`gateway.solo.io/v1`): Gloo's options for whole listeners.

None of them is served. They are read only for the access controls in them.
"""

from .model import FreeForm
from .resource import Resource


class GatewayOptions(Resource):
    """The common part of the three kinds: `spec.targetRefs[]` name Gateways and listeners, `spec.options` is free."""

    GROUP = "gateway.solo.io"
    VERSIONS = ("v1",)
    KEEPS_LAST_GOOD = False
    OPTIONAL = True

    spec: FreeForm = None


class VirtualHostOption(GatewayOptions):
    """Options for all routes of a listener."""

    KIND = "VirtualHostOption"
    PLURAL = "virtualhostoptions"


class ListenerOption(GatewayOptions):
    """Options for the connections of a listener."""

    KIND = "ListenerOption"
    PLURAL = "listeneroptions"


class HttpListenerOption(GatewayOptions):
    """Options for the requests of a listener."""

    KIND = "HttpListenerOption"
    PLURAL = "httplisteneroptions"
