"""What the README shows works as it is written, and its figures are those that were measured."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator

import pytest

from bench.parts import PAGE
from tests.docs.generate import ROOT
from tests.support.gateway import Gateway

README = (ROOT / "README.md").read_text(encoding="utf-8")
FIGURE = re.compile(r"\d[\d,]*(?:\.\d+)?(?: ?(?:ms|MiB|%))?")
CI_RUNS = ("make ",)
NEEDS_A_VENDOR = (".venv/bin/omniroute providers add openai", ".venv/bin/omniroute ask openai/")


def commands() -> list[str]:
    """Of all console blocks, with their continuation lines."""
    blocks = re.findall(r"^```console\n(.*?)^```", README, flags=re.DOTALL | re.MULTILINE)
    whole = "".join(blocks).replace("\\\n", " ")
    return [line.removeprefix("$ ") for line in whole.splitlines() if line.startswith("$ ")]


RUN_HERE = [one for one in commands() if not one.startswith((*CI_RUNS, *NEEDS_A_VENDOR))]


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    with Gateway(tmp_path_factory.mktemp("readme")) as running:
        yield running


def test_nothing_but_what_ci_runs_and_what_a_vendor_answers_is_left_out() -> None:
    left_out = [one for one in commands() if one not in RUN_HERE]
    assert sorted({one.split(" ")[0] for one in left_out}) == [".venv/bin/omniroute", "make"]
    assert len(RUN_HERE) >= 8


@pytest.mark.parametrize("command", RUN_HERE)
def test_a_command_of_the_readme_does_what_it_says(gateway: Gateway, command: str) -> None:
    here = command.replace("http://127.0.0.1:20128", gateway.url).replace("curl ", "curl -sS --fail-with-body ")
    here = here.replace(".venv/bin/omniroute", f"{sys.executable} -m omniroute")
    env = {"HOME": str(gateway.home), "PATH": os.environ["PATH"], "LANG": "C.UTF-8"}
    env |= {"OMNIROUTE_URL": gateway.url, "OMNIROUTE_DATA_DIR": str(gateway.data_dir)}
    done = subprocess.run(
        ["bash", "-c", here], env=env, cwd=gateway.home, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout.strip() or done.stderr.strip(), "it says nothing"


def measured(part: str) -> set[str]:
    page = PAGE.read_text(encoding="utf-8")
    (found,) = re.findall(rf"<!-- {part}: begin -->\n(.*?)<!-- {part}: end -->", page, flags=re.DOTALL)
    return set(FIGURE.findall(found))


def figures(section: str) -> list[str]:
    """Those in the tables of a section, but for their heads."""
    (text,) = re.findall(rf"^## {section}\n(.*?)^## ", README, flags=re.DOTALL | re.MULTILINE)
    rows = [line for line in text.splitlines() if line.startswith("|")][2:]
    return [figure for row in rows for figure in FIGURE.findall(row)]


def test_every_figure_on_money_was_printed_by_a_measurement() -> None:
    printed = measured("ledger") | measured("soak") | measured("budgets")
    assert figures("Money")
    assert [figure for figure in figures("Money") if figure not in printed] == []


def test_every_figure_on_speed_was_printed_by_the_benchmark() -> None:
    assert figures("How fast")
    assert [figure for figure in figures("How fast") if figure not in measured("measured")] == []
