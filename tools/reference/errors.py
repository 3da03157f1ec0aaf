"""The table of own errors → docs/reference/errors.md."""

from itertools import groupby

from reference.tables import code, table
from switchover_dataplane.formats.own_errors import EVERY, OwnError

_INTRODUCTION = """# Errors of the gateway's own

A client gets one of these where no model answered, or none was asked. An error of a provider is handed on as the
provider wrote it ([which one](../failover.md#what-the-caller-gets)). That of a provider of another API has its words in
the form of the client's API ([formats](../formats.md#answers-and-streams)).

The body has the form of the API that was asked: Anthropic's for `/v1/messages`, Google's for `:generateContent`, else
OpenAI's, `{"error": {"message", "type", "param", "code"}}`. `type` is `invalid_request_error` below 500 and
`server_error` from there. Only OpenAI's form has a place for the code; the log has it for each. What is refused before
there is a whole head has OpenAI's form.

Every answer has `x-request-id`. The log line with this identifier has the code and the reason
([find a request](../how-to/find-a-failed-request.md)).

"""


def page() -> str:
    """Write the page."""
    by_status = sorted(EVERY, key=lambda error: error.status)
    sections = [_section(status, list(errors)) for status, errors in groupby(by_status, lambda error: error.status)]
    return _INTRODUCTION + "\n".join(sections)


def _section(status: int, errors: list[OwnError]) -> str:
    rows = [(code(error.code), error.meaning, error.remedy) for error in errors]
    return f"## {status}\n\n{table(('code', 'what it means', 'what to do'), rows)}"
