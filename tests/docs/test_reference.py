"""Claims about docs/: generated pages are fresh, links lead somewhere, and what is listed exists."""

import ast
import re
import tomllib
from pathlib import Path

import pytest

from omniroute.catalog.loader import rows
from omniroute.config.load import load
from tests.docs.generate import ROOT, pages

MARKDOWN = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])


@pytest.mark.parametrize("path", pages())
def test_a_generated_page_says_what_the_code_says(path: str) -> None:
    assert (ROOT / path).read_text(encoding="utf-8") == pages()[path], "run `make docs`"


@pytest.mark.parametrize("page", MARKDOWN, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_between_pages_leads_to_a_file(page: Path) -> None:
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    targets = [target.partition("#")[0] for target in re.findall(r"\]\(([^)\s]+)\)", text) if "://" not in target]
    missing = [target for target in targets if target and not (page.parent / target).exists()]
    assert missing == []


def test_every_page_is_reachable_from_the_readme_of_docs() -> None:
    text = (ROOT / "docs/README.md").read_text(encoding="utf-8")
    listed = {(ROOT / "docs" / target).resolve() for target in re.findall(r"\]\(([^)\s#]+)\)", text)}
    pages_of_docs = {page.resolve() for page in ROOT.glob("docs/**/*.md")} - {(ROOT / "docs/README.md").resolve()}
    assert pages_of_docs - listed == set()


@pytest.mark.parametrize("page", MARKDOWN, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_toml_example_is_a_configuration_that_loads(page: Path) -> None:
    for example in re.findall(r"```toml\n(.*?)```", page.read_text(encoding="utf-8"), flags=re.DOTALL):
        if "[server]" in example or "[auth]" in example:
            load(
                {},
                {"HOME": "/home/ada", "GATEWAY_KEY": "sk-example", "OMNIROUTE_PASSWORD": "correct horse"},
                config=Path("omniroute.toml"),
                read=lambda path, text=example: text if path.name == "omniroute.toml" else "from a file",
            )
        else:
            tomllib.loads(example)


def test_every_dependency_has_its_line_of_reason() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    wanted = [
        re.split(r"[\[<>=;~! ]", line)[0]
        for line in (*project["project"]["dependencies"], *project["dependency-groups"]["dev"])
    ]
    text = (ROOT / "docs/explanation/dependencies.md").read_text(encoding="utf-8")
    assert [name for name in wanted if f"| `{name}` |" not in text] == []


def test_every_decision_record_has_its_parts() -> None:
    for page in sorted(ROOT.glob("docs/adr/[0-9]*.md")):
        text = page.read_text(encoding="utf-8")
        assert text.startswith(f"# {int(page.name[:4])}. "), page.name
        for part in ("Status: ", "## Context", "## Decision", "## Consequences"):
            assert part in text, (page.name, part)


def codes(source: Path) -> set[str]:
    """The texts that a file gives as `code`, directly or by a name. A code that is read from a provider's answer
    is not one of ours."""
    tree = ast.parse(source.read_text(encoding="utf-8"))
    given = [
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.keyword) and node.arg == "code" and not isinstance(node.value, ast.Call)
    ]
    names = {name.id for value in given for name in ast.walk(value) if isinstance(name, ast.Name)}
    for node in ast.walk(tree):
        match node:
            case (
                ast.Assign(targets=[ast.Name(id=name)], value=ast.Constant() as value)
                | ast.AnnAssign(target=ast.Name(id=name), value=ast.Constant() as value)
            ) if name in names:
                given.append(value)
            case _:
                pass
    return {
        constant.value
        for value in given
        for constant in ast.walk(value)
        if isinstance(constant, ast.Constant) and isinstance(constant.value, str)
    }


def test_every_error_code_is_explained_and_no_other() -> None:
    sources = [one for one in (ROOT / "src/omniroute").rglob("*.py") if "cli" not in one.parts]
    used = set().union(*(codes(source) for source in sources))
    page = (ROOT / "docs/reference/errors.md").read_text(encoding="utf-8")
    rows = [line.split("|")[1] for line in page.splitlines() if line.startswith("| `")]
    explained = {code for row in rows for code in re.findall(r"`(\w+)`", row)}
    assert used - explained == set(), "explain them in docs/reference/errors.md"
    assert explained - used - {"bad_request"} == set(), "nothing says these any more"


def test_the_readme_counts_the_providers_that_are_served() -> None:
    served = [row.provider for row in rows() if row.provider.default]
    confirmed = sum(provider.verified in ("live", "two sources") for provider in served)
    said = f"{len(served)} served, {confirmed} of them with an address confirmed by two sources"
    assert said in (ROOT / "README.md").read_text(encoding="utf-8")
