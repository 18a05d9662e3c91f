"""Sizes as pixels and as ratios."""

import pytest

from omniroute.dialects.simple.image_size import Pixels, Ratio, longest_side, pixels, ratio
from omniroute.errors import InvalidRequest


@pytest.mark.parametrize(
    ("size", "wanted"),
    [
        ("256x256", Ratio("1:1", exact=False)),
        ("1792x1024", Ratio("16:9", exact=False)),
        ("1024x1792", Ratio("9:16", exact=False)),
        ("1536x1024", Ratio("3:2", exact=False)),
        ("1024x1536", Ratio("2:3", exact=False)),
        ("21:9", Ratio("21:9", exact=True)),
        ("640x480", Ratio("1:1", exact=False)),
        ("big", Ratio("1:1", exact=False)),
        (512, Ratio("1:1", exact=False)),
        ("auto", Ratio("1:1", exact=True)),
        (None, Ratio("1:1", exact=True)),
    ],
)
def test_every_size_has_a_ratio(size: object, wanted: Ratio) -> None:
    assert ratio({"size": size}) == wanted


@pytest.mark.parametrize(
    ("size", "wanted"),
    [
        ("1024x768", Pixels(1024, 768)),
        ("512X512", Pixels(512, 512)),
        ("auto", Pixels(640, 640)),
        (None, Pixels(640, 640)),
    ],
)
def test_pixels_are_read_or_a_square(size: object, wanted: Pixels) -> None:
    assert pixels({"size": size}, 640) == wanted


@pytest.mark.parametrize("size", ["16:9", "0x5", "9000x10", "1024", "1024x768 ", 5, ["1x1"], "٣x٣"])
def test_a_size_that_is_none_is_the_clients_mistake(size: object) -> None:
    with pytest.raises(InvalidRequest, match="must be WIDTHxHEIGHT"):
        pixels({"size": size}, 640)


def test_the_longest_side_is_known_of_pixels_only() -> None:
    assert [longest_side({"size": size}) for size in ("100x200", "16:9", None)] == [200, None, None]
