"""Why the accounts of a target were tried in this order, in words."""

from typing import assert_never

from omniroute.routing.selection.draw import UNUSED, Draw


def because(draw: Draw, account_id: str) -> str:
    """What put this account where it was."""
    if draw.bound == account_id:
        return f"account {account_id}: the conversation is with it"
    standing = draw.standings.get(account_id, UNUSED)
    match draw.strategy:
        case "fill-first":
            said = "by priority"
        case "round-robin":
            said = f"{standing.in_row} in a row of at most {draw.sticky}, use number {standing.last_used}"
        case "strict-random":
            said = f"turn {draw.turn} of the deck"
        case "random":
            said = "drawn"
        case "weighted":
            said = "drawn with a share by its priority"
        case "least-used":
            said = f"{standing.in_flight} under way, use number {standing.last_used}"
        case "p2c":
            wait = (
                "an unknown wait"
                if standing.first_event_s is None
                else f"a wait of {standing.first_event_s:.2f} s"
            )
            said = f"{wait}, {standing.in_flight} under way, errors {standing.errors:.2f}"
        case "quota-aware":
            said = "quota unknown" if standing.remaining is None else f"{standing.remaining:.0%} of its quota left"
        case _:
            assert_never(draw.strategy)
    return f"account {account_id}: {draw.strategy}, {said}"
