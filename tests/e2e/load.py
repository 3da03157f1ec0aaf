"""Runs in the cluster: requests at a steady pace, until SIGTERM, on connections that are kept → how each was answered.

Every other client asks for streams, which take seconds to end. All is bounded in number and in time, should nobody end
it. The last line that it prints is JSON: answer → how many.
"""

import asyncio
import collections
import contextlib
import json
import signal
import sys

import aiohttp

AT_A_TIME, MOST, SECONDS = 20, 20_000, 600.0
PAUSE = 0.2
QUESTION = {"model": "gpt-4o", "messages": [{"role": "user", "content": "Compose a poem."}]}


async def ask(session: aiohttp.ClientSession, url: str, *, stream: bool) -> str:
    try:
        async with session.post(url, json={**QUESTION, "stream": stream}) as response:
            answer = await response.read()
            if stream and response.status == 200:
                return "stream" if answer.rstrip().endswith(b"data: [DONE]") else f"broken stream: {answer[-200:]!r}"
            return str(response.status)
    except (aiohttp.ClientError, TimeoutError) as error:
        return f"{type(error).__name__}: {error}"


async def main(url: str) -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    answers: collections.Counter[str] = collections.Counter()

    async def client(number: int) -> None:
        while not stop.is_set() and answers.total() < MOST:
            answer = await ask(session, url, stream=number % 2 == 0)
            if answer not in answers:
                print(f"first {answer} after {answers.total()} answers", flush=True)  # noqa: T201
            answers[answer] += 1
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), PAUSE)

    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=60.0)) as session:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(SECONDS):
                await asyncio.gather(*(client(number) for number in range(AT_A_TIME)))
    print(json.dumps(answers))  # noqa: T201


asyncio.run(main(sys.argv[1]))
