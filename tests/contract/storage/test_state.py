"""What else is kept, on both engines: budgets, blocks, cached answers, price lists, combos."""

import pytest
from msgspec.structs import replace
from sqlalchemy.exc import IntegrityError

from omniroute.ledger.drain import store
from omniroute.ledger.position import Position
from omniroute.ledger.reader import Taken
from omniroute.storage.repos import answers, blocks, budgets, combos, price_lists
from omniroute.storage.repos.answers import AnswerRow
from omniroute.storage.repos.blocks import BlockRow, BreakerRow
from omniroute.storage.repos.budgets import BudgetRow, Spend
from omniroute.storage.repos.combos import ComboRow
from omniroute.storage.repos.price_lists import PriceListRow
from tests.support.records import opened, settled


def budget(budget_id, **fields):
    return BudgetRow(
        **{
            "id": budget_id,
            "scope": "key",
            "subject": "k1",
            "limit_micro_usd": 2**40,
            "period": "daily",
            "created_at": 1,
            "updated_at": 1,
        }
        | fields
    )


def test_a_budget_comes_back_changes_and_goes_with_its_spends(db):
    row = budget("b1", downgrade_to="cheap", mode="hard", action="downgrade", warn_percent=0, reset_minute=90)
    budgets.add(db, row)
    assert budgets.get(db, "b1") == row
    assert budgets.of_subject(db, "key", "k1") == budgets.every(db) == (row,)
    assert budgets.replace(db, replace(row, limit_micro_usd=5))
    assert not budgets.replace(db, budget("absent"))
    budgets.charge(db, [Spend("b1", 0, 1, 0), Spend("b2", 0, 1, 0)])
    assert (budgets.remove(db, "b1"), budgets.remove(db, "b1")) == (True, False)
    assert budgets.spends(db) == (Spend("b2", 0, 1, 0),)


def test_two_budgets_of_the_same_kind_are_refused(db):
    budgets.add(db, budget("b1"))
    budgets.add(db, budget("b2", action="warn"))
    with pytest.raises(IntegrityError):
        budgets.add(db, budget("b3"))


def test_charges_add_up_in_their_windows_until_they_are_set_or_forgotten(db):
    budgets.charge(db, [Spend("b1", 0, 5, 1), Spend("b1", 1000, 7, 0)])
    budgets.charge(db, [Spend("b1", 0, -2, 1), Spend("b1", 2000, 2**50, 0)])
    assert sorted(budgets.spends(db)) == [
        Spend("b1", 0, 3, 2),
        Spend("b1", 1000, 7, 0),
        Spend("b1", 2000, 2**50, 0),
    ]
    budgets.set_spend(db, Spend("b1", 1000, 1, 1))
    budgets.forget(db, before=2000)
    assert sorted(budgets.spends(db)) == [Spend("b1", 0, 3, 2), Spend("b1", 2000, 2**50, 0)]


def test_what_was_spent_since_then_counts_those_that_were_asked_for(db):

    records = []
    for n in range(4):
        records += [opened(f"r{n}", key_id=f"k{n % 2}"), settled(f"r{n}", at=float(n), cost_micro_usd=10**n)]
    store(db, Taken(tuple(records), Position(1, 1, 1)))
    assert budgets.spent_since(db, since=0) == 1111
    assert budgets.spent_since(db, since=1000, keys=["k1"]) == 1010
    assert budgets.spent_since(db, since=0, provider="openai", connection_id="c1") == 1111
    assert budgets.spent_since(db, since=0, provider="other") == 0
    assert budgets.entries(db, "k0") == 2


def test_blocks_and_breakers_are_replaced_by_scope_and_removed(db):
    block = BlockRow(
        provider="p",
        connection_id="c1",
        model="*",
        error="rate_limit",
        source="provider",
        evidence={"message": "slow down \0", "deep": [1, None]},
        since=1,
        until=None,
        version=2**40,
        level=3,
        firm=True,
        terminal=False,
    )
    other = replace(block, model="m", until=2**50)
    blocks.put(db, [block, other])
    blocks.put(db, [replace(block, level=4)])
    assert sorted(blocks.every(db), key=lambda row: row.model) == [replace(block, level=4), other]
    blocks.remove(db, [("p", "c1", "m"), ("p", "absent", "m")])
    blocks.remove(db, [])
    assert blocks.every(db) == (replace(block, level=4),)
    breaker = BreakerRow(provider="p", model="m", open_until=2**50, ejections=1, at=5)
    blocks.put_breakers(db, [breaker])
    blocks.put_breakers(db, [replace(breaker, ejections=2)])
    assert blocks.breakers_open(db) == (replace(breaker, ejections=2),)
    blocks.remove_breakers(db, [("p", "m")])
    assert blocks.breakers_open(db) == ()


def answer(number, *, until):
    return AnswerRow(key=bytes([number]) * 32, model_asked="m", answer=b"\0\xff", created_at=1, expires_at=until)


def test_answers_are_found_until_they_expire_and_the_last_to_expire_stay(db):
    for number in range(6):
        answers.put(db, answer(number, until=100 + number))
    answers.put(db, answer(5, until=50))
    assert answers.find(db, bytes([4]) * 32, now=103) == (b"\0\xff", 104)
    assert answers.find(db, bytes([4]) * 32, now=104) is None
    assert answers.find(db, b"absent", now=0) is None
    assert answers.total(db, now=102) == 2
    assert answers.sweep(db, now=100, keep=3) == 3
    assert answers.total(db, now=0) == 3
    assert (answers.clear(db), answers.clear(db)) == (3, 0)


def test_price_lists_are_one_of_each_source_the_latest_first(db):
    row = PriceListRow(source="litellm", dated="2026-01-01", imported_at=1, models=2, prices=bytes(range(256)))
    price_lists.put(db, row)
    price_lists.put(db, replace(row, source="modelsDev", dated="2026-02-01"))
    price_lists.put(db, replace(row, models=3))
    assert [(one.source, one.models) for one in price_lists.every(db)] == [("modelsDev", 2), ("litellm", 3)]
    assert price_lists.every(db)[1].prices == bytes(range(256))
    assert (price_lists.remove(db, "litellm"), price_lists.remove(db, "litellm")) == (True, False)


def test_combos_keep_their_order_and_their_names_are_their_own(db):
    assert combos.next_place(db) == 1
    row = ComboRow(
        id="1",
        name="best",
        strategy="priority",
        steps=({"model": "m", "weight": 1.5},),
        config={"a": None},
        sort_order=2,
        created_at=1,
        updated_at=1,
    )
    combos.add(db, row)
    combos.add(db, replace(row, id="2", name="first", sort_order=1))
    assert combos.next_place(db) == 3
    assert [one.name for one in combos.every(db)] == ["first", "best"]
    assert combos.get(db, "1") == row
    assert combos.replace(db, replace(row, is_active=False))
    assert (combos.remove(db, "2"), combos.remove(db, "2")) == (True, False)
    with pytest.raises(IntegrityError):
        combos.add(db, replace(row, id="3"))
