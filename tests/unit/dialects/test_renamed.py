"""A tool that had to be named differently is the caller's own again in the answer."""

from omniroute.dialects.base import Context
from omniroute.dialects.gemini.dialect import Gemini
from omniroute.dialects.openai_chat.dialect import OpenAIChat
from omniroute.dialects.renamed import RestoringDecoder, restored_response
from omniroute.ir.fold import fold, unfold
from omniroute.ir.parts import Text, ToolCall
from omniroute.ir.request import GenerateRequest, Tool, Turn
from omniroute.ir.result import Finish, GenerateResponse
from omniroute.ir.target import Target

LONG = "look.up-" * 9
CONTEXT = Context(request_id="r", token="t", created=1, model="m")


def asked(*names: str) -> GenerateRequest:
    turn = Turn(role="user", parts=(Text(text="hi"),))
    tools = tuple(Tool(name=name, schema={"type": "object"}) for name in names)
    return GenerateRequest(model="m", turns=(turn,), tools=tools, dialect="openai_chat")


def answer(name: str) -> GenerateResponse:
    call = ToolCall(call_id="c", name=name)
    return GenerateResponse(id="a", model="m", parts=(Text(text="x"), call), finish=Finish(reason="tool_calls"))


def test_an_encoder_tells_which_names_it_changed() -> None:
    target = Target(provider="p", model="gemini-2.5-pro", dialect="gemini")
    encoded = Gemini().encode_request(asked("weather", LONG), target)
    ((wire, name),) = encoded.renamed.items()
    assert (name, len(wire)) == (LONG, 64)
    assert wire.encode() in encoded.body
    assert Gemini().encode_request(asked("weather"), target).renamed == {}


def test_an_answer_has_the_callers_names() -> None:
    assert restored_response(answer("short"), {"short": LONG}) == answer(LONG)
    assert restored_response(answer("other"), {"short": LONG}) == answer("other")


def test_a_stream_has_the_callers_names() -> None:
    encoder = OpenAIChat().stream_encoder(CONTEXT)
    wire = b"".join(encoder.send(event) for event in unfold(answer("short"))) + encoder.close()
    decoder = RestoringDecoder(OpenAIChat().stream_decoder(), {"short": LONG})
    told = fold([*decoder.feed(wire), *decoder.close()])
    assert isinstance(told, GenerateResponse)
    assert [part.name for part in told.parts if isinstance(part, ToolCall)] == [LONG]
