"""A caller's query → what of it goes to a target that gets a credential of its own.

Providers and proxies take keys in the query, too. A caller's key is for nobody else than it was sent to.
"""

from urllib.parse import unquote_plus

from switchover_dataplane.routing.credential_names import is_parameter


def without_credentials(query: str) -> str:
    """Leave out the parameters whose names say that they are credentials; the others stay as they were written."""
    return "&".join([part for part in query.split("&") if not _is_credential(part)])


def _is_credential(part: str) -> bool:
    """Tell whether a parameter is one; some servers take ";" for "&"."""
    return any(is_parameter(unquote_plus(each.partition("=")[0])) for each in part.split(";"))
