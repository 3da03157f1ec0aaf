"""What is known and what exists → what was missed."""

import pytest

from switchover_operator.cluster.resync import Drift, missing_and_stale, uids
from switchover_operator.identity import Body


def of(letters: str) -> frozenset[str]:
    return frozenset(letters)


@pytest.mark.parametrize(
    ("before", "existing", "after", "gone", "unseen"),
    [
        ("ab", "ab", "ab", "", ""),
        ("ab", "a", "ab", "b", ""),  # deleted, and nobody told
        ("ab", "a", "a", "", ""),  # deleted, and told meanwhile
        ("a", "ab", "a", "", "b"),  # made, and nobody told
        ("a", "ab", "ab", "", ""),  # made, and told meanwhile
        ("a", "a", "ab", "", ""),  # made after the list
        ("ab", "ab", "a", "", ""),  # deleted after the list
        ("ab", "cd", "ab", "ab", "cd"),  # all made anew
        ("", "", "", "", ""),
    ],
)
def test_what_is_gone_was_known_before_the_list_and_what_is_unseen_is_not_known_after_it(
    before: str, existing: str, after: str, gone: str, unseen: str
) -> None:
    assert missing_and_stale(of(before), of(existing), of(after)) == Drift(of(gone), of(unseen))


def body(**metadata: str) -> Body:
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "a", **metadata}}


def test_an_object_that_is_made_anew_under_its_name_is_another() -> None:
    assert uids([body(uid="1")]) != uids([body(uid="2")])


def test_an_object_without_a_uid_is_not_counted() -> None:
    assert uids([body(uid="1"), body(), body(uid="")]) == {"1"}
