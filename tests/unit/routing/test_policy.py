"""Which policies are about a request, and what they say together."""

from hypothesis import given
from hypothesis import strategies as st

from omniroute.routing.policy import Actions, Conditions, Policy, PolicyType, Ruling, in_order, ruling

ALWAYS = Conditions()


def policy(
    name: str,
    type: PolicyType = "access",
    *,
    priority: int = 100,
    enabled: bool = True,
    when: Conditions = ALWAYS,
    prefer: tuple[str, ...] = (),
    block: tuple[str, ...] = (),
    most: int | None = None,
) -> Policy:
    actions = Actions(prefer_provider=prefer, block_model=block, max_tokens=most)
    return Policy(
        id=name, name=name, type=type, enabled=enabled, priority=priority, conditions=when, actions=actions
    )


def test_a_policy_is_about_what_all_its_conditions_hold_for() -> None:
    one = policy("p", when=Conditions(model_pattern="claude-*", api_key_id="k"), block=("x",))
    assert ruling((one,), model="claude-opus", key_id="k") == Ruling(blocked=(("x", "p"),))
    assert ruling((one,), model="claude-opus", key_id="other") is None
    assert ruling((one,), model="gpt-5", key_id="k") is None


def test_a_combo_is_meant_with_and_without_its_prefix() -> None:
    one = policy("p", when=Conditions(combo="fast"), block=("x",))
    for name in ("fast", "combo/fast"):
        assert ruling((one,), model=name, key_id="k") is not None
    assert ruling((one,), model="faster", key_id="k") is None


def test_the_smallest_limit_holds_and_preferences_add_up_in_order() -> None:
    policies = in_order(
        (
            policy("b", "budget", most=900, priority=1),
            policy("a", "budget", most=300, priority=2),
            policy("d", "routing", prefer=("two", "one"), priority=4),
            policy("c", "routing", prefer=("one",), priority=3),
        )
    )
    found = ruling(policies, model="m", key_id="k")
    assert found == Ruling(max_tokens=300, preferred=("one", "two"))


def test_a_policy_that_is_off_says_nothing() -> None:
    assert in_order((policy("p", enabled=False),)) == ()


@given(st.lists(st.tuples(st.text("ab", min_size=1, max_size=2), st.integers(0, 3)), unique_by=lambda one: one[0]))
def test_the_order_does_not_depend_on_how_they_are_stored(given_policies: list[tuple[str, int]]) -> None:
    policies = [policy(name, priority=priority) for name, priority in given_policies]
    assert in_order(policies) == in_order(reversed(policies))
