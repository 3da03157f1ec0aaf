"""Who has access where a parent and its child both say who."""

from switchover_dataplane.table.access import ApiKeys, Caller, Closed
from switchover_dataplane.table.rules import Header
from switchover_operator.compiler.access import RuleAccess
from switchover_operator.compiler.inheritance import joint_access

ONE, TWO, THREE = ("1" * 64, "2" * 64, "3" * 64)


def level(name: str, header: str, *callers: Caller) -> RuleAccess:
    return RuleAccess(name, {name: ApiKeys(header, callers, (f"of-{name}",))}, {f"{name}/s": "x"})


def test_a_caller_needs_a_key_that_each_level_accepts_and_is_named_by_the_outermost() -> None:
    outer = level("outer", "x-outer", Caller("infra/app", ONE, (Header("team", "infra"),)), Caller("infra/b", TWO))
    inner = level(
        "inner", "x-inner", Caller("team/app", ONE, (Header("team", "t"), Header("tier", "1"))), Caller("t", THREE)
    )
    joint = joint_access([outer, RuleAccess(), inner])
    access = joint.access[joint.name]
    assert isinstance(access, ApiKeys)
    assert access.callers == (Caller("infra/app", ONE, (Header("team", "infra"), Header("tier", "1"))),)
    # A key in the field of the inner level is not read there, and goes no further.
    assert (access.header, access.removed) == ("x-outer", ("of-inner", "of-outer", "x-inner"))
    assert joint.secrets == {"outer/s": "x", "inner/s": "x"}


def test_the_field_of_an_app_that_may_hold_a_key_for_the_target_is_not_removed() -> None:
    joint = joint_access(
        [level("outer", "x-outer", Caller("a", ONE)), level("inner", "authorization", Caller("b", ONE))]
    )
    access = joint.access[joint.name]
    assert isinstance(access, ApiKeys)
    assert "authorization" not in access.removed


def test_the_same_access_at_both_levels_is_one() -> None:
    one = level("one", "api-key", Caller("a", ONE))
    assert joint_access([one, one]).access == one.access


def test_levels_without_a_key_in_common_and_a_closed_level_let_nobody_in() -> None:
    outer, inner = level("outer", "api-key", Caller("a", ONE)), level("inner", "api-key", Caller("b", TWO))
    assert isinstance(joint_access([outer, inner]).access["outer + inner"], Closed)
    closed = RuleAccess("closed", {"closed": Closed("why")})
    assert joint_access([outer, closed]).access["outer + closed"] == Closed("why")
    assert joint_access([closed, RuleAccess()]).access == closed.access
