"""A health that tests tell outcomes, and ask which targets are left alone. The clock is a number."""

from playbook import SOMEBODY, WORDS, Asks
from switchover_dataplane.failover.outcome import ErrorClass, Outcome, Refused
from switchover_dataplane.health.health import Health
from switchover_dataplane.health.unexplained_failures import RequestIdentity
from switchover_dataplane.table.policies import CoolDown
from switchover_dataplane.table.table import Table
from switchover_dataplane.table.upstreams import Auth, OpenAI, Provider, Target, Upstream
from switchover_dataplane.table.wire import sealed

COOL_DOWN = CoolDown(after=3, base=10.0, max=30.0)

GPT = OpenAI(model="gpt-4o")


def target(
    name: str = "a", *, provider: Provider = GPT, secret: str = "ns/key", host: str = "h", auth: str = ""
) -> Target:
    held = Auth("passthrough") if auth == "passthrough" else Auth("token", secret) if secret else Auth()
    return Target(id=name, host=host, port=443, provider=provider, auth=held)


A = target("a", secret="ns/key-a")

B = target("b", secret="ns/key-b")

ANY_MODEL = target("any", provider=OpenAI(), secret="")


class Watch:
    """A health and the upstream of the targets that it is asked about."""

    def __init__(self, *targets: Target, cool_down: CoolDown = COOL_DOWN) -> None:
        self.health = Health()
        self.cool_down = cool_down
        self.upstream = Upstream(name="u", ai=True, priorities=tuple((one,) for one in targets))

    def record(
        self,
        one: Target,
        outcome: Outcome | str,
        now: float,
        *,
        model: str = "m",
        times: int = 1,
        identity: Asks = SOMEBODY,
        is_streaming: bool = False,
    ) -> None:
        for _ in range(times):
            found = WORDS[outcome] if isinstance(outcome, str) else outcome
            self.health.record(one, model, found, self.cool_down, now, identity=identity, is_streaming=is_streaming)

    def cooling(self, now: float, *, model: str = "m", identity: RequestIdentity = SOMEBODY) -> set[str]:
        return set(self.health.cooling(self.upstream, self.cool_down, model, now, identity=identity))

    def share(self, after: float, *, one: str = "a") -> float:
        """The part of a thousand requests, a hundredth of a second apart, that a target gets."""
        moments = [after + number / 100 + 0.0001 for number in range(1000)]
        return sum(one not in self.cooling(now) for now in moments) / len(moments)

    def returns(self, now: float, *, model: str = "m") -> float | None:
        return self.health.earliest_return(self.upstream, model, now, identity=SOMEBODY)


def limited(seconds: float) -> Outcome:
    return Refused(429, ErrorClass.RATE_LIMITED, retry_after=seconds)


def cooled(now: float = 0.0) -> Watch:
    watch = Watch(A, B)
    watch.record(A, "500", now, times=3)
    return watch


def table(targets: list[Target], secrets: dict[str, str]) -> Table:
    return sealed((), {}, {}, {"u": Upstream(name="u", priorities=(tuple(targets),))}, secrets)
