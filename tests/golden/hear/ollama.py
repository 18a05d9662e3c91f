"""What a client of Ollama is told."""

from typing import Final

from omniroute.ir.result import Usage
from tests.golden.hear.heard import Ending, Heard, of_told
from tests.support import order_ollama

FINISH: Final[dict[Ending, str]] = {"stop": "stop", "length": "length", "tool_calls": "stop", "filter": "stop"}
HAS_SEALS: Final = False
HAS_IDS: Final = False


def whole(raw: bytes) -> Heard:
    return of_told(order_ollama.answer(raw))


def stream(raw: bytes) -> Heard:
    return of_told(order_ollama.stream(raw))


def error(raw: bytes) -> str:
    return order_ollama.error(raw)


def tokens(usage: dict) -> dict[str, int]:
    return {"input": usage["prompt_eval_count"], "output": usage["eval_count"]}


def sayable(usage: Usage) -> dict[str, int]:
    return {"input": usage.input_total, "output": usage.output}
