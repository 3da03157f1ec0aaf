"""`make sdk-js`: the JavaScript SDKs `openai` and `ai`, unchanged, against a gateway whose first model fails.

Node makes the calls (`calls.mjs`) in one process; what fails and how is the same table as the Python SDKs'.
"""

import asyncio
import json
import os
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from page_blocks import blocks
from sdk.failures import ARGUMENTS, JSON, OF_STREAMS, OF_TEXTS, OF_WHOLE, STRUCTURED, TEXT, TOOL_CALL, WORDS, Wanted
from sdk.gateway import Against

pytestmark = pytest.mark.asyncio(loop_scope="module")

SDKS = ("openai", "ai")
CALLED = {"tool": "get_weather", "input": ARGUMENTS}
CALLS: dict[str, tuple[Wanted, bool, dict[str, Any]]] = {
    "whole": (WORDS, False, {"text": TEXT, "finish": "stop"}),
    "streamed": (WORDS, True, {"text": TEXT, "finish": "stop"}),
    "tool": (TOOL_CALL, False, CALLED),
    "tool-streamed": (TOOL_CALL, True, CALLED),
    "parsed": (JSON, False, {"parsed": STRUCTURED}),
}
"""By name: what the second model answers, whether as a stream, and what the SDK's caller gets."""

FAILING = {
    "whole": OF_WHOLE,
    "streamed": OF_TEXTS,
    "tool": OF_WHOLE,
    "tool-streamed": OF_STREAMS,
    "parsed": OF_WHOLE,
}


@dataclass
class Node:
    """The process that makes the calls."""

    process: asyncio.subprocess.Process

    async def call(self, call: str, url: str) -> dict[str, Any]:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps({"call": call, "url": url}).encode() + b"\n")
        line = await self.process.stdout.readline()
        assert line, "node ended"
        result: dict[str, Any] = json.loads(line)
        return result


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def node() -> AsyncIterator[Node]:
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        "node", "calls.mjs", cwd=Path(__file__).parent, stdin=pipe, stdout=pipe
    )
    yield Node(process)
    assert process.stdin is not None
    process.stdin.close()
    assert await process.wait() == 0


@pytest.mark.parametrize("sdk", SDKS)
@pytest.mark.parametrize(
    ("call", "failure"),
    [(call, name) for call, names in FAILING.items() for name in names],
)
async def test_the_caller_gets_the_whole_answer(
    against: Against, node: Node, sdk: str, call: str, failure: str
) -> None:
    wanted, stream, result = CALLS[call]
    assert await node.call(f"{sdk}.{call}", against.fails(failure, wanted, stream=stream)) == result
    against.answered_second(failure)


@pytest.mark.parametrize("call", ["openai.streamed", "ai.streamed"])
async def test_a_stream_that_nobody_can_continue_is_an_error(against: Against, node: Node, call: str) -> None:
    against.script({"mode": "stream", "events": ["One ", "two "], "end": "rst"}, {"content": "Another text."})
    assert "the answer broke off" in (await node.call(call, against.url("listening")))["message"]


@pytest.mark.parametrize("sdk", SDKS)
async def test_a_plain_answer_to_a_request_for_a_stream_is_streamed(against: Against, node: Node, sdk: str) -> None:
    against.script({"content": TEXT, "stream": False}, 200)
    assert await node.call(f"{sdk}.streamed", against.url("listening")) == {"text": TEXT, "finish": "stop"}
    assert against.upstreams.order == ["first"]


@pytest.mark.parametrize(("sdk", "error"), [("openai", "RateLimitError"), ("ai", "APICallError")])
@pytest.mark.parametrize("call", ["whole", "streamed"])
async def test_rate_limits_everywhere_are_the_sdk_s_own_error(
    against: Against, node: Node, sdk: str, error: str, call: str
) -> None:
    against.script(500, 429)
    result = await node.call(f"{sdk}.{call}", against.url("listening"))
    assert (result["error"], result["status"], result["code"]) == (error, 429, "rate_limit_exceeded")


@pytest.mark.parametrize("sdk", SDKS)
async def test_the_gateway_s_own_error_says_what_was_tried(against: Against, node: Node, sdk: str) -> None:
    result = await node.call(f"{sdk}.whole", against.url("gone"))
    assert (result["status"], result["code"]) == (503, "upstream_unreachable")
    assert "model-0" in result["message"]


async def test_the_programs_of_the_page_about_javascript_run_as_they_stand(against: Against) -> None:
    for block in blocks("docs/how-to/javascript.md"):
        if block.language == "js":
            against.script(429, 200)
            program = await asyncio.create_subprocess_exec(
                *("node", "--input-type=module", "-e", block.text),
                cwd=Path(__file__).parent,
                env={**os.environ, "OPENAI_BASE_URL": against.url("listening"), "OPENAI_API_KEY": "any-text"},
                stdout=asyncio.subprocess.PIPE,
            )
            said, _ = await program.communicate()
            assert program.returncode == 0
            assert said.strip()
            assert "second" in against.upstreams.order
