"""What the name of a Claude or Gemini model says of it."""

import pytest

from switchover_dataplane.translation.models import model_of


@pytest.mark.parametrize(
    ("name", "version", "thinking"),
    [
        ("claude-3-haiku-20240307", (3, 0), ""),
        ("claude-3-5-sonnet-20241022", (3, 5), ""),
        ("claude-3-7-sonnet-latest", (3, 7), "budget"),
        ("claude-sonnet-4-20250514", (4, 0), "budget"),
        ("claude-opus-4-1", (4, 1), "budget"),
        ("us.anthropic.claude-sonnet-4-5-20250929-v1:0", (4, 5), "budget"),
        ("claude-haiku-4-5@20251001", (4, 5), "budget"),
        ("claude-sonnet-4-6", (4, 6), "effort"),
        ("anthropic/claude-opus-4.8", (4, 8), "effort"),
        ("claude-fable-5", (5, 0), "effort"),
        ("claude", (0, 0), "effort"),
        ("gemini-2.0-flash", (2, 0), ""),
        ("models/gemini-2.5-pro", (2, 5), "budget"),
        ("google/gemini-2.5-flash-lite", (2, 5), "budget"),
        ("gemini-3-pro-preview", (3, 0), "effort"),
        ("gemini-3.5-flash", (3, 5), "effort"),
        ("gemini-flash-latest", (0, 0), "effort"),
    ],
)
def test_a_name_says_the_version_and_how_the_model_is_told_to_think(
    name: str, version: tuple[int, int], thinking: str
) -> None:
    model = model_of(name)
    assert (model.version, model.thinking, model.thinks) == (version, thinking, bool(thinking))


@pytest.mark.parametrize(
    ("name", "sampling", "prefill", "schema", "system"),
    [
        ("claude-sonnet-4", True, True, False, False),
        ("claude-sonnet-4-5", True, True, True, False),
        ("claude-opus-4-6", True, False, True, False),
        ("claude-opus-4-7", False, False, True, False),
        ("claude-opus-4-8", False, False, True, True),
        ("claude-sonnet-5", False, False, True, False),
        ("claude", False, False, True, False),
    ],
)
def test_newer_models_of_claude_take_less_and_hold_to_more(
    name: str, sampling: bool, prefill: bool, schema: bool, system: bool
) -> None:
    model = model_of(name)
    taken = (model.takes_sampling, model.takes_prefill, model.takes_schema, model.takes_system_turns)
    assert taken == (sampling, prefill, schema, system)


@pytest.mark.parametrize(
    ("name", "stops", "prefill"),
    [
        ("claude-opus-4-8", True, False),
        ("claude-fable-5", False, False),
        ("claude-mythos-5", False, False),
        ("gemini-2.5-flash", True, True),
        ("gemini-2.5-pro", False, True),
        ("gemini-3-pro-preview", False, True),
        ("gemini-3.5-flash", False, True),
        ("gemini-3.5-flash-lite", False, False),
        ("gemini-3.6-flash", False, False),
    ],
)
def test_some_models_always_think_and_some_continue_an_answer(name: str, stops: bool, prefill: bool) -> None:
    model = model_of(name)
    assert (model.stops_thinking, model.takes_prefill) == (stops, prefill)


@pytest.mark.parametrize(
    ("name", "most"),
    [
        ("claude-3-haiku-20240307", 4_096),
        ("claude-3-5-haiku", 8_192),
        ("claude-opus-4", 32_000),
        ("claude-opus-4-5", 64_000),
        ("claude-sonnet-4-6", 64_000),
        ("claude-opus-4-8", 128_000),
        ("claude", None),
        ("gemini-2.0-flash", 8_192),
        ("gemini-3-pro-preview", 65_536),
    ],
)
def test_the_longest_answer_follows_from_the_name(name: str, most: int | None) -> None:
    assert model_of(name).max_output == most
