"""An estimate counts everything that a model reads."""

from hypothesis import given
from hypothesis import strategies as st

from omniroute.ir.estimate import estimated_tokens
from omniroute.ir.json import RawJson
from omniroute.ir.parts import AnyPart, Media, Reasoning, Refusal, Text, ToolCall, ToolResult, Unknown
from omniroute.ir.request import GenerateRequest, OutputFormat, Tool, Turn
from tests.property.representation import conversations

PICTURE = Media(mime="image/png", data="AA==")
LONG = "x" * 400
PARTS: tuple[AnyPart, ...] = (
    Text(text=LONG),
    Refusal(text=LONG),
    Reasoning(text=LONG),
    Reasoning(summary=(LONG,)),
    PICTURE,
    ToolCall(call_id="c", name="f", arguments=RawJson(LONG)),
    ToolResult(call_id="c", content=(Text(text=LONG),)),
    ToolResult(call_id="c", content=(PICTURE,)),
    Unknown(data={"what": LONG}),
)


def of(*parts: AnyPart) -> int:
    return estimated_tokens(GenerateRequest(model="m", turns=(Turn(role="user", parts=parts),)))


def test_four_characters_are_a_token_and_a_rest_is_one_too() -> None:
    assert [of(Text(text="x" * length)) for length in (0, 1, 4, 5)] == [0, 1, 1, 2]


@given(st.sampled_from(PARTS))
def test_every_kind_of_part_counts(part: AnyPart) -> None:
    assert of(Text(text="hello"), part) >= of(Text(text="hello")) + 100


def test_a_picture_counts_the_same_wherever_it_stands() -> None:
    assert (of(PICTURE), of(ToolResult(call_id="c", content=(PICTURE,)))) == (1600, 1600)


def test_tools_and_the_schema_of_the_answer_count() -> None:
    schema = {"type": "object", "description": LONG}
    request = GenerateRequest(model="m", turns=())
    assert estimated_tokens(request) == 0
    tools = (Tool(name="f", schema=schema), Tool(name="g", description=LONG), Tool(name="h", hosted=schema))
    for tool in tools:
        assert estimated_tokens(GenerateRequest(model="m", turns=(), tools=(tool,))) > 100
    output = OutputFormat(kind="json_schema", schema=schema)
    assert estimated_tokens(GenerateRequest(model="m", turns=(), output=output)) > 100


@given(conversations(), conversations())
def test_a_longer_conversation_never_counts_less(one: tuple[Turn, ...], other: tuple[Turn, ...]) -> None:
    short = estimated_tokens(GenerateRequest(model="m", turns=one))
    assert estimated_tokens(GenerateRequest(model="m", turns=(*one, *other))) >= short
