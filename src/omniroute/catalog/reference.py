"""The reference page of all providers, on standard output: `make catalog` keeps it as
`docs/reference/providers.md`."""

import sys
from collections.abc import Iterable

from omniroute.catalog.loader import load
from omniroute.catalog.lookup import Catalog, counts
from omniroute.catalog.provider import Provider

_HEAD = """\
# Providers

Generated from `src/omniroute/catalog/providers/*.toml` by `make catalog`; edit a row, not this page.

{served} providers are served by default, {verified} of them verified; {local} are servers on your own machine.
{optional} more rows are off until you set `catalog.unverified = true`.

A model is written `id/model` or `alias/model`. *Verified* says how the address is known:

| word | meaning |
| --- | --- |
| live | it has been called, and it answered |
| document | the vendor's own documentation says so |
| two sources | two or more independent sources name the same address |
| single source | one source names it, or sources disagree: test the connection first |
| none | nobody has confirmed it |

A key in one of the variables under *environment* is used at once. `{{braces}}` in an address are parameters that
you give with the connection; such a provider is not taken from the environment.
"""

_COLUMNS = ("id", "alias", "name", "operations", "address", "verified", "on", "environment", "note")


def page(known: Catalog) -> str:
    """The page as Markdown."""
    numbers = counts(known)
    head = _HEAD.format(
        served=numbers.served, verified=numbers.verified, local=numbers.local, optional=numbers.optional
    )
    rows = sorted((*known.providers.values(), *known.hidden.values()), key=lambda row: row.id)
    return "\n".join(
        [
            head,
            *_table("Served by default", (row for row in rows if row.default and not row.local)),
            *_table("On your own machine", (row for row in rows if row.local)),
            *_table("Off by default", (row for row in rows if not row.default and not row.local)),
            "## Reserved prefixes",
            "",
            *(f"- `{alias}` stands for `{provider}`" for alias, provider in known.tables.aliases.items()),
            "",
            "## Not offered",
            "",
            "A request for one of these is answered with 400 `provider_not_offered` and the reason. Ids that are",
            "also reserved prefixes mean the provider above.",
            "",
            *(f"- `{refused}`: {reason}" for refused, reason in known.tables.refused.items()),
            "",
        ]
    )


def _table(title: str, rows: Iterable[Provider]) -> list[str]:
    return [
        f"## {title}",
        "",
        _line(_COLUMNS),
        _line("---" for _ in _COLUMNS),
        *(_line(_cells(row)) for row in rows),
        "",
    ]


def _cells(row: Provider) -> tuple[str, ...]:
    name = f"[{row.name}]({row.docs_url})" if row.docs_url else row.name
    operations = ", ".join(f"{name} ({operation.codec})" for name, operation in row.operations.items())
    environment = ", ".join(f"`{variable}`" for variable in row.env)
    return (
        f"`{row.id}`",
        f"`{row.alias}`",
        name,
        operations,
        f"`{row.base_url}`",
        row.verified,
        "yes" if row.default else "no",
        environment,
        row.note or "",
    )


def _line(cells: Iterable[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


if __name__ == "__main__":
    sys.stdout.write(page(load()))
