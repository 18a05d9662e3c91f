"""The money of budgets, as laws: no overrun, nothing kept back, nothing rounded, and windows without holes."""

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, rule

from omniroute.ir.result import MediaTokens, Usage
from omniroute.ledger.budget_bounds import dearest, usual
from omniroute.ledger.budget_till import Claim, Hold, Short, Till
from omniroute.ledger.budget_windows import window
from omniroute.ledger.budgets import Spent
from omniroute.ledger.cost import MediaRates, Rate, Sheet, cost
from tests.support.budgets import budget

periods = st.sampled_from(["daily", "weekly", "monthly"])
times = st.floats(0, 4_000_000_000, allow_nan=False)
minutes = st.integers(0, 1439)
money = st.integers(0, 700)
NOW = 1_800_000_000.0
LIMIT = 1000


class Money(RuleBasedStateMachine):
    """Requests come and go at one budget that blocks and one that only counts, and cost at most what they
    reserved."""

    holds = Bundle("holds")

    def __init__(self) -> None:
        super().__init__()
        self.till = Till()
        self.blocks = budget("blocks", LIMIT)
        self.counts = budget("counts", 10, action="warn")
        self.known: dict[int, tuple[Hold, int, int]] = {}
        self.written = {"blocks": 0, "counts": 0}
        self.spent = 0
        self.asked = 0

    def reserve(self, amount: int) -> Hold | Short:
        claims = [Claim(self.blocks, amount, True), Claim(self.counts, amount, False)]
        return self.till.reserve(claims, NOW)

    @rule(target=holds, amount=money)
    def ask(self, amount: int) -> int:
        free = LIMIT - self.till.level(self.blocks, NOW).spent - self.till.level(self.blocks, NOW).held
        got = self.reserve(amount)
        assert isinstance(got, Hold) == (amount <= free)
        number = self.asked = self.asked + 1
        if isinstance(got, Hold):
            self.known[number] = (got, amount, 0)
        else:
            assert (got.budget, got.wanted, got.free) == (self.blocks, amount, free)
        return number

    @rule(number=holds, more=money)
    def extend(self, number: int, more: int) -> None:
        if number in self.known:
            hold, bound, certain = self.known[number]
            if hold.extend(bound + more):
                # The one that only counts is over its limit and never lets anything be extended but by nothing.
                assert more == 0 or self.till.level(self.counts, NOW).spent <= 10
                self.known[number] = (hold, bound + more, certain)

    @rule(number=holds, share=st.floats(0, 1))
    def go_on(self, number: int, share: float) -> None:
        if number in self.known:
            hold, bound, certain = self.known[number]
            amount = int(bound * share)
            self.write(hold.charge(amount, guessed=False))
            self.known[number] = (hold, bound, max(certain, amount))

    @rule(number=consumes(holds), share=st.floats(0, 1))
    def end(self, number: int, share: float) -> None:
        if number in self.known:
            hold, bound, _ = self.known.pop(number)
            actual = int(bound * share)
            self.spent += actual
            self.write(hold.settle(actual, guessed=False))

    def write(self, charges) -> None:
        for charge in charges:
            assert charge.micro_usd != 0
            self.written[charge.budget_id] += charge.micro_usd

    @invariant()
    def nothing_is_overrun(self) -> None:
        level = self.till.level(self.blocks, NOW)
        assert level.spent >= 0
        assert level.held >= 0
        assert level.spent + level.held <= LIMIT

    @invariant()
    def what_is_written_is_what_is_counted(self) -> None:
        for one in (self.blocks, self.counts):
            assert self.till.level(one, NOW).spent == self.written[one.id]

    @invariant()
    def nothing_is_kept_back_and_every_settlement_is_exact(self) -> None:
        if not self.known:
            for one in (self.blocks, self.counts):
                level = self.till.level(one, NOW)
                assert (level.spent, level.held) == (self.spent, 0)


TestMoney = Money.TestCase


@given(periods, minutes, times)
def test_every_moment_lies_in_exactly_one_window_and_the_next_begins_where_it_ends(period, reset, at):
    found = window(period, reset, at)
    assert found.holds(at)
    assert found.end is not None
    following = window(period, reset, found.end)
    assert following.start == found.end
    assert window(period, reset, found.end - 1) == found == window(period, reset, found.start)


@given(periods, minutes, times)
def test_windows_begin_at_the_minute_of_the_reset_on_the_right_day(period, reset, at):
    start = datetime.fromtimestamp(window(period, reset, at).start, UTC)
    assert (start.hour * 60 + start.minute, start.second) == (reset, 0)
    assert period != "weekly" or start.weekday() == 0
    assert period != "monthly" or start.day == 1


def test_february_ends_on_its_last_day_in_leap_years_too():
    ends = [
        window("monthly", 0, datetime(year, 2, 29 if year == 2028 else 28, 12, tzinfo=UTC).timestamp())
        for year in (2027, 2028)
    ]
    days = [datetime.fromtimestamp(one.end - 1, UTC).strftime("%m-%d") for one in ends if one.end]
    assert days == ["02-28", "02-29"]


def test_the_last_day_of_a_month_before_its_reset_belongs_to_the_month_and_so_does_the_first_morning():
    at = datetime(2026, 12, 1, 7, 29, tzinfo=UTC).timestamp()
    found = window("monthly", 450, at)
    assert datetime.fromtimestamp(found.start, UTC) == datetime(2026, 11, 1, 7, 30, tzinfo=UTC)
    assert datetime.fromtimestamp(found.end or 0, UTC) == datetime(2026, 12, 1, 7, 30, tzinfo=UTC)


rates = st.integers(0, 10**8).map(Rate) | st.builds(
    Rate, st.integers(0, 10**8), st.tuples(st.tuples(st.integers(1, 10**6), st.integers(0, 10**8)))
)
maybe = st.none() | rates
media = st.builds(MediaRates, audio_input=maybe, audio_cached=maybe, audio_output=maybe, image_input=maybe)
priced = {
    "source": st.just("test"),
    "input": rates,
    "output": rates,
    "cache_read": maybe,
    "cache_write": maybe,
    "cache_write_hour": maybe,
    "reasoning": maybe,
    "request_pico": st.integers(0, 10**10),
    "media": st.none() | media,
}
sheets = st.builds(
    Sheet, **priced, variants=st.just(()) | st.tuples(st.tuples(st.just("flex"), st.builds(Sheet, **priced)))
)
tokens = st.integers(0, 10**6)


@given(sheets, tokens, tokens, tokens, tokens, st.floats(0, 1), st.sampled_from([None, "flex"]))
def test_no_request_costs_more_than_its_tokens_cost_at_the_dearest(
    sheet, fresh, read, written, output, share, tier
):
    usage = Usage(
        input=fresh,
        cache_read=read,
        cache_write=written,
        cache_write_hour=int(written * share),
        output=output,
        reasoning=int(output * share),
        media=MediaTokens(
            audio_input=int(fresh * share),
            audio_cached=int(read * share),
            audio_output=output - int(output * share),
            image_input=fresh - int(fresh * share),
        ),
        tier=tier,
    )
    assert cost(sheet, usage).micro_usd <= dearest(sheet, fresh + read + written, output)


@given(sheets, tokens, tokens)
def test_the_usual_bound_is_what_fresh_tokens_cost(sheet, given_tokens, made):
    plain = Sheet(source="test", input=sheet.input, output=sheet.output, request_pico=sheet.request_pico)
    exact = cost(plain, Usage(input=given_tokens, output=made)).micro_usd
    assert usual(sheet, given_tokens, made) - exact in (0, 1)


def test_what_a_process_has_not_seen_itself_counts_from_what_is_stored():
    start = window("monthly", 0, NOW).start
    one = budget("b", 100, stored={start: Spent(60, 5)})
    till = Till()
    short = till.reserve([Claim(one, 41, True)], NOW)
    assert isinstance(short, Short)
    assert short.free == 40
    assert till.level(one, NOW).guessed == 5
    assert isinstance(till.reserve([Claim(one, 40, True)], NOW), Hold)


def test_a_charge_counts_in_the_window_in_which_it_was_reserved():
    one = budget("b", 100, period="daily")
    till = Till()
    hold = till.reserve([Claim(one, 50, True)], NOW)
    assert isinstance(hold, Hold)
    (charge,) = hold.settle(30, guessed=False)
    assert charge.window == window("daily", 0, NOW).start
    assert till.level(one, NOW + 86_400).spent == 0
    assert till.level(one, NOW).spent == 30


def test_a_clock_that_jumps_forward_and_back_finds_the_window_that_it_left():
    one = budget("b", 100, period="daily")
    till = Till()
    for at in (NOW, NOW + 40 * 86_400, NOW):
        hold = till.reserve([Claim(one, 10, True)], at)
        assert isinstance(hold, Hold)
        hold.settle(10, guessed=True)
    assert (till.level(one, NOW).spent, till.level(one, NOW).guessed) == (20, 20)
