"""The Messages API of Anthropic."""

from typing import Final

from switchover_dataplane.formats.api import Api
from switchover_dataplane.translation.format import Format
from switchover_dataplane.translation.messages.read_answer import MessagesReader, read_answer
from switchover_dataplane.translation.messages.read_request import read_request
from switchover_dataplane.translation.messages.words import write_error
from switchover_dataplane.translation.messages.write_answer import write_answer
from switchover_dataplane.translation.messages.write_request import write_request
from switchover_dataplane.translation.messages.write_stream import MessagesWriter

FORMAT: Final[Format] = Format(
    api=Api.MESSAGES,
    name="Messages",
    read_request=read_request,
    write_request=write_request,
    read_answer=read_answer,
    write_answer=write_answer,
    reader=MessagesReader,
    writer=MessagesWriter,
    write_error=write_error,
)

__all__ = ["FORMAT"]
