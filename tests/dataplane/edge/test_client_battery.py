"""Several hundred byte sequences from clients, each in one segment and in several: refused by the RFCs, or served."""

from collections import Counter
from collections.abc import Sequence

import pytest

from battery.client import CASES, Case, Got
from battery.lanes import Lane, converse, cuts, each_in_a_lane
from serving import KEY

LAST = b"GET /plain/last HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
LAST_GOT: Got = ("GET", "/plain/last", b"")
GROUPS = tuple(dict.fromkeys(case.group for case in CASES))


def test_every_case_has_a_name_of_its_own() -> None:
    assert [name for name, count in Counter((case.group, case.name) for case in CASES).items() if count > 1] == []
    assert len(CASES) > 400


@pytest.mark.parametrize("group", GROUPS)
async def test_what_a_client_sends_is_refused_or_served_as_the_rfcs_have_it(group: str) -> None:
    wrong = await each_in_a_lane([case for case in CASES if case.group == group], _judged)
    assert wrong == []


async def _judged(lane: Lane, case: Case) -> list[str]:
    """Send the case in each way; the sentences say what was wrong."""
    data = case.data + (LAST if case.followed else b"")
    found: list[str] = []
    for pieces in cuts(data)[: 1 if case.once else None]:
        lane.upstream.requests.clear()
        said = await converse(lane.port, pieces, leave=case.closing)
        if case.closing:
            # Its answer tells that the gateway has read the end of the connection before it.
            await converse(lane.port, [LAST])
        methods = [method for method, _, _ in case.served or ()]
        got = lane.upstream.requests
        why = _wrong(case, said.read(methods).statuses, said.end, got, in_pieces=len(pieces) > 1)
        if why or said.rest or b"internal_error" in said.got or KEY.encode() in said.got:
            wrote = f"in {len(pieces)} pieces: {why}; answers {said.statuses}, {said.end}"
            found.append(f"{case.name}: {wrote}, upstream {[_brief(each) for each in got]}, rest {said.rest[:80]!r}")
    return found


def _wrong(case: Case, statuses: Sequence[int], end: str, requests: Sequence[bytes], *, in_pieces: bool) -> str:
    if end == "hung":
        return "it hangs"
    got = [_got(each) for each in requests]
    text = b"".join(requests).lower()
    if any(sign in text for sign in case.hides):
        return "the upstream got what must be hidden"
    if got and not all(sign in text for sign in case.shows):
        return "the upstream misses something"
    if case.closing:
        return "" if got == [LAST_GOT] else "something of it reached the upstream"
    # A client that goes on sending may be reset before it has read what it was told.
    untold = in_pieces and end == "reset"
    if case.statuses and _is_refused(case, statuses, got, untold=untold):
        return ""
    if case.served is None or case.before:
        return f"not refused with {sorted(case.statuses)} alone"
    return _not_served(case, case.served, statuses, got, untold=untold)


def _is_refused(case: Case, statuses: Sequence[int], got: Sequence[Got], *, untold: bool) -> bool:
    at = next((index for index, status in enumerate(statuses) if status in case.statuses), None)
    if at is None:
        return untold and not statuses and list(got) == list((case.served or ())[: case.before])[: len(got)]
    before, behind = list(got[:at]), list(got[at:])
    if at > case.before or before != list((case.served or ())[:at]):
        return False
    return not behind or (case.kept and behind == [LAST_GOT])


def _not_served(case: Case, served: Sequence[Got], statuses: Sequence[int], got: Sequence[Got], *, untold: bool) -> str:
    if case.answers and not (untold and not statuses) and statuses[:1] not in [[status] for status in case.answers]:
        return f"not answered with one of {case.answers}"
    wanted = [*served, LAST_GOT] if case.followed else [*served]
    if list(got) != wanted and not (case.fewer and list(got) == wanted[: len(got)] and len(got) >= bool(served)):
        return "not what the upstream has to get"
    of_upstream = list(statuses[1:] if case.answers else statuses)
    if of_upstream != [200] * len(got) and not (untold and of_upstream == [200] * len(of_upstream)):
        return f"{len(got)} requests reached the upstream"
    return ""


def _got(request: bytes) -> Got:
    head, _, body = request.partition(b"\r\n\r\n")
    line, *fields = head.split(b"\r\n")
    method, target, _ = line.decode("latin-1").split(" ")
    if any(field.lower() == b"transfer-encoding: chunked" for field in fields):
        body = _unchunked(body)
    return method, target, body


def _unchunked(data: bytes) -> bytes:
    body = b""
    while data:
        size, _, data = data.partition(b"\r\n")
        body, data = body + data[: int(size, 16)], data[int(size, 16) + 2 :]
    return body


def _brief(request: bytes) -> bytes:
    return request[:60] if len(request) < 100 else request[:60] + b"..."
