"""Two hundred answers of upstreams, each in one segment and in several: what the client sees of them by the RFCs."""

from collections import Counter
from collections.abc import Callable

import pytest

from battery.lanes import Conversation, Lane, Said, converse, cuts, each_in_a_lane
from battery.upstream import CASES, Case

SECOND = Said([b"HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nSECOND"])
GROUPS = tuple(dict.fromkeys(case.group for case in CASES))
_CLOSE = "Host: localhost\r\nConnection: close\r\n\r\n"


def test_every_case_has_a_name_of_its_own() -> None:
    assert [name for name, count in Counter((case.group, case.name) for case in CASES).items() if count > 1] == []
    assert len(CASES) > 200


@pytest.mark.parametrize("group", GROUPS)
async def test_what_an_upstream_answers_is_whole_or_a_failure_as_the_rfcs_have_it(group: str) -> None:
    wrong = await each_in_a_lane([case for case in CASES if case.group == group], _judged)
    assert wrong == []


async def _judged(lane: Lane, case: Case) -> list[str]:
    """Answer in each way; the sentences say what was wrong."""
    found: list[str] = []
    for pieces in cuts(case.data) if case.data else [[]]:
        lane.answer = _answering(Said(pieces, case.closes))
        said = (await converse(lane.port, [f"{case.method} {case.path} HTTP/1.1\r\n{_CLOSE}".encode()])).read(
            [case.method]
        )
        after = (await converse(lane.port, [f"GET /plain/second HTTP/1.1\r\n{_CLOSE}".encode()])).read()
        why = _wrong(case, said) or _wrong_behind(after)
        if why:
            found.append(
                f"{case.name}: in {len(pieces)} pieces: {why}; {said.end}, {said.got[:300]!r}, {after.got[-200:]!r}"
            )
    return found


def _answering(said: Said) -> Callable[[bytes], Said]:
    return lambda request: said if b"/first " in request.partition(b"\r\n")[0] else SECOND


def _wrong(case: Case, said: Conversation) -> str:
    if said.end == "hung":
        return "the client waits for ever"
    head = said.answers[0].head if said.answers else b""
    if len(said.answers) > 1 or said.rest or b"\nx-injected" in head.lower():
        return "something was injected"
    if b"internal_error" in said.got or b"\0" in head:
        return "the gateway failed"
    if any(sign in head for sign in case.hides):
        return "the client got what must be hidden"
    whole = bool(said.answers) and said.answers[0].whole
    own = whole and said.answers[0].status in (502, 503, 504) and b'"error"' in said.answers[0].body
    if not whole or own:
        return "" if case.may_fail else "not served"
    got = (said.answers[0].status, said.answers[0].body)
    if case.status is None:
        return "it looks whole"
    return "" if got == (case.status, case.body) else f"not {case.status} with what was sent"


def _wrong_behind(after: Conversation) -> str:
    seen = [(answer.status, answer.body) for answer in after.answers]
    return "" if seen == [(200, b"SECOND")] else f"the next request got {seen}"
