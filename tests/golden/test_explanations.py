"""The explanation of each named situation is the one that was read and found good; see `explanations.py`."""

from collections.abc import Callable, Iterator

import msgspec
import pytest

from omniroute.ir.json import JsonObject
from tests.golden.explanations import HOME, SITUATIONS, file_of, stage


@pytest.fixture(scope="module")
def play(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], JsonObject]]:
    with stage(tmp_path_factory.mktemp("explanations") / "home") as playing:
        yield playing


@pytest.mark.parametrize("name", SITUATIONS)
def test_a_situation_is_explained_as_it_was(play: Callable[[str], JsonObject], name: str) -> None:
    """`python -m tests.golden.explanations` writes the files again; read the difference before you commit it."""
    assert play(name) == msgspec.json.decode(file_of(name).read_bytes())


def test_every_file_has_its_situation() -> None:
    assert {path.name for path in HOME.glob("*.json")} == {file_of(name).name for name in SITUATIONS}
