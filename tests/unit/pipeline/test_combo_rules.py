"""A combo's own rules for classes of failure, from the configuration to the explanation."""

from omniroute.routing.actions import Action
from omniroute.routing.classify import ErrorClass
from omniroute.routing.combo import Combo, ComboConfig, ModelStep
from tests.support.virtual_time import virtually
from tests.unit.pipeline.stage import Stage, stage
from tests.unit.pipeline.test_account_choice import chat, error, good, message

STEPS = (ModelStep(id="one", model="up/m"), ModelStep(id="two", model="claude/c"))


def ruled(*script: object, **on: Action) -> Stage:
    rules: dict[ErrorClass, Action] = on  # type: ignore[assignment]  # their names are the classes
    return stage(*script, combos=(Combo(id="both", name="both", steps=STEPS, config=ComboConfig(on=rules)),))


def actions(on: Stage) -> list[tuple[str, str | None]]:
    trace = on.traces.find("req_1")
    assert trace is not None
    return [(one.failure.kind, one.action) for one in trace.tried]


async def test_a_bad_request_goes_on_where_the_combo_says_so() -> None:
    on = ruled(error(400), message(), invalid_request="next")
    assert (await on.ask(chat(model="both"))).status == 200
    assert actions(on) == [("invalid_request", "next")]


async def test_a_server_error_returns_where_the_combo_says_so() -> None:
    on = ruled(error(500), message(), server="return")
    assert (await on.ask(chat(model="both"))).status == 500
    assert actions(on) == [("server", "return")]
    assert len(on.transport.requests) == 1


async def test_the_same_model_is_asked_again_although_its_account_rests() -> None:
    on = ruled(error(500), good(), server="same")
    exchange = await on.ask(chat(model="both"))
    assert (exchange.status, exchange.reply_headers[b"x-omniroute-provider"]) == (200, b"up")
    assert actions(on) == [("server", "same")]


def test_what_is_waited_for_is_asked_again_and_a_deadline_that_is_too_short_is_not_waited_out() -> None:
    patient, hasty = (ruled(error(500), good(), server="wait") for _ in range(2))
    exchange = virtually(patient.ask(chat(model="both")))
    assert exchange.reply_headers[b"x-omniroute-provider"] == b"up"
    late = chat(model="both", x_omniroute_timeout_ms="2500")
    hasty.transport._script[-1] = message()
    assert virtually(hasty.ask(late)).reply_headers[b"x-omniroute-provider"] == b"claude"


async def test_a_class_without_a_rule_is_as_ever_and_says_nothing() -> None:
    on = ruled(error(500), message(), rate_limit="return")
    assert (await on.ask(chat(model="both"))).status == 200
    assert actions(on) == [("server", None)]
