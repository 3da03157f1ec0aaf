import pytest
from multidict import CIMultiDict

from switchover_dataplane.routing.header_values import Facts, differs, has_operators, time_text, value_of
from switchover_dataplane.table.rules import Header, HeaderEdit, Operator, ValuePart

MOMENT = 1_527_590_590_528_007_012
FACTS = Facts(
    CIMultiDict({"host": "chat.example", "x-tenant": "blue"}),
    method="POST",
    target="/v1/chat?x=1",
    scheme="https",
    protocol="HTTP/1.1",
    request_id="stands for the id",
    remote=("10.0.0.9", 4711),
    local=("::1", 443),
    route="ai/chat/0",
    upstream="ai/models",
    hostname="node-1",
    began=MOMENT,
    answer=CIMultiDict({"x-region": "west"}),
    status=200,
    host="10.1.1.1:8080",
    attempts=2,
    duration=17,
)


def said(operator: Operator, argument: str = "", otherwise: str = "", longest: int | None = None) -> str:
    return value_of([ValuePart("", "", operator, argument, otherwise, longest)], FACTS, {})


@pytest.mark.parametrize(
    ("operator", "value"),
    [
        ("DOWNSTREAM_REMOTE_ADDRESS", "10.0.0.9:4711"),
        ("DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT", "10.0.0.9"),
        ("DOWNSTREAM_REMOTE_PORT", "4711"),
        ("DOWNSTREAM_LOCAL_ADDRESS", "[::1]:443"),
        ("DOWNSTREAM_LOCAL_ADDRESS_WITHOUT_PORT", "::1"),
        ("DOWNSTREAM_LOCAL_PORT", "443"),
        ("DOWNSTREAM_DIRECT_REMOTE_ADDRESS", "10.0.0.9:4711"),
        ("DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT", "10.0.0.9"),
        ("DOWNSTREAM_DIRECT_REMOTE_PORT", "4711"),
        ("DURATION", "17"),
        ("HOSTNAME", "node-1"),
        ("PROTOCOL", "HTTP/1.1"),
        ("RESPONSE_CODE", "200"),
        ("ROUTE_NAME", "ai/chat/0"),
        ("START_TIME", "2018-05-29T10:43:10.528Z"),
        ("UPSTREAM_CLUSTER", "ai/models"),
        ("UPSTREAM_HOST", "10.1.1.1:8080"),
        ("UPSTREAM_REQUEST_ATTEMPT_COUNT", "2"),
    ],
)
def test_an_operator_says_what_is_known(operator: Operator, value: str) -> None:
    assert said(operator) == value


def test_what_is_not_known_leaves_nothing_in_its_place() -> None:
    parts = [ValuePart("a"), ValuePart(operator="DOWNSTREAM_REMOTE_ADDRESS"), ValuePart(operator="RESPONSE_CODE")]
    assert value_of([*parts, ValuePart(operator="DOWNSTREAM_REMOTE_PORT"), ValuePart("b")], Facts(), {}) == "ab"


def test_a_header_of_the_caller_may_have_another_in_its_place_and_be_cut() -> None:
    assert said("REQ", "x-tenant") == "blue"
    assert said("REQ", "x-team", "x-tenant", 2) == "bl"
    assert said("REQ", "x-team", "x-project") == ""
    assert [said("REQ", name) for name in (":method", ":path", ":scheme", ":authority")] == [
        "POST",
        "/v1/chat?x=1",
        "https",
        "chat.example",
    ]


def test_a_header_of_an_answer_may_have_another_in_its_place() -> None:
    assert (said("RESP", "x-zone", "x-region"), said("RESP", "x-zone")) == ("west", "")


def test_what_stands_for_the_id_of_a_request_is_not_cut() -> None:
    assert said("REQ", "x-request-id", longest=3) == "stands for the id"


def test_a_text_of_a_credential_comes_from_the_secrets() -> None:
    assert value_of([ValuePart(secret="a/b"), ValuePart(operator="PROTOCOL")], FACTS, {"a/b": "k "}) == "k HTTP/1.1"


@pytest.mark.parametrize(
    ("form", "text"),
    [
        ("%s", "1527590590"),
        ("%s.%3f", "1527590590.528"),
        ("%6f %f", "528007 528007012"),
        ("%Y/%m/%dT%H:%M:%S%z", "2018/05/29T10:43:10+0000"),
        ("%H:%M:%E3S", "10:43:10.528"),
        ("%E*S", "10.528007012"),
        ("100%%s", "100%s"),
        ("at noon", "at noon"),
    ],
)
def test_a_time_is_written_in_the_form_that_is_asked_for(form: str, text: str) -> None:
    assert time_text(form, MOMENT) == text


def test_values_that_follow_from_the_head_are_told_from_others() -> None:
    def edit(*operators: Operator) -> list[HeaderEdit]:
        return [HeaderEdit(add=(Header("x", parts=tuple(ValuePart(operator=each) for each in operators)),))]

    plain = [HeaderEdit(set=(Header("x", "1"),))]
    assert (has_operators(plain), has_operators(edit("REQ"))) == (False, True)
    assert [differs(each) for each in (plain, edit("REQ", "PROTOCOL"), edit("REQ", "START_TIME"))] == [
        False,
        False,
        True,
    ]
    assert differs(edit("DOWNSTREAM_LOCAL_PORT"))
