"""What the API server checks of an object before it takes it, for objects in files, which no API server has seen.

`gateway-api.json` holds the schemas of Gateway API's CRDs (standard channel), `kubernetes.json` those of core kinds, as
an API server publishes them (OpenAPI v3). Both are data of the projects of these names, under the Apache License 2.0;
`tools/schemas.py` makes them. `violations` names what an API server would refuse; the other functions name
the fields that it would drop, and those that it keeps and nobody reads here.
"""

from .fields import is_unknown, unknown_fields, unknown_metadata, without_effect
from .official import official_kinds
from .violations import violations

__all__ = ["is_unknown", "official_kinds", "unknown_fields", "unknown_metadata", "violations", "without_effect"]
