"""The formats, each by its API."""

from collections.abc import Mapping
from typing import Final

from switchover_dataplane.formats.api import Api
from switchover_dataplane.translation import chat, converse, generate, messages, responses
from switchover_dataplane.translation.format import Format

FORMATS: Final[Mapping[Api, Format]] = {
    each.api: each for each in (chat.FORMAT, messages.FORMAT, responses.FORMAT, generate.FORMAT, converse.FORMAT)
}
