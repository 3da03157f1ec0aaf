import pytest

from switchover_operator.compiler.key_texts import header_problem, key_of, own_key_problem

KEY = "sk-Not4To5Be6Shown7"


@pytest.mark.parametrize(
    "text",
    [KEY, f"Bearer {KEY}", f"bearer {KEY}", f" {KEY}\n", f"Bearer   {KEY}\r\n", f"Bearer: {KEY}", f"BEARER {KEY}"],
)
def test_a_key_may_stand_alone_or_behind_bearer(text: str) -> None:
    assert key_of(text) == ("", KEY)


@pytest.mark.parametrize("text", ["k", "none", "EMPTY", "token", "a$b", "p%41ss", "ab==", "x-y_z.~", "my-key"])
def test_a_key_may_be_any_word(text: str) -> None:
    assert key_of(text) == ("", text)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "is empty"),
        (" \n\t", "is empty"),
        ("Bearer", "holds no key, only the word Bearer"),
        ("Bearer ", "holds no key, only the word Bearer"),
        ("bearer\n", "holds no key, only the word Bearer"),
        (f"Bearer Bearer {KEY}", "a second scheme, 'bearer'"),
        (f"Bearer bearer {KEY}", "a second scheme, 'bearer'"),
        ("Bearer Bearer", "a second scheme, 'bearer'"),
        (f"bearer Token {KEY}", "a second scheme, 'token'"),
        (f"Basic {KEY}", "the scheme 'basic'"),
        (f"BASIC {KEY}", "the scheme 'basic'"),
        (f"token {KEY}", "the scheme 'token'"),
        ("$OPENAI_API_KEY", "the placeholder $OPENAI_API_KEY,"),
        ("Bearer $OPENAI_API_KEY", "the placeholder $OPENAI_API_KEY,"),
        ("${KEY}", "the placeholder ${KEY},"),
        ("Bearer ${KEY:-none}", "a placeholder"),
        ("$(OPENAI_API_KEY)", "the placeholder $(OPENAI_API_KEY),"),
        ("sk-${KEY}", "the placeholder ${KEY},"),
        ("%OPENAI_API_KEY%", "the placeholder %OPENAI_API_KEY%,"),
        ("{{ .Values.openai.key }}", "the placeholder {{ .Values.openai.key }},"),
        ("Bearer {{key}}", "the placeholder {{key}},"),
        ("<your-key>", "a placeholder in angle brackets"),
        ("Bearer <your key>", "a placeholder in angle brackets"),
        (f'"{KEY}"', "quotation marks"),
        (f"'{KEY}'", "quotation marks"),
        (f'Bearer "{KEY}"', "quotation marks"),
        (f"\u201c{KEY}\u201d", "quotation marks"),
        (f"Authorization: Bearer {KEY}", "a whole header line"),
        (f"authorization:{KEY}", "a whole header line"),
        (f"x-api-key: {KEY}", "a whole header line"),
        (f"OPENAI_API_KEY={KEY}", "an assignment"),
        (f"export OPENAI_API_KEY={KEY}", "an assignment"),
        (f"{KEY}\n{KEY}", "a line break"),
        (f"{KEY}\x00", "control character"),
        (f"{KEY} # mine", "white space inside"),
        (f"{KEY}\u00e9", "only printable ASCII"),
    ],
)
def test_what_cannot_be_a_key_is_told_without_it(text: str, told: str) -> None:
    problem, key = key_of(text)
    assert told.replace("a placeholder", "placeholder") in problem
    assert (key, KEY in problem) == ("", False)


def test_a_placeholder_that_may_hold_a_key_is_not_shown() -> None:
    assert key_of("${" + KEY + "}")[0] == "holds the placeholder, which nothing has replaced"


@pytest.mark.parametrize(
    "text", [f"Bearer {KEY}", f"Basic {KEY}", "$TEAM_BLUE_API_KEY", f'"{KEY}"', f"{KEY} {KEY}", ""]
)
def test_the_key_of_a_caller_stands_alone(text: str) -> None:
    assert own_key_problem(text)
    assert not own_key_problem(KEY)


def test_a_header_for_a_credential_may_have_any_scheme_but_one() -> None:
    assert [header_problem(text) for text in (KEY, f"Basic {KEY}", f"Bearer {KEY}")] == ["", "", ""]
    assert all(header_problem(text) for text in ("", "Bearer ", f"Bearer Bearer {KEY}", "$KEY", f"Bearer '{KEY}'"))
