from typing import Any

import msgspec
import pytest
from multidict import CIMultiDict

from switchover_dataplane.formats.json_body import JsonBody
from switchover_dataplane.formats.json_fields import BadBody
from switchover_dataplane.routing import filters, match
from switchover_dataplane.routing.header_values import NO_FACTS, Facts
from switchover_dataplane.routing.match import Head, MatchedRule
from switchover_dataplane.table.ports import Host, Listener, Match, PathMatch, Port
from switchover_dataplane.table.rules import (
    BodyDefault,
    BodyEdit,
    Filters,
    Header,
    HeaderEdit,
    PromptMessage,
    Redirect,
    Rewrite,
    Rule,
    ValuePart,
)
from switchover_dataplane.table.wire import sealed

SECRETS = {"ns/key/header": "s3cret\n"}


def found(path: PathMatch, asked: str, *, redirect: Redirect | None = None, seen_at: int = 0) -> MatchedRule:
    """What matching finds for a path, so that rewriting is tested on what it is given."""
    listener = Listener("web", hosts=(Host("", (Match("rule", path),)),), port=seen_at)
    rules = {"rule": Rule("ns/route", "0", filters=Filters(redirect=redirect))}
    router = match.index(sealed((Port(80, listeners=(listener,)),), rules, {}, {}, {}))
    result = match.find(router, 80, Head("a.example", "GET", asked, "", CIMultiDict()))
    assert result is not None
    return result


def sent(
    *parts: Filters, path: str = "/foo/bar", query: str = "", on: PathMatch | None = None, given: str = "1"
) -> tuple["CIMultiDict[str]", str, str]:
    fields = CIMultiDict([("Host", "a.example"), ("X-Given", given)])
    asked = CIMultiDict([("X-Caller", "one"), ("x-caller", "two"), ("X-Empty", "")])
    return filters.request(found(on or PathMatch("/foo"), path), parts, fields, path, query, SECRETS, Facts(asked))


def of_caller(name: str) -> ValuePart:
    return ValuePart(operator="REQ", argument=name)


def rewritten(rewrite: Rewrite, *, path: str = "/foo/bar", query: str = "", on: PathMatch | None = None) -> str:
    _, new_path, new_query = sent(Filters(rewrite=rewrite), path=path, query=query, on=on)
    return f"{new_path}?{new_query}" if new_query else new_path


def edited(*edits: HeaderEdit) -> list[tuple[str, str]]:
    return list(sent(Filters(request_headers=edits))[0].items())


# ── Paths ───────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("path", "prefix", "replacement", "result"),
    [
        ("/foo/bar", "/foo", "/xyz", "/xyz/bar"),
        ("/foo/bar", "/foo", "/xyz/", "/xyz/bar"),
        ("/foo", "/foo", "/xyz", "/xyz"),
        ("/foo/", "/foo", "/xyz", "/xyz/"),
        ("/foo/bar", "/foo", "", "/bar"),
        ("/foo/", "/foo", "", "/"),
        ("/foo", "/foo", "", "/"),
        ("/foo/", "/foo", "/", "/"),
        ("/foo", "/foo", "/", "/"),
        ("/foo/bar", "/foo", "/", "/bar"),
        ("/bar", "/", "/xyz", "/xyz/bar"),
        ("/", "/", "/xyz", "/xyz/"),
        ("/bar", "/", "/", "/bar"),
    ],
)
def test_a_prefix_is_replaced_with_one_slash_at_the_seam(path: str, prefix: str, replacement: str, result: str) -> None:
    assert rewritten(Rewrite(prefix=replacement), path=path, query="q=1", on=PathMatch(prefix)) == f"{result}?q=1"


def test_a_prefix_that_the_route_spells_longer_is_cut_as_the_request_spells_it() -> None:
    assert rewritten(Rewrite(prefix="/x"), on=PathMatch("/%66oo")) == "/x/bar"


@pytest.mark.parametrize("path", [PathMatch("/foo/bar", "Exact"), PathMatch("/foo/.*", "RegularExpression")])
def test_of_a_path_that_matched_as_a_whole_the_whole_is_replaced(path: PathMatch) -> None:
    assert rewritten(Rewrite(prefix="/xyz"), on=path) == "/xyz"


def test_a_full_path_keeps_the_callers_query_unless_it_has_its_own() -> None:
    assert rewritten(Rewrite(full_path="/new"), query="q=1") == "/new?q=1"
    assert rewritten(Rewrite(full_path="/new?own=2"), query="q=1") == "/new?own=2"
    assert rewritten(Rewrite(full_path="/new?"), query="q=1") == "/new"
    assert rewritten(Rewrite(full_path=""), query="q=1") == "/?q=1"


def test_a_regular_expression_rewrites_the_path_and_not_the_query() -> None:
    rewrite = Rewrite(regex=("^/foo/(.*)$", r"/api/\1/v2"))
    assert rewritten(rewrite, query="a=/foo/x") == "/api/bar/v2?a=/foo/x"


@pytest.mark.parametrize(
    ("rewrite", "result"),
    [
        (Rewrite(full_path="/a b\r\nx: y"), "/a%20b%0D%0Ax:%20y"),
        (Rewrite(full_path="café"), "/caf%C3%A9"),
        (Rewrite(full_path="/a#b"), "/a%23b"),
        (Rewrite(prefix="/a?b"), "/a%3Fb/bar"),
        (Rewrite(regex=("^/", "")), "/foo/bar"),
        (Rewrite(regex=("/bar", "?x=1")), "/foo%3Fx=1"),
    ],
)
def test_whatever_a_route_writes_stays_one_path_in_one_request_line(rewrite: Rewrite, result: str) -> None:
    assert rewritten(rewrite) == result


def test_a_hostname_replaces_the_host() -> None:
    headers, path, _ = sent(Filters(rewrite=Rewrite(hostname="b.example")))
    assert headers.getall("host") == ["b.example"]
    assert path == "/foo/bar"


def test_the_backends_rewrite_wins_over_the_rules_and_both_see_the_path_that_matched() -> None:
    rule = Filters(rewrite=Rewrite(hostname="rule.example", prefix="/rule"))
    backend = Filters(rewrite=Rewrite(prefix="/backend"))
    headers, path, _ = sent(rule, backend)
    assert (headers["host"], path) == ("rule.example", "/backend/bar")
    assert sent(rule, Filters(rewrite=Rewrite(hostname="b.example")))[1] == "/rule/bar"


def test_without_filters_a_request_is_handed_on_as_it_is() -> None:
    headers, path, query = sent(Filters(), Filters(), query="q=1")
    assert (list(headers.items()), path, query) == ([("Host", "a.example"), ("X-Given", "1")], "/foo/bar", "q=1")


# ── Headers ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_set_replaces_add_appends_and_remove_drops() -> None:
    edit = HeaderEdit(set=(Header("x-given", "2"),), add=(Header("x-given", "3"), Header("x-new", "4")))
    assert edited(edit)[1:] == [("x-given", "2"), ("x-given", "3"), ("x-new", "4")]
    assert edited(HeaderEdit(remove=("x-given", "x-absent"))) == [("Host", "a.example")]


def test_within_an_edit_what_is_removed_goes_first() -> None:
    assert edited(HeaderEdit(add=(Header("x-given", "2"),), remove=("x-given",)))[1:] == [("x-given", "2")]


def test_edits_of_the_rule_come_before_those_of_its_backend() -> None:
    rule, backend = (Filters(request_headers=(HeaderEdit(set=(Header("x", value),)),)) for value in ("rule", "backend"))
    assert sent(rule, backend)[0]["x"] == "backend"


def test_a_value_comes_from_a_secret_without_the_line_end_of_its_file() -> None:
    assert edited(HeaderEdit(set=(Header("x-key", secret="ns/key/header"),)))[2:] == [("x-key", "s3cret")]


def test_a_header_can_take_the_value_of_one_of_the_callers() -> None:
    taken = HeaderEdit(
        set=(Header("x-given", parts=(of_caller("x-caller"),)),),
        add=(Header("x-new", parts=(ValuePart("to "), of_caller("x-missing"), of_caller("x-caller"))),),
    )
    assert edited(taken) == [("Host", "a.example"), ("x-given", "one"), ("x-new", "to one")]


@pytest.mark.parametrize("name", ["x-missing", "x-empty"])
def test_a_header_whose_value_the_caller_did_not_send_is_not_written(name: str) -> None:
    missing = Header("x-given", parts=(of_caller(name),))
    assert edited(HeaderEdit(set=(missing,), add=(missing,))) == [("Host", "a.example"), ("X-Given", "1")]


def test_a_line_end_in_a_value_cannot_begin_another_header() -> None:
    assert edited(HeaderEdit(set=(Header("x", "a\r\nb: c\td"),)))[2:] == [("x", "a  b: c\td")]


@pytest.mark.parametrize("name", ["content-length", "transfer-encoding", "connection", "upgrade"])
def test_a_route_cannot_touch_the_framing_of_a_message(name: str) -> None:
    edit = HeaderEdit(set=(Header(name, "1"),), add=(Header(name, "2"),), remove=(name,))
    assert [field for field, _ in edited(edit)] == ["Host", "X-Given"]


def test_the_host_can_be_set_but_neither_removed_nor_repeated() -> None:
    assert edited(HeaderEdit(set=(Header("host", "b.example"),)))[0][1] == "b.example"
    assert edited(HeaderEdit(add=(Header("host", "b.example"),), remove=("host",)))[0][1] == "b.example"
    assert edited(HeaderEdit(remove=("host",)))[0][1] == "a.example"


def test_answers_are_edited_by_their_own_list() -> None:
    part = Filters(
        request_headers=(HeaderEdit(set=(Header("x-request", "1"),)),),
        response_headers=(HeaderEdit(add=(Header("set-cookie", "b=2"),), remove=("server",)),),
    )
    answer = CIMultiDict([("server", "x"), ("set-cookie", "a=1")])
    assert list(filters.response(part.response_headers, answer, {}, NO_FACTS).items()) == [
        ("set-cookie", "a=1"),
        ("set-cookie", "b=2"),
    ]


# ── Redirects ───────────────────────────────────────────────────────────────────────────────────────────────────────


def location(
    redirect: Redirect, *, scheme: str = "http", port: int = 80, host: str = "a.example", query: str = ""
) -> str:
    one = found(PathMatch("/foo"), "/foo/bar", redirect=redirect)
    result = filters.redirect(one, Head(host, "GET", "/foo/bar", query, CIMultiDict()), scheme, port)
    assert result is not None
    return result.location


@pytest.mark.parametrize(
    ("scheme", "port", "redirect", "start"),
    [
        ("http", 80, Redirect(), "http://a.example/"),
        ("http", 8080, Redirect(), "http://a.example:8080/"),
        ("https", 443, Redirect(), "https://a.example/"),
        ("https", 8443, Redirect(), "https://a.example:8443/"),
        ("http", 80, Redirect(port=8080), "http://a.example:8080/"),
        ("http", 8080, Redirect(port=80), "http://a.example/"),
        ("http", 8080, Redirect(scheme="https"), "https://a.example/"),
        ("http", 80, Redirect(scheme="https", port=443), "https://a.example/"),
        ("http", 80, Redirect(scheme="https", port=8443), "https://a.example:8443/"),
        ("https", 443, Redirect(scheme="http"), "http://a.example/"),
        ("https", 443, Redirect(scheme="http", port=443), "http://a.example:443/"),
        ("https", 443, Redirect(port=80), "https://a.example:80/"),
        ("http", 80, Redirect(hostname="b.example"), "http://b.example/"),
    ],
)
def test_a_redirects_port_follows_from_its_scheme_or_the_listener(
    scheme: str, port: int, redirect: Redirect, start: str
) -> None:
    assert location(redirect, scheme=scheme, port=port) == f"{start}foo/bar"


def test_a_listener_behind_a_service_is_redirected_to_at_the_port_that_clients_see() -> None:
    one = found(PathMatch("/foo"), "/foo", redirect=Redirect(hostname="b.example"), seen_at=8080)
    result = filters.redirect(one, Head("a.example", "GET", "/foo", "", CIMultiDict()), "http", 10_001)
    assert result == filters.Location(302, "http://b.example:8080/foo")


@pytest.mark.parametrize(
    ("host", "start"),
    [("a.example:8080", "http://a.example/"), ("[::1]:8080", "http://[::1]/"), ("[::1]", "http://[::1]/"), ("", "/")],
)
def test_a_redirect_keeps_the_callers_host_without_its_port(host: str, start: str) -> None:
    assert location(Redirect(), host=host) == f"{start}foo/bar"


def test_a_redirect_changes_the_path_as_a_rewrite_does_and_keeps_the_query() -> None:
    assert location(Redirect(prefix="/xyz"), query="q=1") == "http://a.example/xyz/bar?q=1"
    assert location(Redirect(full_path="/new"), query="q=1") == "http://a.example/new?q=1"


def test_a_redirect_has_the_status_that_the_route_wants() -> None:
    one = found(PathMatch("/foo"), "/foo", redirect=Redirect(status=308))
    result = filters.redirect(one, Head("a.example", "GET", "/foo", "", CIMultiDict()), "http", 80)
    assert result == filters.Location(308, "http://a.example/foo")


def test_a_rule_without_a_redirect_gives_none() -> None:
    one = found(PathMatch("/foo"), "/foo")
    assert filters.redirect(one, Head("a.example", "GET", "/foo", "", CIMultiDict()), "http", 80) is None


# ── Bodies ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def body(text: str, edit: BodyEdit) -> str:
    return filters.edit_body(JsonBody.parse(text.encode()), edit).for_model("").decode()


def test_a_default_sets_a_missing_field_and_replaces_only_with_override() -> None:
    defaults = (
        BodyDefault("temperature", "0.5"),
        BodyDefault("user", '{"a":[1]}'),
        BodyDefault("n", "1", override=True),
    )
    assert body('{"temperature":1.50,"n":2}', BodyEdit(defaults)) == '{"temperature":1.50,"n":1,"user":{"a":[1]}}'


def test_a_field_that_is_null_is_there() -> None:
    assert body('{"a":null}', BodyEdit((BodyDefault("a", "1"),))) == '{"a":null}'


def test_messages_are_added_around_the_callers_whose_bytes_stay() -> None:
    edit = BodyEdit(prepend=(PromptMessage("system", 'say "hi"'),), append=(PromptMessage("user", "é"),))
    assert body('{"messages":[{"content": "x",  "n":1.0}],"b":1e2}', edit) == (
        '{"messages":[{"role":"system","content":"say \\"hi\\""},{"content": "x",  "n":1.0},'
        '{"role":"user","content":"é"}],"b":1e2}'
    )


def test_messages_from_a_default_are_enriched_too() -> None:
    edit = BodyEdit((BodyDefault("messages", "[1]"),), append=(PromptMessage("user", "x"),))
    assert body("{}", edit) == '{"messages":[1,{"role":"user","content":"x"}]}'


def test_a_request_without_messages_is_not_given_any() -> None:
    assert body('{"input":"x"}', BodyEdit(prepend=(PromptMessage("system", "x"),))) == '{"input":"x"}'


@pytest.mark.parametrize("messages", ['"x"', "null", "{}", "1"])
def test_messages_that_are_no_list_are_the_callers_mistake(messages: str) -> None:
    with pytest.raises(BadBody, match="`messages` must be a list") as refused:
        body(f'{{"messages":{messages}}}', BodyEdit(append=(PromptMessage("user", "x"),)))
    assert refused.value.param == "messages"


def test_messages_are_only_looked_at_where_some_are_added() -> None:
    assert body('{"messages":"x"}', BodyEdit((BodyDefault("a", "1"),))) == '{"messages":"x","a":1}'


def test_the_callers_body_is_not_changed_in_place() -> None:
    asked = JsonBody.parse(b'{"a":1,"messages":[]}')
    edit = BodyEdit((BodyDefault("b", "2"),), append=(PromptMessage("user", "x"),))
    assert filters.edit_body(asked, edit).for_model("") == (b'{"a":1,"messages":[{"role":"user","content":"x"}],"b":2}')
    assert asked.for_model("") == b'{"a":1,"messages":[]}'


@pytest.mark.parametrize("override", [True, False])
def test_a_default_that_a_caller_wrote_in_another_case_is_the_callers_mistake(override: bool) -> None:
    with pytest.raises(BadBody, match='the field "Top_P" must be written "top_p"') as refused:
        body('{"Top_P":1}', BodyEdit((BodyDefault("top_p", "0.5", override=override),)))
    assert refused.value.param == "Top_P"


def test_the_messages_of_a_rule_stand_around_those_of_its_backend() -> None:
    asked = JsonBody.parse(b'{"messages":[ 1 ]}')
    for edit in ("backend", "rule"):
        message = (PromptMessage("system", edit),)
        asked = filters.edit_body(asked, BodyEdit(prepend=message, append=message))
    shown = [each if isinstance(each, int) else each["content"] for each in written(asked)["messages"]]
    assert shown == ["rule", "backend", 1, "backend", "rule"]


def written(asked: JsonBody) -> dict[str, Any]:
    decoded: dict[str, Any] = msgspec.json.decode(asked.for_model(""))
    return decoded
