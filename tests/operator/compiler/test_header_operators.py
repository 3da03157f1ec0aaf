import pytest

from switchover_dataplane.table.rules import ValuePart
from switchover_operator.compiler.header_operators import read


def parts(value: str) -> tuple[ValuePart, ...]:
    found = read(value, of_answer=True)
    assert (found.unserved, found.faults) == ((), ())
    return found.parts


def test_a_value_without_a_percent_sign_is_one_text() -> None:
    assert parts("plain, 'as' (it) is") == (ValuePart("plain, 'as' (it) is"),)
    assert parts("") == (ValuePart(""),)


@pytest.mark.parametrize(
    ("value", "text"),
    [("100%%", "100%"), ("%%REQ(x)%%", "%REQ(x)%"), ("%%%%", "%%"), ("50%% of 100%%.", "50% of 100%.")],
)
def test_two_percent_signs_are_one(value: str, text: str) -> None:
    assert parts(value) == (ValuePart(text),)


def test_operators_stand_between_texts() -> None:
    assert parts("%%a%REQ(X-One?:PATH):7%, %START_TIME(%s.%3f)%%PROTOCOL%") == (
        ValuePart("%a"),
        ValuePart(operator="REQ", argument="x-one", otherwise=":path", longest=7),
        ValuePart(", "),
        ValuePart(operator="START_TIME", argument="%s.%3f"),
        ValuePart(operator="PROTOCOL"),
    )


@pytest.mark.parametrize(
    "value",
    ["%", "100%", "100% of it", "%PROTOCOL", "% %PROTOCOL%", "%protocol%", "%REQ(x%", "%REQ(x)y%", "%PROTOCOL %"],
)
def test_a_sign_that_begins_no_operator_is_a_fault(value: str) -> None:
    [fault] = read(value, of_answer=True).faults
    assert "write %% for a percent sign" in fault


@pytest.mark.parametrize("value", ["%REQ%", "%REQ()%", "%REQ(a b)%", "%REQ(a?b?c)%", "%RESP(:status)%", "%REQ(x?)%"])
def test_a_header_that_cannot_be_named_so_is_a_fault(value: str) -> None:
    [fault] = read(value, of_answer=True).faults
    assert value in fault


@pytest.mark.parametrize(
    "value",
    [
        "%DYNAMIC_METADATA(a:b)%",
        '%UPSTREAM_METADATA(["a", "b"])%',
        "%ENVIRONMENT(HOME)%",
        "%START_TIME(%n)%",
        "%START_TIME:3%",
        "%PROTOCOL(x)%",
    ],
)
def test_an_operator_that_is_not_served_is_told(value: str) -> None:
    [told] = read(f"a {value} b {value}", of_answer=True).unserved
    assert "no effect here" in told


def test_what_an_answer_says_is_not_known_in_a_request() -> None:
    for value in ("%RESP(x)%", "%RESPONSE_CODE%", "%UPSTREAM_HOST%", "%DURATION%", "%UPSTREAM_REQUEST_ATTEMPT_COUNT%"):
        [told] = read(value, of_answer=False).unserved
        assert "no target has answered" in told
        assert not read(value, of_answer=True).unserved


def test_a_misspelt_operator_is_told_with_the_nearest() -> None:
    [told] = read("%UPSTREAM_HOSTS%", of_answer=True).unserved
    assert told.endswith("did you mean %UPSTREAM_HOST%?")
    [told] = read("%RESPONSE_FLAGS%", of_answer=True).unserved
    assert "did you mean" not in told, "it is another one of Envoy's"
