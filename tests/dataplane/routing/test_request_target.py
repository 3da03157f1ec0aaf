import pytest
from hypothesis import given
from hypothesis import strategies as st

from switchover_dataplane.routing.request_target import BadTarget, authority, hostname, normalise


@pytest.mark.parametrize(
    ("target", "path", "query"),
    [
        ("/v1/chat/completions", "/v1/chat/completions", ""),
        ("/a?b=../c%2e&d=//", "/a", "b=../c%2e&d=//"),
        ("/?x", "/", "x"),
        ("/a??b?c", "/a", "?b?c"),
        ("/a/", "/a/", ""),
        ("/~user/a-b_c.txt;v=1", "/~user/a-b_c.txt;v=1", ""),
    ],
)
def test_an_ordinary_target_is_split_at_its_first_question_mark_and_not_changed(
    target: str, path: str, query: str
) -> None:
    assert normalise(target) == (path, query)


@pytest.mark.parametrize(
    ("target", "path"),
    [
        ("/public/../admin", "/admin"),
        ("/public/%2e%2E/admin", "/admin"),
        ("/public/.%2e/admin/", "/admin/"),
        ("/./admin", "/admin"),
        ("/../../admin", "/admin"),
        ("//admin", "/admin"),
        ("/public//..///admin", "/admin"),
        ("/%61dmin", "/admin"),
        ("/admin/.", "/admin/"),
        ("/admin/x/..", "/admin/"),
        ("/admin/..", "/"),
        ("//", "/"),
    ],
)
def test_no_spelling_of_a_path_slips_by_the_prefix_that_protects_it(target: str, path: str) -> None:
    assert normalise(target) == (path, "")


@pytest.mark.parametrize(
    ("target", "path"),
    [
        ("/a%2Fb", "/a%2Fb"),
        ("/a%2fb", "/a%2Fb"),
        ("/a/..%2Fb", "/a/..%2Fb"),
        ("/a%252e%252e/b", "/a%252e%252e/b"),
        ("/caf%c3%a9", "/caf%C3%A9"),
        ("/café", "/caf%C3%A9"),
        ("/caf\udcc3\udca9", "/caf%C3%A9"),
        ("/a...b/.well-known", "/a...b/.well-known"),
    ],
)
def test_an_encoded_character_that_means_something_stays_encoded(target: str, path: str) -> None:
    assert normalise(target) == (path, "")


@pytest.mark.parametrize(
    "target",
    [
        "",
        "a",
        "example.com:443",
        "ftp://example.com/",
        "http://",
        "/a#b",
        "/a b",
        "/a\r\nx: y",
        "/a\x00",
        "/a\x7f",
        "/a\\..\\b",
        "/a%5c..%5Cb",
        "/a%00",
        "/a%",
        "/a%2",
        "/a%zz",
        "/a/..;/b",
        "/a/.;x=1/b",
    ],
)
def test_a_target_that_servers_read_differently_is_refused_without_being_quoted(target: str) -> None:
    with pytest.raises(BadTarget) as refused:
        normalise(target)
    assert len(target) < 3 or target not in str(refused.value)


@pytest.mark.parametrize(
    ("target", "path", "query"),
    [
        ("http://example.com/a?b", "/a", "b"),
        ("HTTPS://example.com:8443/a", "/a", ""),
        ("http://example.com", "/", ""),
        ("http://example.com?b=/c", "/", "b=/c"),
    ],
)
def test_an_absolute_target_is_served_by_its_path(target: str, path: str, query: str) -> None:
    assert normalise(target) == (path, query)


def test_the_asterisk_of_options_stays_as_it_is() -> None:
    assert normalise("*") == ("*", "")


@pytest.mark.parametrize(
    ("target", "named"),
    [
        ("http://Example.com:80/a", "Example.com:80"),
        ("http://example.com?a", "example.com"),
        ("/http://example.com/", ""),
        ("*", ""),
    ],
)
def test_only_an_absolute_target_names_an_authority(target: str, named: str) -> None:
    assert authority(target) == named


@pytest.mark.parametrize(
    ("field", "name"),
    [
        ("Example.COM", "example.com"),
        ("example.com:8080", "example.com"),
        ("example.com.", "example.com"),
        ("example.com.:80", "example.com"),
        ("[2001:DB8::1]:443", "[2001:db8::1]"),
        ("[::1]", "[::1]"),
        ("", ""),
    ],
)
def test_a_host_is_compared_without_port_final_dot_and_case(field: str, name: str) -> None:
    assert hostname(field) == name


@given(st.text(st.sampled_from("ab./%2eEfF5c~;\\"), max_size=24))
def test_a_normal_path_has_one_spelling_and_no_dot_segments(rest: str) -> None:
    try:
        path, _ = normalise("/" + rest)
    except BadTarget:
        return
    assert normalise(path) == (path, "")
    assert not {".", ".."} & set(path.split("/"))
    assert "//" not in path
    assert "%2e" not in path.lower()
