"""What a prefix stands for."""

from omniroute.catalog.lookup import Counts, Refused, Tables, catalog, counts
from omniroute.catalog.provider import Operation, Provider, Verified


def _row(
    provider_id: str,
    *,
    alias: str | None = None,
    default: bool = True,
    env: tuple[str, ...] = (),
    base_url: str = "https://api.example.com/v1",
    verified: Verified = "none",
    local: bool = False,
) -> Provider:
    return Provider(
        id=provider_id,
        alias=alias or provider_id,
        name=provider_id.title(),
        base_url=base_url,
        operations={"chat": Operation(codec="openai_chat")},
        default=default,
        env=env,
        verified=verified,
        local=local,
    )


NORTH = _row("north", alias="n", env=("NORTH_API_KEY", "SHARED_API_KEY"), verified="two sources")
SOUTH = _row("south", env=("SHARED_API_KEY",), local=True)
DARK = _row("dark", alias="d", default=False)
TABLES = Tables(
    aliases={"compass": "north", "night": "dark", "nobody": "absent"},
    refused={"web": "it is a web page", "compass": "the alias goes first"},
    env={"SHARED_API_KEY": "south"},
)
EVERYTHING = catalog([NORTH, SOUTH, DARK], TABLES)
SERVED = EVERYTHING.served(False)


def test_an_id_an_alias_and_a_reserved_alias_mean_the_same_row() -> None:
    assert [SERVED.resolve(prefix) for prefix in ("north", "n", "compass")] == [NORTH, NORTH, NORTH]


def test_a_refused_id_says_why() -> None:
    assert SERVED.resolve("web") == Refused("web", "it is a web page")
    assert SERVED.refusal("web") == "it is a web page"


def test_a_reserved_alias_goes_before_a_refusal() -> None:
    assert SERVED.resolve("compass") == NORTH
    assert SERVED.refusal("compass") is None


def test_an_alias_of_a_row_that_is_not_there_is_nothing() -> None:
    assert SERVED.resolve("nobody") is None


def test_an_unknown_prefix_is_nothing_and_has_near_ones() -> None:
    assert SERVED.resolve("nort") is None
    assert SERVED.near("nort") == ("north",)


def test_prefixes_are_case_sensitive() -> None:
    assert SERVED.resolve("North") is None


def test_a_row_that_is_off_is_refused_with_the_setting_that_brings_it_in() -> None:
    reason = "its address is not verified; set catalog.unverified = true to use it all the same"
    assert [SERVED.resolve(prefix) for prefix in ("dark", "d", "night")] == [Refused("dark", reason)] * 3


def test_unverified_rows_are_served_when_asked_for() -> None:
    assert SERVED.served(True).resolve("dark") == DARK
    assert set(SERVED.served(True).providers) == {"north", "south", "dark"}


def test_the_rows_that_are_off_are_not_listed() -> None:
    assert set(SERVED.providers) == {"north", "south"}
    assert "d" not in SERVED.prefixes


def test_a_key_in_the_environment_arms_its_provider_once() -> None:
    assert SERVED.armed({"NORTH_API_KEY": "k", "SHARED_API_KEY": "s", "HOME": "/"}) == (
        (NORTH, "NORTH_API_KEY"),
        (SOUTH, "SHARED_API_KEY"),
    )


def test_a_shared_variable_goes_to_the_row_that_the_table_names() -> None:
    assert SERVED.armed({"SHARED_API_KEY": "s"}) == ((SOUTH, "SHARED_API_KEY"),)


def test_a_blank_variable_arms_nothing() -> None:
    assert SERVED.armed({"NORTH_API_KEY": "  "}) == ()


def test_a_row_whose_address_needs_parameters_is_not_armed() -> None:
    row = _row("tenant", base_url="https://{resource}.example.com/v1", env=("TENANT_API_KEY",))
    assert catalog([row], Tables()).armed({"TENANT_API_KEY": "k"}) == ()


def test_the_counts_are_of_what_is_served_and_leave_the_demo_out() -> None:
    expected = Counts(served=2, verified=1, local=1, optional=1)
    assert counts(catalog([NORTH, SOUTH, DARK, _row("demo", verified="live")], TABLES)) == expected
    assert counts(SERVED) == expected
