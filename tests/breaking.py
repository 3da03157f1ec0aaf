"""Streams that break off, each in its own way, and a table whose second target continues."""

import msgspec

from chat_streams import ERROR, WORDS, said, stream
from serving import (
    END,
    ROLE,
    STREAM_HEAD,
    Answering,
    chunks,
    event,
    raw,
)
from switchover_dataplane.table.table import Table
from switchover_dataplane.table.upstreams import Mistral


def with_mistral(of: Table, number: int) -> Table:
    """The table with Mistral at one of its priorities."""
    [upstream] = of.upstreams.values()
    pools = list(upstream.priorities)
    pools[number] = (msgspec.structs.replace(pools[number][0], provider=Mistral(f"model-{number}")),)
    return msgspec.structs.replace(
        of, upstreams={upstream.name: msgspec.structs.replace(upstream, priorities=tuple(pools))}
    )


FIRST_40 = [ROLE, *said(WORDS[:40])]
BREAKING: dict[str, Answering] = {
    "a reset": stream(*said(WORDS[:40]), end=False, then="reset"),
    "a close without the last chunk": stream(*said(WORDS[:40]), end=False, then="close"),
    "a close in the middle of an event": stream(*said(WORDS[:40]), b'data: {"choices":[{"de', end=False, then="close"),
    "a clean end without a finish_reason": stream(*said(WORDS[:40])),
    "a clean end within an event": stream(*said(WORDS[:40]), b"data:"),
    "a clean end within JSON": stream(*said(WORDS[:40]), b'data: {"choices":[{"de'),
    "done without a finish_reason": stream(*said(WORDS[:40]), b"data: [DONE]\n\n"),
    "an error event": stream(*said(WORDS[:40]), ERROR),
    "an error event and done": stream(*said(WORDS[:40]), ERROR, b"data: [DONE]\n\n"),
    "a finish_reason that is an error": stream(*said(WORDS[:40]), event({}, "error")),
    "a chunk that is cut in its JSON": stream(*said(WORDS[:40]), b'data: {"choices":[{"de\n\n', *said(WORDS[41:]), END),
    "bytes that are no chunk": raw(STREAM_HEAD + chunks(*FIRST_40, end=False) + b"zz\r\n", then="wait"),
    "silence": stream(*said(WORDS[:40]), end=False, then="wait"),
    "silence behind keep-alives": stream(*said(WORDS[:40]), b": ping\n\n" * 9, end=False, then="wait"),
}
