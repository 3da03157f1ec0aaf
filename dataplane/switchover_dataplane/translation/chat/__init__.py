"""Chat Completions: OpenAI's, and that of Azure OpenAI, Mistral and every server like them."""

from switchover_dataplane.formats.api import Api
from switchover_dataplane.translation.chat.read_answer import read_answer
from switchover_dataplane.translation.chat.read_request import read_request
from switchover_dataplane.translation.chat.read_stream import Reader
from switchover_dataplane.translation.chat.write_answer import write_answer
from switchover_dataplane.translation.chat.write_request import write_request
from switchover_dataplane.translation.chat.write_stream import Writer
from switchover_dataplane.translation.format import Format
from switchover_dataplane.translation.openai_errors import write_error

FORMAT: Format = Format(
    Api.CHAT,
    "Chat Completions",
    read_request,
    write_request,
    read_answer,
    write_answer,
    Reader,
    Writer,
    write_error,
)

__all__ = ["FORMAT"]
