"""Claims about the measured reference of translations."""

from tests.docs.translation import answers, requests


def test_no_feature_disappears_without_a_word() -> None:
    measured = (*requests(), *answers())
    unsaid = {(feature, source, to) for feature, source, to, cell in measured if cell.fate == "unsaid"}
    # A provider that is not asked to think does not: to leave that out loses nothing.
    assert {cell for cell in unsaid if cell[0] != "thinking off"} == set()


def test_the_plainest_things_get_through_everywhere() -> None:
    plain = {"system prompt", "tools", "tool call and result", "temperature", "output limit", "image as base64"}
    lost = [
        (feature, source, to)
        for feature, source, to, cell in requests()
        if feature in plain and cell.fate not in ("yes", "moved", "in part", "")
    ]
    assert lost == []
