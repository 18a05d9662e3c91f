"""A connection that is not for certain models is never asked for them."""

import msgspec
import pytest

from tests.unit.pipeline.stage import Exchange, Stage, stage
from tests.unit.pipeline.test_account_choice import chat, good, used
from tests.unit.pipeline.test_combos import combo


def excluding(*patterns: str, accounts: int = 2, **more: object) -> Stage:
    """The first account is not for models that these patterns fit."""
    on = stage(lambda request: good(), accounts={"up": accounts}, **more)
    first, *rest = on.snapshot.connections["up"]
    first = msgspec.structs.replace(first, excluded_models=patterns)
    on.live.current = msgspec.structs.replace(
        on.snapshot,
        connections={**on.snapshot.connections, "up": (first, *rest)},
        by_id={**on.snapshot.by_id, first.id: first},
        revision=2,
    )
    return on


@pytest.mark.parametrize(
    ("pattern", "model", "account"),
    [
        ("m", "up/m", 1),
        ("up/m", "up/m", 1),
        ("M*", "up/maker/big", 1),
        ("big", "up/maker/big", 1),
        ("maker/*", "up/maker/big", 1),
        ("up/maker/b?g", "up/maker/big", 1),
        ("aker", "up/maker/big", 0),
        ("m", "up/mm", 0),
    ],
)
async def test_patterns_are_about_the_id_with_and_without_its_prefix_and_its_last_part(
    pattern: str, model: str, account: int
) -> None:
    on = excluding("other", pattern)
    assert (await on.ask(chat(model=model))).status == 200
    assert used(on) == [account]


async def test_when_nobody_is_for_a_model_the_message_says_what_stands_in_the_way() -> None:
    on = excluding("m", accounts=1)
    refused = await on.ask(chat())
    assert (refused.status, refused.json["error"]["code"]) == (400, "no_credentials")
    assert "take it out of the `excludedModels`" in refused.json["error"]["message"]
    assert on.transport.requests == []


async def test_a_combo_goes_on_without_it() -> None:
    on = excluding("m", accounts=1, combos=(combo("up/m", "up/n"),))
    assert (
        await on.ask(Exchange({"model": "fast", "messages": [{"role": "user", "content": "hi"}]}))
    ).status == 200
    assert [msgspec.json.decode(request.body)["model"] for request in on.transport.requests] == ["n"]
