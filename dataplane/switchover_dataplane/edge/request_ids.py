"""The identifier of a request: the client's own where it is usable, else a new one."""

import random

from switchover_dataplane.routing import headers
from switchover_dataplane.routing.headers import Fields


def new_id() -> str:
    """Make an identifier."""
    return random.getrandbits(128).to_bytes(16).hex()


def id_of(fields: Fields) -> str:
    """Return the identifier that a request's fields name, else a new one."""
    return headers.request_id(fields, new_id)
