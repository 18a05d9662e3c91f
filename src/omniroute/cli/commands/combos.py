"""`omniroute combos`: named lists of models with a strategy."""

from typing import Annotated
from urllib.parse import urlencode

import msgspec
import typer

from omniroute.cli.command import Call
from omniroute.cli.problem import Problem
from omniroute.ir.json import JsonObject

Which = Annotated[str, typer.Argument(metavar="COMBO", help="A combo's name or id.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]


class Step(msgspec.Struct, rename="camel"):
    kind: str
    model: str | None = None
    combo_name: str | None = None
    weight: int = 0

    def __str__(self) -> str:
        name = self.model or self.combo_name or ""
        return f"{name}*{self.weight}" if self.weight else name


class Combo(msgspec.Struct, rename="camel"):
    """A combo as the gateway lists it."""

    id: str
    name: str
    strategy: str
    models: list[Step] = []
    is_active: bool = True


class _Combos(msgspec.Struct):
    combos: list[JsonObject]


class _Place(msgspec.Struct, rename="camel"):
    place: int
    provider: str
    model: str
    accounts: list[str]
    because: list[str]


class _LeftOut(msgspec.Struct, rename="camel"):
    execution_key: str
    reason: str


class _Explanation(msgspec.Struct, rename="camel"):
    order: list[_Place]
    left_out: list[_LeftOut]


class _Result(msgspec.Struct, rename="camel"):
    execution_key: str
    status: str
    latency_ms: int
    provider: str | None = None
    model: str | None = None
    status_code: int | None = None
    error_class: str | None = None
    error: str | None = None
    response_text: str | None = None


class _Tested(msgspec.Struct, rename="camel"):
    results: list[_Result]


class _Counts(msgspec.Struct, rename="camel"):
    requests: int
    successes: int
    failures: int
    avg_latency_ms: int | None = None
    last_used_at: str | None = None


class _StepCounts(_Counts, rename="camel"):
    provider: str = ""
    model: str = ""


class _ComboCounts(_Counts, rename="camel"):
    combo_name: str = ""
    fallbacks: int = 0
    steps: list[_StepCounts] = []


class _Metrics(msgspec.Struct):
    combos: list[JsonObject]


def ls(call: Call) -> None:
    """List the combos; clients ask for one by its name, as if it were a model.

    \b
    Examples:
      omniroute combos ls
      omniroute combos ls --json
    """
    found = call.administration().get("/api/combos", _Combos).combos
    if call.output.json:
        call.output.value(found)
        return
    call.output.table(
        ("NAME", "STRATEGY", "STATE", "MODELS"),
        [
            (
                combo.name,
                combo.strategy,
                "active" if combo.is_active else "disabled",
                ", ".join(str(step) for step in combo.models),
            )
            for combo in msgspec.convert(found, list[Combo])
        ],
    )


def add(
    call: Call,
    name: Annotated[str, typer.Argument(metavar="NAME", help="What clients ask for.")],
    models: Annotated[
        list[str], typer.Argument(metavar="MODEL...", help="provider/model, or another combo; *N gives a weight.")
    ],
    strategy: Annotated[str, typer.Option("--strategy", metavar="NAME", help="How to choose.")] = "priority",
) -> None:
    """Make a combo of models.

    \b
    Examples:
      omniroute combos add best anthropic/claude-sonnet-4-5 openai/gpt-5
      omniroute combos add split openai/gpt-5*80 groq/llama-3.3-70b-versatile*20 --strategy weighted
    """
    body: JsonObject = {"name": name, "strategy": strategy, "models": [_step(model) for model in models]}
    made = call.administration().send("POST", "/api/combos", JsonObject, body)
    if call.output.json:
        call.output.value(made)
    else:
        call.output.say(f"made the combo {name!r}; ask for it as a model")


def rm(call: Call, combo: Which, yes: Yes = False) -> None:
    """Delete a combo.

    \b
    Examples:
      omniroute combos rm best
      omniroute combos rm best --yes
    """
    chosen = _chosen(call, combo)
    call.confirm(f"Delete the combo {chosen.name!r}?", yes=yes)
    call.administration().send("DELETE", f"/api/combos/{chosen.id}", JsonObject)
    call.output.say(f"deleted the combo {chosen.name!r}")


def explain(call: Call, combo: Which) -> None:
    """Say what would be tried now, in which order and why. Nothing is sent.

    \b
    Examples:
      omniroute combos explain best
      omniroute combos explain best --json
    """
    chosen = _chosen(call, combo)
    found = call.administration().get(f"/api/combos/{chosen.id}/explain", JsonObject)
    if call.output.json:
        call.output.value(found)
        return
    said = msgspec.convert(found, _Explanation)
    call.output.table(
        ("", "MODEL", "ACCOUNTS", "WHY"),
        [
            *(
                (str(one.place), f"{one.provider}/{one.model}", str(len(one.accounts)), "; ".join(one.because))
                for one in said.order
            ),
            *(("-", one.execution_key, "0", one.reason) for one in said.left_out),
        ],
    )


def test(call: Call, combo: Which) -> None:
    """Ask every model of a combo for a word, all at once. It costs what such a request costs.

    Exits with 1 when none of them answers.

    \b
    Examples:
      omniroute combos test best
      omniroute combos test best --json
    """
    chosen = _chosen(call, combo)
    body: JsonObject = {"comboName": chosen.name}
    found = call.administration().send("POST", "/api/combos/test", JsonObject, body)
    results = msgspec.convert(found, _Tested).results
    if call.output.json:
        call.output.value(found)
    else:
        call.output.table(
            ("MODEL", "RESULT", "TIME", "SAID"),
            [
                (
                    f"{one.provider}/{one.model}" if one.model else one.execution_key,
                    "ok" if one.status == "ok" else f"{one.status_code or '-'} {one.error_class or ''}".rstrip(),
                    f"{one.latency_ms} ms" if one.model else "-",
                    one.response_text or one.error or "",
                )
                for one in results
            ],
        )
    if not any(one.status == "ok" for one in results):
        raise Problem(f"no model of the combo {chosen.name!r} answers", hint="the table above says why")


def metrics(
    call: Call,
    combo: Annotated[str, typer.Argument(metavar="[COMBO]", help="A combo's name; all when left out.")] = "",
) -> None:
    """Count what became of the requests to combos, and of the attempts at their models, since the start.

    \b
    Examples:
      omniroute combos metrics
      omniroute combos metrics best --json
    """
    query = f"?{urlencode({'combo': combo})}" if combo else ""
    found = call.administration().get(f"/api/combos/metrics{query}", _Metrics).combos
    if call.output.json:
        call.output.value(found)
        return
    rows: list[tuple[str, ...]] = []
    for one in msgspec.convert(found, list[_ComboCounts]):
        rows.append((one.combo_name, *_counted(one), str(one.fallbacks), one.last_used_at or "-"))
        rows.extend(
            (f"  {step.provider}/{step.model}", *_counted(step), "", step.last_used_at or "-")
            for step in one.steps
        )
    call.output.table(("COMBO", "ASKED", "GOOD", "FAILED", "WAIT", "FALLBACKS", "LAST USED"), rows)


def _counted(one: _Counts) -> tuple[str, ...]:
    wait = "-" if one.avg_latency_ms is None else f"{one.avg_latency_ms} ms"
    return str(one.requests), str(one.successes), str(one.failures), wait


def _step(text: str) -> JsonObject | str:
    name, star, weight = text.rpartition("*")
    if star and weight.isdigit():
        return {"model": name, "weight": int(weight)}
    return text


def _chosen(call: Call, wanted: str) -> Combo:
    combos = msgspec.convert(call.administration().get("/api/combos", _Combos).combos, list[Combo])
    found = next((combo for combo in combos if wanted in (combo.id, combo.name)), None)
    if found is None:
        raise Problem(f"there is no combo {wanted!r}", hint="`omniroute combos ls` lists them")
    return found
