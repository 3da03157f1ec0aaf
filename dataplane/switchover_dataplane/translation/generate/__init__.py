"""generateContent and streamGenerateContent of Google's Gemini API and Vertex AI."""

from typing import Final

from switchover_dataplane.formats.api import Api
from switchover_dataplane.translation.format import Format
from switchover_dataplane.translation.generate.read_answer import GenerateReader, read_answer
from switchover_dataplane.translation.generate.read_request import read_request
from switchover_dataplane.translation.generate.words import write_error
from switchover_dataplane.translation.generate.write_answer import write_answer
from switchover_dataplane.translation.generate.write_request import write_request
from switchover_dataplane.translation.generate.write_stream import GenerateWriter

FORMAT: Final[Format] = Format(
    api=Api.GENERATE,
    name="generateContent",
    read_request=read_request,
    write_request=write_request,
    read_answer=read_answer,
    write_answer=write_answer,
    reader=GenerateReader,
    writer=GenerateWriter,
    write_error=write_error,
)

__all__ = ["FORMAT"]
