"""The paths of the admin ports and of the port for tables → docs/reference/admin.md."""

from reference.tables import code, table
from switchover_dataplane.control import admin
from switchover_operator.cluster import probes

_INTRODUCTION = """# Admin API

## Data plane

It is at `--admin`, by default 127.0.0.1:9180; worker K of `switchover run --workers` has this port plus K. It answers
GET and HEAD. Two pages name hosts and routes, so only the data plane's own machine can read them. A port-forward counts
as this machine. `--admin-open` (chart: `dataplane.adminOpen`) lets every machine read them.

"""
_PUSH = """
## The port for tables

The operator pushes tables there (`--push`): a Unix socket that its owner alone may open, or TCP with mutual TLS. It
carries keys and is no API for others; its form changes with the version of the table.

| request | answer |
|---|---|
| `PUT /v1/table` | 200 with the revision that is served; 409 if parts are missing; 422 with the reasons |
| `GET /v1/table` | the revision, and the priority of each Upstream that answers |
"""


def page() -> str:
    """Write the page."""
    rows = [
        (code(path), text, "this machine alone" if path in admin.LOCAL_PATHS else "everybody")
        for path, text in admin.PATHS.items()
    ]
    operators = [(code(path), text) for path, text in probes.PATHS.items()]
    return (
        f"{_INTRODUCTION}{table(('path', 'answer', 'who may read it'), rows)}{_PUSH}\n## Operator\n\nAt `--admin`, by "
        f"default port 9181.\n\n{table(('path', 'answer'), operators)}"
    )
