"""Converse and ConverseStream of Amazon Bedrock (Amazon Bedrock API Reference, "Converse")."""

from typing import Final

from switchover_dataplane.formats.api import Api
from switchover_dataplane.translation.converse.answers import read_answer, write_answer
from switchover_dataplane.translation.converse.errors import write_error
from switchover_dataplane.translation.converse.read_request import read_request
from switchover_dataplane.translation.converse.read_stream import StreamReader
from switchover_dataplane.translation.converse.write_request import write_request
from switchover_dataplane.translation.converse.write_stream import StreamWriter
from switchover_dataplane.translation.format import Format

FORMAT: Final[Format] = Format(
    api=Api.CONVERSE,
    name="Converse",
    read_request=read_request,
    write_request=write_request,
    read_answer=read_answer,
    write_answer=write_answer,
    reader=StreamReader,
    writer=StreamWriter,
    write_error=write_error,
)
