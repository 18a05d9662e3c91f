"""What the golden exchanges are about: what is asked, in the terms of the representation, and what is answered."""

from dataclasses import dataclass
from typing import Any, Final

from omniroute.ir.json import RawJson
from omniroute.ir.parts import AnyPart, Media, Reasoning, Text, ToolCall, ToolResult
from omniroute.ir.request import GenerateRequest, OutputFormat, Role, Sampling, Thinking, Tool, ToolChoice, Turn
from tests.support.pictures import png_base64
from tests.support.upstream.answer import Answer, Call, Decline, Say, Think, said

SEAL: Final = "c2VhbC1vZi10aGUtdXBzdHJlYW0="
URL: Final = "https://pictures.test/cat.png"
PDF: Final = "JVBERi0xLjQKJSVFT0YK"
CITY: Final = {
    "type": "object",
    "properties": {"city": {"type": "string", "description": "Where"}},
    "required": ["city"],
}
WEATHER: Final = Tool(name="weather", description="The weather somewhere", schema=CITY)
CLOCK: Final = Tool(name="clock", description="The time somewhere", schema=CITY)


GREETING: Final = said("Hello back, friend")


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """One exchange. The answer is what the upstream says to whatever it was asked."""

    name: str
    asked: GenerateRequest
    answered: Answer = GREETING


def _turn(role: Role, *parts: AnyPart) -> Turn:
    return Turn(role=role, parts=parts)


def _user(words: str, *more: AnyPart) -> Turn:
    return _turn("user", Text(text=words), *more)


def _asked(*turns: Turn, **controls: Any) -> GenerateRequest:
    return GenerateRequest(model="", turns=turns or (_user("hello there"),), **controls)


def _call(call_id: str, name: str, arguments: str) -> ToolCall:
    return ToolCall(call_id=call_id, name=name, arguments=RawJson(arguments))


def _result(call_id: str, name: str, *content: Text | Media) -> Turn:
    return _turn("tool", ToolResult(call_id=call_id, name=name, content=content))


OSLO: Final = _call("call_1", "weather", '{"city":"Oslo"}')
BERGEN: Final = _call("call_b", "weather", '{"city":"Bergen"}')
"""A call that nobody makes in any answer here, so that no seal of one is remembered for it."""
ROUND: Final = (
    _user("How is the weather in Oslo, and what time is it in Rome?"),
    _turn("assistant", Text(text="Let me see."), OSLO, _call("call_2", "clock", '{"city":"Rome"}')),
    _result("call_1", "weather", Text(text="rain")),
    _result("call_2", "clock", Text(text="noon")),
)
PICTURE: Final = Media(mime="image/png", data=png_base64())

SCENARIOS: Final = (
    Scenario(name="plain", asked=_asked()),
    Scenario(name="system", asked=_asked(_turn("system", Text(text="Be brief.")), _user("hello there"))),
    Scenario(
        name="history",
        asked=_asked(_user("My name is Ada."), _turn("assistant", Text(text="Hello Ada.")), _user("Who am I?")),
    ),
    Scenario(
        name="sampling",
        asked=_asked(sampling=Sampling(max_output_tokens=77, temperature=0.5, top_p=0.9, stop=("END",))),
    ),
    Scenario(
        name="one tool",
        asked=_asked(_user("How is the weather in Oslo?"), tools=(WEATHER,)),
        answered=Answer(parts=(Call("weather", '{"city":"Oslo"}', "call_w", pieces=4),)),
    ),
    Scenario(
        name="parallel tools",
        asked=_asked(_user("Weather in Oslo, time in Rome?"), tools=(WEATHER, CLOCK)),
        answered=Answer(
            parts=(
                Say("I will look."),
                Call("weather", '{"city":"Oslo"}', "call_w", pieces=3),
                Call("clock", '{"city":"Rome","precise":[true,null,1.5]}', "call_c", pieces=5),
            )
        ),
    ),
    Scenario(
        name="a tool that must be called",
        asked=_asked(
            _user("Oslo?"), tools=(WEATHER, CLOCK), tool_choice=ToolChoice(mode="one", names=("weather",))
        ),
        answered=Answer(parts=(Call("weather", '{"city":"Oslo"}', "call_w"),)),
    ),
    Scenario(
        name="any tool must be called",
        asked=_asked(_user("Oslo?"), tools=(WEATHER,), tool_choice=ToolChoice(mode="required")),
        answered=Answer(parts=(Call("weather", "{}", "call_w"),)),
    ),
    Scenario(name="tool results", asked=_asked(*ROUND, tools=(WEATHER, CLOCK)), answered=said("Rain, and noon.")),
    Scenario(
        name="a picture in a tool result",
        asked=_asked(
            _user("Look outside"),
            _turn("assistant", OSLO),
            _result("call_1", "weather", Text(text="as you see"), PICTURE),
            tools=(WEATHER,),
        ),
    ),
    Scenario(
        name="thinking",
        asked=_asked(thinking=Thinking(effort="low"), sampling=Sampling(max_output_tokens=9000)),
        answered=Answer(parts=(Think("I weigh it.", SEAL), Say("So it is."))),
    ),
    Scenario(
        name="thinking before a tool",
        asked=_asked(
            _user("Oslo?"),
            tools=(WEATHER,),
            thinking=Thinking(effort="low"),
            sampling=Sampling(max_output_tokens=9000),
        ),
        answered=Answer(
            parts=(Think("I should ask.", SEAL), Say("A moment."), Call("weather", '{"city":"Oslo"}', "call_w"))
        ),
    ),
    Scenario(
        name="a thought in the history",
        asked=_asked(
            _user("Bergen?"),
            _turn("assistant", Reasoning(text="I should ask.", seal=SEAL), BERGEN),
            _result("call_b", "weather", Text(text="rain")),
            tools=(WEATHER,),
            thinking=Thinking(effort="low"),
            sampling=Sampling(max_output_tokens=9000),
        ),
        answered=Answer(parts=(Think("It rains.", SEAL), Say("Rain."))),
    ),
    Scenario(
        name="json schema",
        asked=_asked(_user("Which city?"), output=OutputFormat(kind="json_schema", name="place", schema=CITY)),
        answered=said('{"city":"Oslo"}'),
    ),
    Scenario(name="an image", asked=_asked(_user("What is this?", PICTURE))),
    Scenario(name="an image by URL", asked=_asked(_user("What is this?", Media(mime="image/png", url=URL)))),
    Scenario(
        name="a PDF",
        asked=_asked(_user("Sum it up", Media(mime="application/pdf", data=PDF, name="paper.pdf"))),
    ),
    Scenario(
        name="stop",
        asked=_asked(sampling=Sampling(max_output_tokens=100, stop=("END", "STOP"))),
        answered=said("x"),
    ),
    Scenario(
        name="refusal", asked=_asked(), answered=Answer(parts=(Decline("I will not do that."),), finish="filter")
    ),
    Scenario(name="filter", asked=_asked(), answered=Answer(parts=(Say("I was about to"),), finish="filter")),
    Scenario(name="length", asked=_asked(), answered=Answer(parts=(Say("And then they"),), finish="length")),
)
