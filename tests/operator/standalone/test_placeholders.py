"""`${NAME}` in the values of objects that are read from files: what it becomes, and what is said where it cannot."""

from pathlib import Path
from typing import Any

import pytest

from switchover_operator.standalone.documents import Reader, documents
from switchover_operator.standalone.files import FileState, advance
from switchover_operator.standalone.objects import Document
from switchover_operator.standalone.yaml_values import Unreadable, composed_value, yaml_value

VARIABLES = {"HOST": "api.example.com", "PORT": "8443", "NONE": "", "ON": "true", "KEY": "s3cret-Never-Shown"}
UPSTREAM = """apiVersion: gloo.solo.io/v1
kind: Upstream
metadata:
  name: models
spec:
  static:
    hosts:
    - addr: {addr}
      port: {port}
"""


def read(text: str, **variables: str) -> list[Document | Unreadable]:
    return list(Reader({}, VARIABLES | variables).read(text.encode()))


def host(addr: str = "a.example", port: str = "80") -> dict[str, Any]:
    [found] = read(UPSTREAM.format(addr=addr, port=port))
    assert isinstance(found, Document), found
    value: dict[str, Any] = found.body["spec"]["static"]["hosts"][0]
    return value


def faults(text: str) -> list[tuple[int, str]]:
    return [(each.line, each.what) for each in read(text) if isinstance(each, Unreadable)]


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("${HOST}", "api.example.com"),
        ('"${HOST}"', "api.example.com"),
        ("eu.${HOST}", "eu.api.example.com"),
        ("${HOST}/${HOST}", "api.example.com/api.example.com"),
        ("${NOBODY:-other.example}", "other.example"),
        ("${NONE:-other.example}", "other.example"),
        ("${HOST:-other.example}", "api.example.com"),
        ("x${NOBODY:-}y", "xy"),
        ("x${NONE}y", "xy"),
        ("${NOBODY:-a:-b}", "a:-b"),
        ("$${HOST}", "${HOST}"),
        ("$HOST", "$HOST"),
        ("a$", "a$"),
        ("$$", "$$"),
        ("|-\n        ${HOST}", "api.example.com"),
        ('"\\x61${HOST}"', "aapi.example.com"),
    ],
)
def test_a_placeholder_is_replaced_wherever_it_stands_in_a_value(written: str, value: str) -> None:
    assert host(addr=written)["addr"] == value


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("${PORT}", 8443),
        ("${NOBODY:-80}", 80),
        ("&port ${PORT}", 8443),
        ("${ON}", True),
        ("${HOST}", "api.example.com"),
        ('"${PORT}"', "8443"),
        ("'${PORT}'", "8443"),
        ("!!str ${PORT}", "8443"),
        ("1${PORT}", "18443"),
        ("${NOBODY:-010}", "010"),
        ("${NOBODY:-yes}", "yes"),
        ("${NOBODY:-1.5}", "1.5"),
        ("${NOBODY:-null}", "null"),
    ],
)
def test_without_quotes_a_whole_number_and_a_truth_value_are_what_yaml_takes_them_for(written: str, value: Any) -> None:
    got = host(port=written)["port"]
    assert (got, type(got)) == (value, type(value))


def test_a_field_that_takes_text_gets_text_though_the_value_is_a_number() -> None:
    text = (
        "apiVersion: v1\nkind: Secret\nmetadata:\n  name: ${PORT}\n  labels:\n    a: ${PORT}\n"
        "stringData:\n  Authorization: ${PORT}\n"
    )
    [found] = read(text)
    assert isinstance(found, Document)
    assert found.body["stringData"] == {"Authorization": "8443"}
    assert found.body["metadata"] == {"name": "8443", "labels": {"a": "8443"}, "namespace": "default"}
    [token] = read(
        "apiVersion: gloo.solo.io/v1\nkind: Upstream\nmetadata:\n  name: a\nspec:\n  ai:\n    openai:\n"
        "      authToken:\n        inline: ${PORT}\n      customHost:\n        port: ${PORT}\n"
    )
    assert isinstance(token, Document)
    assert token.body["spec"]["ai"]["openai"] == {"authToken": {"inline": "8443"}, "customHost": {"port": 8443}}


def test_a_value_is_never_read_as_yaml_and_never_replaced_again() -> None:
    [found] = read(UPSTREAM.format(addr="${TRICK}", port="80"), TRICK="x\n      tls: true\n# ${KEY}")
    assert isinstance(found, Document)
    assert found.body["spec"]["static"]["hosts"] == [{"addr": "x\n      tls: true\n# ${KEY}", "port": 80}]


def test_json_and_lists_have_placeholders_too() -> None:
    secret = '{"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "a"}, "stringData": {"k": "${KEY}"}}'
    for text in (secret, f'{{"apiVersion": "v1", "kind": "List", "items": [{secret}]}}'):
        [found] = read(text)
        assert isinstance(found, Document)
        assert found.body["stringData"] == {"k": VARIABLES["KEY"]}
        assert found.variables == ("KEY",)


def test_keys_kinds_and_statuses_are_not_replaced() -> None:
    text = (
        "apiVersion: v1\nkind: Secret\nmetadata:\n  name: a\n  annotations:\n"
        "    kubectl.kubernetes.io/last-applied-configuration: '${NOBODY}'\n"
        "stringData:\n  ${HOST}: x\nstatus:\n  said: ${NOBODY}\n"
    )
    [found] = read(text)
    assert isinstance(found, Document), found
    assert [*found.body["stringData"]] == ["${HOST}"]


def test_what_a_placeholder_means_in_a_kind_that_is_not_read_here_is_not_known() -> None:
    text = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: script\ndata:\n  run: echo ${USER_NAME} ${#x}\n"
    [found] = read(text)
    assert isinstance(found, Document)
    assert found.body["data"] == {"run": "echo ${USER_NAME} ${#x}"}


@pytest.mark.parametrize(
    ("written", "says"),
    [
        ("${NOBODY}", "the variable NOBODY is not set: set it, name a file that has it with --env-file, or write"),
        ("${NOBODY:?it is needed}", "a placeholder is ${NAME} or ${NAME:-default}"),
        ("${NOBODY-80}", "a placeholder is ${NAME} or ${NAME:-default}"),
        ("${}", "a placeholder is ${NAME} or ${NAME:-default}"),
        ("${1A}", "a placeholder is ${NAME} or ${NAME:-default}"),
        ("a${HOST", "a placeholder is ${NAME} or ${NAME:-default}"),
        ("${HOST:-${KEY}}", "with none inside"),
        ("${BYTES}", "the value of the variable BYTES is not UTF-8 text"),
    ],
)
def test_what_cannot_be_replaced_is_named_with_its_line_object_and_field(written: str, says: str) -> None:
    text = f"# first\n---\n{UPSTREAM.format(addr=written, port='${PORT}')}"
    [found] = read(text, BYTES="\udcff")
    assert isinstance(found, Unreadable)
    assert found.line == 10
    assert found.what.startswith("Upstream default/models: spec.static.hosts[0].addr: ")
    assert says in found.what


def test_every_placeholder_without_a_value_is_named() -> None:
    told = faults(UPSTREAM.format(addr="${ONE}", port="${TWO}"))
    assert [(line, what.split(":")[1].strip()) for line, what in told] == [
        (8, "spec.static.hosts[0].addr"),
        (9, "spec.static.hosts[0].port"),
    ]


def test_data_of_a_secret_is_base64_and_has_no_placeholders() -> None:
    text = "apiVersion: v1\nkind: Secret\nmetadata:\n  name: a\ndata:\n  Authorization: ${KEY}\n"
    [(line, what)] = faults(text)
    assert (line, what.startswith("Secret default/a: data.Authorization: holds base64")) == (6, True)
    assert "move the key to stringData" in what


def test_between_braces_a_placeholder_needs_quotes_and_that_is_said() -> None:
    [(line, what)] = faults("apiVersion: v1\nkind: Secret\nmetadata: {name: ${HOST}}\n")
    assert line == 3
    assert 'has to stand in quotes: "${NAME}"' in what
    [found] = read('apiVersion: v1\nkind: Secret\nmetadata: {name: "${HOST}"}\n')
    assert isinstance(found, Document)


def test_no_message_shows_a_value() -> None:
    text = UPSTREAM.format(addr="${KEY}${NOBODY}", port="${KEY:?no}")
    assert all(VARIABLES["KEY"] not in what for _, what in faults(text))
    assert VARIABLES["KEY"] not in repr(Reader({}, VARIABLES))


def test_while_a_variable_is_missing_the_object_that_was_there_stays() -> None:
    file = Path("a.yaml")
    good = advance(FileState(), file, UPSTREAM.format(addr="${HOST}", port="80").encode(), VARIABLES)
    broken = advance(good, file, UPSTREAM.format(addr="${NOBODY}", port="80").encode(), VARIABLES)
    assert broken.objects == good.objects
    assert str(broken.problems[0]).endswith("(still served as last read: Upstream default/models)")


def test_without_variables_every_placeholder_stays() -> None:
    [found] = documents(UPSTREAM.format(addr="${HOST}", port="${PORT}").encode())
    assert isinstance(found, Document)
    [entry] = found.body["spec"]["static"]["hosts"]
    assert (entry, {*map(type, entry.values())}) == ({"addr": "${HOST}", "port": "${PORT}"}, {str})


@pytest.mark.parametrize("written", ["${A}", "x${A}", "'${A}'", '"${A}"', "${A}b", "${A", "${A:-b}"])
def test_both_readers_of_yaml_know_a_placeholder_without_quotes(written: str) -> None:
    text = f"a: {written}\n"
    by_line, composed = yaml_value(text), composed_value(text)
    assert by_line is not None
    assert composed is not None
    assert type(by_line.value["a"]) is type(composed.value["a"])
