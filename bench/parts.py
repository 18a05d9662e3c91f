"""The parts of docs/explanation/performance.md that measurements write; people write the rest."""

from pathlib import Path

PAGE = Path(__file__).parents[1] / "docs/explanation/performance.md"


def write(part: str, text: str) -> None:
    """Replaces what stands between the two marks of `part`. Raises ValueError when the page has no such part."""
    begin, end = f"<!-- {part}: begin -->", f"<!-- {part}: end -->"
    page = PAGE.read_text(encoding="utf-8")
    if begin not in page or end not in page:
        raise ValueError(f"{PAGE} has no part {part!r}")
    before, _, rest = page.partition(begin)
    PAGE.write_text(f"{before}{begin}\n{text}\n{end}{rest.partition(end)[2]}", encoding="utf-8")
