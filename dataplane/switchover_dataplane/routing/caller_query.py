"""The query of a request → the query for a target with its own credential.

Providers and proxies also accept keys in the query. A caller's key must not reach another service.
"""

from urllib.parse import unquote_plus

from switchover_dataplane.routing.credential_names import is_parameter


def without_credentials(query: str) -> str:
    """Remove the parameters that are credentials by their names; the other ones keep their spelling."""
    return "&".join([part for part in query.split("&") if not _is_credential(part)])


def _is_credential(part: str) -> bool:
    """Whether a parameter is a credential; some servers read ";" as "&"."""
    return any(is_parameter(unquote_plus(each.partition("=")[0])) for each in part.split(";"))
