"""The priority that answers, as statuses and metrics report it. The clock is a number in here."""

import pytest

from playbook import SOMEBODY, WORDS
from switchover_dataplane.health import active_priority
from switchover_dataplane.health.health import Health
from switchover_dataplane.table.policies import CoolDown
from switchover_dataplane.table.table import Table
from switchover_dataplane.table.upstreams import Http, OpenAI, Provider, Target, Upstream
from switchover_dataplane.table.wire import sealed


class Watch:
    """An upstream of pools as `a b | c`; `cools` starts cool-downs."""

    def __init__(self, pools: str, *, provider: Provider | None = None, ai: bool = True) -> None:
        self.health = Health()
        made = provider or OpenAI("gpt-4o")
        self.upstream = Upstream(
            name="ns/up",
            ai=ai,
            priorities=tuple(
                tuple(Target(id=name, host=name, port=443, provider=made) for name in pool.split())
                for pool in pools.split("|")
            ),
        )

    @property
    def table(self) -> Table:
        return sealed((), {}, {}, {"ns/up": self.upstream}, {})

    def answers(self, priority: int, model: str = "m") -> None:
        self.health.last_good["ns/up"] = (priority, model)

    def cools(self, *names: str, model: str = "m") -> None:
        """Targets ask for 30 s of rest at 100 s of the clock."""
        for pool in self.upstream.priorities:
            for target in pool:
                if target.id in names:
                    self.health.record(target, model, WORDS["429+30s"], CoolDown(), 100.0, identity=SOMEBODY)

    def active(self, now: float = 101.0) -> int:
        return active_priority.priority(self.upstream, self.health, now)


def test_before_any_answer_the_first_priority_is_the_active_one() -> None:
    assert Watch("a | b").active() == 0


def test_the_priority_of_the_last_good_answer_is_the_active_one() -> None:
    watch = Watch("a | b | c")
    watch.answers(2)
    assert watch.active() == 2
    watch.answers(0)
    assert watch.active() == 0


def test_a_priority_that_cools_down_hands_over_to_the_first_that_does_not() -> None:
    watch = Watch("a | b | c")
    watch.cools("a")
    assert watch.active() == 1
    watch.answers(2)
    watch.cools("c")
    assert watch.active() == 1


def test_a_priority_is_active_while_one_of_its_targets_does_not_cool_down() -> None:
    watch = Watch("a b | c")
    watch.answers(0)
    watch.cools("a")
    assert watch.active() == 0
    watch.cools("b")
    assert watch.active() == 1


def test_when_all_cool_down_the_first_priority_is_the_active_one_as_it_is_tried_first() -> None:
    watch = Watch("a | b")
    watch.answers(1)
    watch.cools("a", "b")
    assert watch.active() == 0


def test_a_priority_whose_cool_down_is_over_is_active_again_if_no_other_answered_meanwhile() -> None:
    watch = Watch("a | b")
    watch.answers(0)
    watch.cools("a")
    assert (watch.active(129.0), watch.active(130.0)) == (1, 0)


def test_a_model_that_cools_down_matters_only_if_it_is_the_one_that_was_asked_for_last() -> None:
    watch = Watch("a | b", provider=OpenAI())
    watch.cools("a", model="large")
    watch.answers(0, "small")
    assert watch.active() == 0
    watch.answers(0, "large")
    assert watch.active() == 1


def test_an_upstream_without_targets_has_the_first_priority_active() -> None:
    watch = Watch("a")
    watch.upstream = Upstream(name="ns/up", ai=True)
    watch.answers(1)
    assert watch.active() == 0


@pytest.mark.parametrize(
    ("pools", "ai", "is_reported"),
    [("a", True, True), ("a | b", False, True), ("a", False, False), ("a b", False, False)],
)
def test_only_upstreams_with_a_choice_or_models_are_reported(pools: str, ai: bool, is_reported: bool) -> None:
    watch = Watch(pools, provider=Http(), ai=ai)

    assert active_priority.priorities(watch.table, watch.health, 0.0) == ({"ns/up": 0} if is_reported else {})


def test_who_answered_last_is_kept_under_a_table_with_the_same_upstream() -> None:
    watch = Watch("a | b")
    watch.answers(1)
    watch.health.adopt(watch.table, watch.table)
    assert watch.active() == 1


@pytest.mark.parametrize("pools", ["b | a", "a"])
def test_who_answered_last_is_forgotten_when_the_upstream_changes(pools: str) -> None:
    watch, changed = Watch("a | b"), Watch(pools)
    watch.answers(1)
    watch.health.adopt(watch.table, changed.table)
    assert watch.health.last_good == {}


def test_who_answered_last_is_forgotten_when_the_upstream_leaves_the_table() -> None:
    watch = Watch("a | b")
    watch.answers(1)
    watch.health.adopt(watch.table, sealed((), {}, {}, {}, {}))
    assert watch.health.last_good == {}


def test_an_answer_under_the_table_before_names_no_priority_that_the_new_one_lacks() -> None:
    watch = Watch("a")
    watch.answers(1)
    assert watch.active() == 0
