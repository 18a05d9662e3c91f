"""`omniroute usage`: what was used and what it cost."""

from collections.abc import Mapping
from typing import Annotated, TypeVar
from urllib.parse import urlencode

import msgspec
import typer

from omniroute.cli.command import Call
from omniroute.ir.json import JsonObject


class _Spent(msgspec.Struct, rename="camel"):
    requests: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cost: float = 0.0


class _OfKey(_Spent, rename="camel"):
    api_key_name: str = ""


_S = TypeVar("_S", bound=_Spent)


class _History(msgspec.Struct, rename="camel"):
    total_requests: int
    total_prompt_tokens: int
    total_completion_tokens: int
    total_cost: float
    failed_requests: int = 0
    unpriced_requests: int = 0
    by_model: dict[str, _Spent] = {}
    by_api_key: dict[str, _OfKey] = {}


def usage(
    call: Call,
    span: Annotated[str, typer.Option("--range", metavar="SPAN", help="24h, 7d, 30d, ytd or all.")] = "30d",
) -> None:
    """Sum up what was used, by model and by key.

    \b
    Examples:
      omniroute usage
      omniroute usage --range 24h --json
    """
    answer = call.place.gateway().get(f"/api/usage/history?{urlencode({'range': span})}", JsonObject)
    if call.output.json:
        call.output.value(answer)
        return
    history = msgspec.convert(answer, _History)
    rows = [
        _row("all", "", history.total_requests, _total(history)),
        *(_row("model", name, one.requests, one) for name, one in _dearest(history.by_model)),
        *(_row("key", one.api_key_name, one.requests, one) for _, one in _dearest(history.by_api_key)),
    ]
    call.output.table(("", "", "REQUESTS", "TOKENS IN", "TOKENS OUT", "COST"), rows)
    if history.failed_requests:
        call.output.say(f"{history.failed_requests} requests failed; `omniroute logs is:error` lists them")
    if history.unpriced_requests:
        call.output.say(
            f"{history.unpriced_requests} requests have no known price and count as 0;"
            " `omniroute logs is:unpriced` lists them"
        )


def _total(history: _History) -> _Spent:
    return _Spent(
        requests=history.total_requests,
        prompt_tokens=history.total_prompt_tokens,
        completion_tokens=history.total_completion_tokens,
        cost=history.total_cost,
    )


def _dearest(spent: Mapping[str, _S]) -> list[tuple[str, _S]]:
    return sorted(spent.items(), key=lambda one: (-one[1].cost, -one[1].requests, one[0]))


def _row(what: str, name: str, requests: int, spent: _Spent) -> tuple[str, ...]:
    return (
        what,
        name,
        str(requests),
        str(spent.prompt_tokens),
        str(spent.completion_tokens),
        f"${spent.cost:.6f}".rstrip("0").rstrip("."),
    )
