"""Responses: OpenAI's API of items."""

from switchover_dataplane.formats.api import Api
from switchover_dataplane.translation.format import Format
from switchover_dataplane.translation.openai_errors import write_error
from switchover_dataplane.translation.responses.read_answer import read_answer
from switchover_dataplane.translation.responses.read_request import read_request
from switchover_dataplane.translation.responses.read_stream import Reader
from switchover_dataplane.translation.responses.write_answer import write_answer
from switchover_dataplane.translation.responses.write_request import write_request
from switchover_dataplane.translation.responses.write_stream import Writer

FORMAT: Format = Format(
    Api.RESPONSES,
    "Responses",
    read_request,
    write_request,
    read_answer,
    write_answer,
    Reader,
    Writer,
    write_error,
)

__all__ = ["FORMAT"]
