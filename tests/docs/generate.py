"""Writes the generated pages of docs/reference; a test compares them with what is committed.

`make docs`, or `python -m tests.docs.generate`.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from typer.main import get_command

from omniroute.cli.tree import tree
from omniroute.config.names import NAMES, Name, Variable
from omniroute.config.settings import SECRET_FIELDS, Settings, shown_value
from omniroute.config.values import field_types
from tests.docs import translation

ROOT = Path(__file__).parents[2]
NOTICE = "<!-- Generated: change the source and run `make docs`. -->"


def pages() -> Mapping[str, str]:
    """Every generated page by its path under the root."""
    return {
        "docs/reference/configuration.md": configuration(),
        "docs/reference/cli.md": command_line(),
        "docs/reference/translation.md": f"{NOTICE}\n{translation.page()}",
    }


def configuration() -> str:
    """The page on settings, from `config.names`."""
    defaults = Settings()
    lines = [NOTICE, "# Configuration", "", _INTRODUCTION]
    section = ""
    for field, name in NAMES.items():
        if name.section != section:
            section = name.section
            lines += ["", f"## [{section}]", ""]
            lines += ["| setting | default | flag | variables | meaning |", "|---|---|---|---|---|"]
        default = "" if field in SECRET_FIELDS else f"`{_default(getattr(defaults, field), field)}`"
        flag = f"`{name.flag}`" if name.flag else ""
        lines.append(f"| `{name.key}` | {default} | {flag} | {_variables(name)} | {name.means}{_choices(field)} |")
    return "\n".join(lines) + "\n"


def command_line() -> str:
    """The page on commands, from their help."""
    lines = [NOTICE, "# Command line", "", _CONVENTIONS]
    for path, command, context in _commands():
        lines += ["", f"## {path}", "", "```text", command.get_help(context).rstrip(), "```"]
    return "\n".join(lines) + "\n"


_INTRODUCTION = """\
A setting is looked up in this order; the first place that has it counts:

1. a flag of `omniroute serve`;
2. an environment variable (an empty one counts as absent);
3. `omniroute.toml`: the file named by `--config` or `OMNIROUTE_CONFIG`, else `./omniroute.toml`, else the one
   in the data dir. One file is read, never several;
4. the default.

`omniroute config explain server.port` shows all of them for one setting. Unknown sections and settings are
errors, and so are values that do not fit. A change needs a restart.

```toml
[server]
port = 8080
allowed_hosts = ["ai.example.com"]

[auth]
require_api_key = true
api_key = { env = "GATEWAY_KEY" }                 # or { file = "/run/secrets/gateway-key" }
```

Any value may be given by reference like that; secrets should be. A relative path starts at the folder of the
file that names it. In variables, lists are separated by commas, and true and false may also be 1/0, yes/no and
on/off. Variables that end in `_MS` hold milliseconds; everything else is seconds and bytes. `HOST` counts only
when it is an address or `localhost`, because some shells and build tools put something else there."""

_CONVENTIONS = """\
`omniroute` alone is `omniroute serve`. All other commands but `config`, `version` and `providers catalog` talk
to a running gateway: the one named by `--url` or `OMNIROUTE_URL`, else the one that the settings of this machine
describe. On this machine they open it with the token in the data dir; elsewhere with `--token` or
`OMNIROUTE_TOKEN`, which may be a client key with the scope `manage`. When no gateway runs here, `providers` and
`keys` work on the data dir itself, under its lock.

Data goes to stdout, everything else to stderr. At a terminal a list is a table; in a pipe it is tab-separated
lines without a header; with `--json` it is what the gateway said. `NO_COLOR` is respected.

| exit code | meaning |
|---|---|
| 0 | done |
| 1 | it failed; stderr has one line of cause and often one of what to do |
| 2 | wrong usage or a setting that cannot be used |
| 3 | no gateway answers |
| 4 | not allowed |
| 5 | a limit or a quota is used up |
| 124 | no answer in time |
| 130 | interrupted |"""


def _default(value: object, field: str) -> str:
    return "~/.omniroute" if field == "data_dir" else shown_value(field, value)


def _variables(name: Name) -> str:
    def text(variable: Variable) -> str:
        return f"`{variable.name}`"

    return " ".join(text(variable) for variable in name.variables)


def _choices(field: str) -> str:
    choices = getattr(field_types()[field], "__args__", ())
    words = [choice for choice in choices if isinstance(choice, str)]
    return f" One of {', '.join(f'`{word}`' for word in words)}." if words else ""


def _commands() -> Iterator[tuple[str, Any, Any]]:
    root: Any = get_command(tree())
    top = root.context_class(root, info_name="omniroute", terminal_width=100, max_content_width=100)
    yield "omniroute", root, top
    for name, command in root.commands.items():
        context = command.context_class(command, info_name=name, parent=top, terminal_width=100)
        inner = getattr(command, "commands", None)
        if inner is None:
            yield f"omniroute {name}", command, context
            continue
        for word, child in inner.items():
            yield f"omniroute {name} {word}", child, child.context_class(child, info_name=word, parent=context)


if __name__ == "__main__":
    for place, text in pages().items():
        (ROOT / place).write_text(text, encoding="utf-8")
