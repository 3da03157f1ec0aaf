"""Streams that go wrong at random bytes, through a running gateway: few here, many in `make chaos`.

The seed is fixed, so that every run of the suite sees the same streams; the measure is what their clients got.
"""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from chaos.plan import KINDS
from chaos.streams import Result, run
from chaos.verdict import Outcome

pytestmark = pytest.mark.asyncio(loop_scope="module")

STREAMS = 66


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def result() -> AsyncIterator[Result]:
    yield await run(5, STREAMS, STREAMS)


async def test_no_client_is_deceived_and_what_can_be_continued_is(result: Result) -> None:
    assert result.wrong == []
    assert len(result.verdicts) == STREAMS


async def test_streams_of_every_kind_come_out_whole_where_a_model_goes_on_as_it_is_asked(result: Result) -> None:
    continuable = {
        each.kind for each, verdict in result.verdicts if each.continuable and verdict.outcome is Outcome.WHOLE
    }
    assert continuable == {*KINDS}


async def test_an_answer_that_breaks_off_is_no_fault_of_the_gateway(result: Result) -> None:
    assert any(verdict.outcome is Outcome.FAILED for _, verdict in result.verdicts)
    assert result.faults == []
