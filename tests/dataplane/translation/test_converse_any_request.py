"""Whatever a client asks, a body of Converse is written that botocore's model of the API takes."""

import base64

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from bedrock_recordings import faults
from switchover_dataplane.translation.converse import FORMAT
from switchover_dataplane.translation.format import Asker, Written
from switchover_dataplane.translation.models import model_of
from switchover_dataplane.translation.neutral import (
    AnswerSchema,
    CacheMark,
    Media,
    Reasoning,
    Refusal,
    Request,
    Text,
    Thinking,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
    Turn,
)

MODELS = (
    "us.anthropic.claude-sonnet-4-5-20250929-v1:0",
    "anthropic.claude-3-5-sonnet-20241022-v2:0",
    "global.anthropic.claude-opus-4-6-v1",
    "us.anthropic.claude-opus-4-7",
    "anthropic.claude-fable-5",
    "anthropic.claude-v2",
    "us.amazon.nova-2-lite-v1:0",
    "moonshot.kimi-k2-thinking",
    "arn:aws:bedrock:us-east-1:000000000000:application-inference-profile/abc",
    "openai.gpt-oss-120b-1:0",
    "mistral.pixtral-large",
)
PNG = base64.b64encode(b"\x89PNG").decode()


def written(request: Request, model: str) -> Written:
    made = FORMAT.write_request(request, Asker("bedrock", model_of(model)))
    assert faults(made.body) == ""
    msgspec.json.encode(made.body)
    return made


WORDS = st.text(max_size=6)
RESULT_PARTS = st.lists(st.builds(Text, WORDS) | st.builds(Media, st.just("image"), st.just("image/png"), WORDS))
BLOCKS = st.one_of(
    st.builds(Text, WORDS, st.none() | st.builds(CacheMark, st.sampled_from(["", "5m", "1h", "9d"]))),
    st.builds(
        Media,
        st.sampled_from(["image", "document", "audio", "video"]),
        st.sampled_from(["image/png", "application/pdf", "audio/wav", "video/mp4", "", "x/y"]),
        st.sampled_from([PNG, "", "no base64"]),
        name=WORDS,
    ),
    st.builds(ToolCall, WORDS, WORDS, st.sampled_from(["{}", "", "[", '{"a":{"b":null}}', "1"]), WORDS, st.booleans()),
    st.builds(ToolResult, WORDS, RESULT_PARTS.map(tuple), st.booleans()),
    st.builds(Thinking, WORDS, st.sampled_from(["claude", "openai", "other"]), WORDS, st.booleans()),
    st.builds(Refusal, WORDS),
)
ROLES = st.sampled_from(["system", "developer", "user", "assistant"])
SCHEMAS = st.sampled_from(
    [None, {}, {"type": "object"}, {"additionalProperties": True, "type": "object"}, {"minimum": 1}]
)
NUMBERS = st.none() | st.floats(-3, 3) | st.integers(-2, 9_000_000)
COUNTS = st.none() | st.integers(-2, 9_000_000)
EFFORTS = st.sampled_from(["", "none", "minimal", "low", "medium", "high", "xhigh", "max"])
REQUESTS = st.builds(
    Request,
    system=st.lists(st.builds(Text, WORDS, st.none() | st.just(CacheMark())), max_size=2).map(tuple),
    turns=st.lists(st.builds(Turn, ROLES, st.lists(BLOCKS, max_size=3).map(tuple), WORDS, WORDS), max_size=4).map(
        tuple
    ),
    tools=st.lists(st.builds(Tool, WORDS, WORDS, SCHEMAS, st.none() | st.booleans(), WORDS, st.booleans())).map(tuple),
    tool_choice=st.none()
    | st.builds(ToolChoice, st.sampled_from(["auto", "any", "none", "tool"]), WORDS, st.lists(WORDS).map(tuple)),
    parallel=st.none() | st.booleans(),
    schema=st.none() | st.builds(AnswerSchema, SCHEMAS, WORDS, WORDS),
    reasoning=st.none() | st.builds(Reasoning, EFFORTS, COUNTS, st.booleans()),
    max_tokens=COUNTS,
    stop=st.lists(WORDS, max_size=3).map(tuple),
    temperature=NUMBERS,
    top_p=NUMBERS,
    top_k=COUNTS,
    metadata=st.none() | st.dictionaries(WORDS, WORDS | st.integers(), max_size=20),
    service_tier=st.sampled_from(["", "auto", "flex", "scale"]),
)


@given(REQUESTS, st.sampled_from(MODELS))
def test_whatever_is_asked_botocore_takes_what_is_written(request: Request, model: str) -> None:
    made = written(request, model)

    roles = [message["role"] for message in made.body["messages"]]
    assert roles == [("user", "assistant")[number % 2] for number in range(len(roles))]
