"""The bytes of a request for models → JSON that can be worded anew for each, or the same bytes for all.

Where text or embeddings are asked for, the body is a JSON object, of which the gateway reads what decides how
it is served. Elsewhere it may be anything: forms with sounds and pictures, files, nothing at all.
"""

import re
from collections.abc import Sequence
from typing import Final

from switchover_dataplane.formats.json_body import JsonBody
from switchover_dataplane.formats.json_fields import BadBody
from switchover_dataplane.routing import filters
from switchover_dataplane.table.rules import BodyEdit

_JSON: Final = re.compile(r"[^;]*[/+]json[ \t]*(?:;|\Z)", re.IGNORECASE)
_OBJECT: Final = re.compile(rb"(?:\xef\xbb\xbf)?[ \t\r\n]*\{")


def is_json(content_type: str) -> bool:
    """Tell whether a body is read as JSON by its type alone; "" may be any."""
    return not content_type or _JSON.match(content_type) is not None


def worded(content: bytes, edits: Sequence[BodyEdit], *, needs_object: bool) -> JsonBody | bytes:
    """Read a JSON body and make the changes of its route; what need not be an object, and is none, stays as it is.

    Raises:
        BadBody: it is none and has to be one, or it is one that two parsers could read differently.
    """
    try:
        body = JsonBody.parse(content)
    except BadBody:
        if needs_object or _OBJECT.match(content):
            raise
        return content
    for edit in edits:
        body = filters.edit_body(body, edit)
    return body
