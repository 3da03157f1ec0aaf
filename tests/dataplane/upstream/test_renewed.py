"""A credential is renewed before its end, fetched once at a time, and its failures are kept for a short time."""

import asyncio
import math
import threading
from collections.abc import Callable
from typing import Any

import pytest

from credential_endpoint import Clock
from switchover_dataplane.upstream.renewed import (
    FRESH,
    LOOK_AGAIN,
    RENEW_BEFORE,
    WAIT_AFTER_FAILURE,
    NoCredentials,
    Renewed,
)

HOUR = 3600.0


class Source:
    """Hands out "1", "2" and so on, each for an hour; `gate` holds a fetch back, `failure` is raised in its place."""

    def __init__(self, clock: Clock, life: float = HOUR) -> None:
        self.clock = clock
        self.life = life
        self.fetched = 0
        self.gate = threading.Event()
        self.gate.set()
        self.failure: Exception | None = None

    def __call__(self) -> tuple[str, float]:
        self.fetched += 1
        number = self.fetched
        self.gate.wait()
        if self.failure is not None:
            raise self.failure
        return str(number), self.clock.now + self.life


@pytest.fixture
def clock() -> Clock:
    return Clock(1000.0)


@pytest.fixture
def source(clock: Clock) -> Source:
    return Source(clock)


@pytest.fixture
def renewed(source: Source, clock: Clock) -> Renewed[str]:
    return Renewed("a credential", source, clock)


async def until(holds: Callable[[], Any]) -> None:
    while not holds():
        await asyncio.sleep(0.001)


async def becomes(renewed: Renewed[str], value: str) -> None:
    while await renewed.get() != value:
        await asyncio.sleep(0.001)


async def test_many_requests_cost_one_fetch(renewed: Renewed[str], source: Source) -> None:
    assert await asyncio.gather(*(renewed.get() for _ in range(50))) == ["1"] * 50
    assert source.fetched == 1


async def test_it_is_renewed_before_its_end_while_requests_use_the_old_one(
    renewed: Renewed[str], source: Source, clock: Clock
) -> None:
    await renewed.get()
    clock.now += HOUR - RENEW_BEFORE - 1
    assert await renewed.get() == "1"
    assert source.fetched == 1

    clock.now += 1
    source.gate.clear()
    assert [await renewed.get() for _ in range(3)] == ["1"] * 3
    await until(lambda: source.fetched == 2)
    source.gate.set()
    await becomes(renewed, "2")
    assert source.fetched == 2


async def test_a_short_life_is_renewed_after_half_of_it(clock: Clock) -> None:
    source = Source(clock, life=60)
    renewed = Renewed("a credential", source, clock)
    await renewed.get()
    clock.now += 29
    await renewed.get()
    assert source.fetched == 1

    clock.now += 1
    await becomes(renewed, "2")


async def test_after_its_end_requests_wait_for_the_next_one(renewed: Renewed[str], clock: Clock) -> None:
    await renewed.get()
    clock.now += HOUR

    assert await renewed.get() == "2"


async def test_a_renewal_that_fails_leaves_the_old_one_until_its_end(
    renewed: Renewed[str], source: Source, clock: Clock
) -> None:
    await renewed.get()
    clock.now += HOUR - 100
    source.failure = NoCredentials("the endpoint is away")
    await renewed.get()
    await until(lambda: source.fetched == 2)
    assert await renewed.get() == "1"

    clock.now += 100
    with pytest.raises(NoCredentials, match="away"):
        await renewed.get()
    source.failure = None
    clock.now += WAIT_AFTER_FAILURE
    assert await renewed.get() == str(source.fetched)


async def test_a_failure_is_the_answer_for_a_short_time(renewed: Renewed[str], source: Source, clock: Clock) -> None:
    source.failure = NoCredentials("the endpoint is away")
    for _ in range(5):
        with pytest.raises(NoCredentials, match="away"):
            await renewed.get()
    assert source.fetched == 1

    clock.now += WAIT_AFTER_FAILURE
    source.failure = None
    assert await renewed.get() == "2"


async def test_the_words_of_an_unexpected_exception_are_not_shown(renewed: Renewed[str], source: Source) -> None:
    source.failure = ValueError("could not read secret-key-of-the-test")

    with pytest.raises(NoCredentials) as failed:
        await renewed.get()

    assert str(failed.value) == "a credential: ValueError"
    assert failed.value.__cause__ is None


async def test_a_request_that_is_cancelled_does_not_end_the_fetch(renewed: Renewed[str], source: Source) -> None:
    source.gate.clear()
    waiting = asyncio.create_task(renewed.get())
    other = asyncio.create_task(renewed.get())
    await until(lambda: source.fetched == 1)

    waiting.cancel()
    source.gate.set()

    assert await other == "1"
    assert source.fetched == 1
    assert waiting.cancelled()


async def test_a_forgotten_one_is_fetched_anew_but_not_a_fresh_one(renewed: Renewed[str], clock: Clock) -> None:
    await renewed.get()
    renewed.forget()
    assert await renewed.get() == "1"

    clock.now += FRESH
    renewed.forget()
    renewed.forget()
    assert await renewed.get() == "2"


async def test_one_without_an_end_is_looked_up_again(clock: Clock) -> None:
    source = Source(clock, life=math.inf)
    renewed = Renewed("a credential", source, clock)
    await renewed.get()
    clock.now += LOOK_AGAIN - 1
    await renewed.get()
    assert source.fetched == 1

    clock.now += 1
    await becomes(renewed, "2")


async def test_one_that_had_ended_when_it_came_is_none(clock: Clock) -> None:
    with pytest.raises(NoCredentials, match="had ended"):
        await Renewed("a credential", Source(clock, life=0), clock).get()


async def test_closing_ends_the_wait_for_a_fetch(renewed: Renewed[str], source: Source) -> None:
    source.gate.clear()
    waiting = asyncio.create_task(renewed.get())
    await until(lambda: source.fetched == 1)

    await renewed.close()
    source.gate.set()

    with pytest.raises(asyncio.CancelledError):
        await waiting
