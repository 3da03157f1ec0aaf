"""Answers of a target of another API than the client's, over real sockets."""

import aiohttp
import msgspec
import pytest

from serving import CHAT, free_port, gateway, good, raw, table, targets
from switchover_dataplane.table.table import Table
from switchover_dataplane.table.upstreams import Anthropic
from switchover_dataplane.table.wire import sealed

HEAD = b"HTTP/1.1 200 X\r\ncontent-type: application/json\r\ncontent-length: 999\r\n\r\n"


def with_anthropic_first(of: Table) -> Table:
    """The same table, its first target another API's."""
    upstream = of.upstreams["ns/up"]
    (first,), *others = upstream.priorities
    claude = msgspec.structs.replace(first, provider=Anthropic("claude"))
    changed = msgspec.structs.replace(upstream, priorities=((claude,), *others))
    return sealed(of.ports, of.rules, of.policies, {"ns/up": changed}, of.secrets, of.access)


@pytest.mark.parametrize("begun", [b"", b"\n", b'{"type":"message",'], ids=["nothing", "a blank line", "half of it"])
@pytest.mark.parametrize("end", ["close", "reset"])
async def test_an_answer_that_breaks_off_before_it_is_translated_is_moved_to_the_next_model(
    client: aiohttp.ClientSession, begun: bytes, end: str
) -> None:
    asked = {"model": "any", "messages": [{"role": "user", "content": "hi"}]}
    async with targets(raw(HEAD + begun, then=end), good()) as (first, second):
        async with gateway(with_anthropic_first(table(free_port(), [first.port, second.port]))) as at:
            async with client.post(f"{at.url}/model", json=asked) as answer:
                got = await answer.json()
    assert (answer.status, got["choices"]) == (200, CHAT["choices"])
    assert first.seen
