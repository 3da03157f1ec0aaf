"""Tools under the names and in the forms that every API takes, and the way back."""

import json
import re

from hypothesis import given
from hypothesis import strategies as st

from switchover_dataplane.translation import tool_forms
from switchover_dataplane.translation.answers import Answer, CallDelta, CallEnd, CallStart, Stop, TextDelta
from switchover_dataplane.translation.neutral import Request, Text, Tool, ToolCall, Turn

FITS = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,63}")


@given(st.text(max_size=80), st.text(max_size=80))
def test_a_flat_name_fits_every_api_and_is_the_same_each_time(namespace: str, name: str) -> None:
    flat = tool_forms.flat_name(namespace, name)
    assert FITS.fullmatch(flat)
    assert flat == tool_forms.flat_name(namespace, name)


@given(st.lists(st.tuples(st.text(max_size=70), st.text(min_size=1, max_size=70)), min_size=1, max_size=5, unique=True))
def test_the_clients_tool_is_found_by_its_flat_name(names: list[tuple[str, str]]) -> None:
    tools = tuple(Tool(name, namespace=namespace) for namespace, name in names)
    own = {(tool.name, tool.namespace) for tool in tools}
    for tool in tools:
        flat = tool_forms.flat_name(tool.namespace, tool.name)
        if (flat, "") not in own:  # a tool of that very name is meant first
            found = tool_forms.tool_of(Request(tools=tools), flat)
            assert found is not None
            assert tool_forms.flat_name(found.namespace, found.name) == flat


def test_a_name_that_fits_stays_and_names_that_differ_late_stay_apart() -> None:
    assert tool_forms.flat_name("", "get_weather-2") == "get_weather-2"
    assert tool_forms.flat_name("", "a" * 100 + "b") != tool_forms.flat_name("", "a" * 100 + "c")
    assert tool_forms.flat_name("a", "b.c") != tool_forms.flat_name("a", "b:c")


@given(st.text())
def test_the_text_of_a_custom_tool_comes_back_whole_or_in_pieces(text: str) -> None:
    request = Request(tools=(Tool("sql", is_custom=True),))
    arguments = tool_forms.custom_arguments(text)
    assert json.loads(arguments) == {"input": text}
    answer = tool_forms.restored(request, Answer((Text("a"), ToolCall("1", "sql", arguments)), Stop.TOOLS))
    assert answer.blocks == (Text("a"), ToolCall("1", "sql", text, is_custom=True))
    pieces = [CallDelta(0, piece) for piece in (arguments[:3], arguments[3:])]
    events = list(tool_forms.Restoring(request).take([CallStart(0, "1", "sql"), *pieces, TextDelta("a"), CallEnd(0)]))
    assert events[0] == CallStart(0, "1", "sql", is_custom=True)
    assert "".join(event.arguments for event in events if isinstance(event, CallDelta)) == text
    assert events[-1] == CallEnd(0)


def test_arguments_that_are_not_of_the_asked_form_are_kept_as_they_are() -> None:
    for arguments in ("SELECT", "[]", '{"query":1}', '{"input":1}', "{"):
        assert tool_forms.custom_text(arguments) == arguments


def test_a_call_of_an_unknown_tool_stays_as_it_is() -> None:
    answer = Answer((ToolCall("1", "gone", "{}"),), Stop.TOOLS)
    assert tool_forms.restored(Request(tools=(Tool("here"),)), answer) == answer


def test_the_grammar_of_a_custom_tool_is_said_in_words() -> None:
    tool = Tool("sql", is_custom=True, grammar={"type": "grammar", "syntax": "regex", "definition": "SELECT .+"})
    assert "regex grammar: SELECT .+" in json.dumps(tool_forms.custom_schema(tool))


def test_a_call_gets_an_id_of_its_own_where_the_conversation_has_that_one() -> None:
    request = Request(tools=(Tool("look"),), turns=(Turn("assistant", (ToolCall("call_0", "look"),)),))
    calls = (ToolCall("call_0", "look"), ToolCall("call_0", "look"), ToolCall("call_1", "look"), ToolCall("", "look"))
    blocks = tool_forms.restored(request, Answer(calls, Stop.TOOLS)).blocks
    ids = [block.id for block in blocks if isinstance(block, ToolCall)]
    assert ids[2:] == ["call_1", ""]
    assert len({"call_0", *ids}) == 5
    starts = [CallStart(index, call.id, call.name) for index, call in enumerate(calls)]
    taken = list(tool_forms.Restoring(request).take(starts))
    assert [event.id for event in taken if isinstance(event, CallStart)] == ids
