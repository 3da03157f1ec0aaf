"""What is measured: which targets answer how, and what a client asks for."""

import json
from dataclasses import dataclass
from typing import Final

EVENTS: Final = 40
INTERVAL_MS: Final = 5

_MESSAGES: Final = [
    {
        "role": "system",
        "content": "You are a poetic assistant, skilled in explaining programming concepts with creative flair.",
    },
    {"role": "user", "content": "Compose a poem that explains the concept of recursion in programming."},
]


@dataclass(frozen=True, slots=True)
class Ports:
    """Where everything listens on loopback: `good` and `spare` answer 200, `limited` answers 429."""

    proxy: int
    admin: int
    good: int
    limited: int
    spare: int

    @classmethod
    def at(cls, base: int) -> "Ports":
        """Ports of a range that begins at `base`; the admin port and the one after it are the proxy's."""
        return cls(proxy=base + 80, admin=base + 90, good=base + 1, limited=base + 2, spare=base + 3)


@dataclass(frozen=True, slots=True)
class Scenario:
    """One kind of request.

    Attributes:
        fails: the first target answers 429, the second 200; else both answer 200.
        tuned: each proxy has the settings under which it serves this best; else the settings that it comes with.
        stream: the answer is a stream of `EVENTS` events, `INTERVAL_MS` ms apart.
        translated: the targets speak the Messages API and the client Chat Completions; no other proxy is asked.
        upstream_requests: how many each request causes if all goes as described; None where that is the proxy's affair.
    """

    name: str
    title: str
    connections: tuple[int, ...]
    quick: int
    fails: bool = False
    tuned: bool = True
    stream: bool = False
    translated: bool = False
    upstream_requests: int | None = 1

    @property
    def body(self) -> bytes:
        """The request's body."""
        asked = {"stream": True, "stream_options": {"include_usage": True}} if self.stream else {}
        return json.dumps({"model": "gpt-4o", "messages": _MESSAGES, **asked}).encode()

    def targets(self, ports: Ports) -> tuple[int, int]:
        """The ports of the first and of the second target."""
        return (ports.limited if self.fails else ports.good), ports.spare


SUCCESS: Final = Scenario("success", "The first target answers", (1, 16, 64), 16)
FAILOVER: Final = Scenario(
    "failover",
    "The first target answers 429, the second 200; no cool-down, so that every request fails over",
    (1, 16, 64),
    16,
    fails=True,
    upstream_requests=2,
)
DEFAULTS: Final = Scenario(
    "defaults",
    "The same targets with the settings that each proxy comes with: Switchover's cool-down leaves the first target "
    "out after its failures in a row, so that the second one answers directly",
    (1, 16, 64),
    16,
    fails=True,
    tuned=False,
    upstream_requests=None,
)
STREAMS: Final = Scenario(
    "streams",
    f"Streams of {EVENTS} events with content, {INTERVAL_MS} ms apart",
    (16, 64, 256),
    64,
    stream=True,
)
TRANSLATED: Final = Scenario(
    "translated",
    "The first target answers, and speaks the Messages API where the client speaks Chat Completions",
    (16,),
    16,
    translated=True,
)
TRANSLATED_STREAMS: Final = Scenario(
    "translated-streams",
    f"Streams of {EVENTS} events with content from such a target, {INTERVAL_MS} ms apart",
    (64,),
    64,
    stream=True,
    translated=True,
)
SCENARIOS: Final = (SUCCESS, FAILOVER, DEFAULTS, STREAMS, TRANSLATED, TRANSLATED_STREAMS)
