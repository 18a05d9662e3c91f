"""The tree of commands: which word runs which function."""

from collections.abc import Sequence

import typer

from omniroute.cli.command import command
from omniroute.cli.commands import (
    blocks,
    budgets,
    combos,
    config,
    doctor,
    keys,
    logs,
    models,
    pricing,
    providers,
    serve,
    setup,
    status,
    translate,
    usage,
)


def tree() -> typer.Typer:
    """Every command; the order is that of `omniroute --help`."""
    root = _group("One self-hosted endpoint for every AI client and every provider. Without a command: serve.")
    root.command("serve")(serve.serve_command)
    command(root, "status")(status.status)
    command(root, "doctor")(doctor.doctor)
    command(root, "setup")(setup.setup)

    group = _group("The accounts at providers through which requests go out.")
    command(group, "ls")(providers.ls)
    command(group, "catalog")(providers.catalog)
    command(group, "add")(providers.add)
    command(group, "test")(providers.probe)
    command(group, "show")(providers.show)
    command(group, "enable")(providers.enable)
    command(group, "disable")(providers.disable)
    command(group, "rm")(providers.rm)
    command(group, "models")(providers.models)
    root.add_typer(group, name="providers")

    group = _group("The keys with which clients call the gateway.")
    command(group, "ls")(keys.ls)
    command(group, "create")(keys.create)
    command(group, "rotate")(keys.rotate)
    command(group, "enable")(keys.enable)
    command(group, "disable")(keys.disable)
    command(group, "rm")(keys.rm)
    root.add_typer(group, name="keys")

    group = _group("How much may be spent: by a key, a tag, at a provider or a connection, or altogether.")
    command(group, "ls")(budgets.ls)
    command(group, "set")(budgets.set_)
    command(group, "rm")(budgets.rm)
    root.add_typer(group, name="budgets")

    group = _group("Named lists of models with a strategy, asked for as if they were a model.")
    command(group, "ls")(combos.ls)
    command(group, "add")(combos.add)
    command(group, "rm")(combos.rm)
    command(group, "explain")(combos.explain)
    command(group, "test")(combos.test)
    command(group, "metrics")(combos.metrics)
    root.add_typer(group, name="combos")

    group = _group("Accounts, models and providers that are left alone for a while.")
    command(group, "ls")(blocks.ls)
    command(group, "lift")(blocks.lift)
    root.add_typer(group, name="blocks")

    group = _group("The models that can be called.")
    command(group, "ls")(models.ls)
    root.add_typer(group, name="models")
    command(root, "ask")(models.ask)
    command(root, "translate")(translate.translate)

    group = _group("The requests that went through.")
    command(group, "ls")(logs.ls)
    command(group, "show")(logs.show)
    root.add_typer(group, name="logs")

    command(root, "usage")(usage.usage)

    group = _group("What models cost: lists of prices from files.")
    command(group, "import")(pricing.import_)
    command(group, "ls")(pricing.ls)
    command(group, "rm")(pricing.rm)
    root.add_typer(group, name="pricing")

    group = _group("The settings of a gateway started here.")
    command(group, "path")(config.path)
    command(group, "show")(config.show)
    command(group, "get")(config.get)
    command(group, "explain")(config.explain)
    command(group, "validate")(config.validate)
    command(group, "set")(config.set_)
    command(group, "unset")(config.unset)
    root.add_typer(group, name="config")

    command(root, "version")(status.version)
    return root


def run(arguments: Sequence[str]) -> int:
    """Runs one command line and returns its exit code; usage errors are printed and are 2.

    `omniroute logs -f` and `omniroute logs status:error` are `omniroute logs ls` with the same behind it.
    """
    given = list(arguments)
    if given[0] == "logs" and (len(given) == 1 or given[1] not in ("ls", "show", "-h", "--help")):
        given.insert(1, "ls")
    if given[0] == "blocks" and (len(given) == 1 or given[1] not in ("ls", "lift", "-h", "--help")):
        given.insert(1, "ls")
    try:
        tree()(given, prog_name="omniroute")
    except SystemExit as leaving:
        return leaving.code if isinstance(leaving.code, int) else 0
    return 0


def _group(text: str) -> typer.Typer:
    return typer.Typer(
        help=text,
        no_args_is_help=True,
        add_completion=False,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    )
