"""`omniroute config`: the settings of a gateway started here, their origins, and the file they are kept in."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from omniroute.cli.command import Call
from omniroute.cli.problem import USAGE, Problem
from omniroute.config.load import FILE_NAME, Loaded, load, read_text
from omniroute.config.names import BY_PATH, NAMES, Name
from omniroute.config.origin import SettingsError, suggestion
from omniroute.config.settings import SECRET_FIELDS, shown_value
from omniroute.config.values import BadValue, field_types, from_text

if TYPE_CHECKING:  # 35 ms that only the two writing commands need
    from tomlkit import TOMLDocument
    from tomlkit.items import Table

Key = Annotated[str, typer.Argument(metavar="KEY", help="A setting, like server.port.")]


def path(call: Call) -> None:
    """Print the configuration file that is read, or the one that `config set` would make.

    \b
    Examples:
      omniroute config path
      $EDITOR "$(omniroute config path)"
    """
    loaded = call.place.loaded()
    if loaded.file is None:
        call.output.say("there is no such file yet")
    call.output.text(str(_file(loaded)))


def show(call: Call) -> None:
    """List every setting with its value and where that comes from.

    \b
    Examples:
      omniroute config show
      omniroute config show --json
    """
    loaded = call.place.loaded()
    rows = [
        (name.path, shown_value(field, getattr(loaded.settings, field)), str(loaded.origins[field]))
        for field, name in NAMES.items()
    ]
    if call.output.json:
        call.output.value({key: {"value": value, "origin": origin} for key, value, origin in rows})
    else:
        call.output.table(("KEY", "VALUE", "FROM"), rows)


def get(call: Call, key: Key) -> None:
    """Print the value of one setting; of a secret, only whether it is set.

    \b
    Examples:
      omniroute config get server.port
      omniroute config get auth.require_api_key --json
    """
    name = _named(key)
    value: object = getattr(call.place.loaded().settings, name.field)
    if name.field in SECRET_FIELDS:
        value = None if value is None else "(set)"
    if call.output.json:
        call.output.value(str(value) if isinstance(value, Path) else value)
    else:
        call.output.text(_plain(value))


def explain(call: Call, key: Key) -> None:
    """Show every layer that has a say in one setting; the first line is what counts.

    \b
    Examples:
      omniroute config explain server.port
      omniroute config explain auth.require_api_key --json
    """
    name = _named(key)
    layers = call.place.loaded().layers[name.field]
    if call.output.json:
        call.output.value([{"value": layer.shown, "origin": str(layer.origin)} for layer in layers])
        return
    call.output.table(("VALUE", "FROM"), [(layer.shown, str(layer.origin)) for layer in layers])
    call.output.say(name.means)


def validate(call: Call) -> None:
    """Check all settings. The exit code is 2 when one cannot be used.

    \b
    Examples:
      omniroute config validate
      omniroute config validate --config /etc/omniroute.toml
    """
    loaded = call.place.loaded()
    for note in loaded.notes:
        call.output.say(note)
    call.output.say(f"good ({loaded.file or 'no file, defaults'})")


def set_(
    call: Call,
    key: Key,
    value: Annotated[str | None, typer.Argument(metavar="[VALUE]", help="Lists: separated by commas.")] = None,
    env: Annotated[str | None, typer.Option("--env", metavar="NAME", help="Take it from this variable.")] = None,
    file: Annotated[str | None, typer.Option("--file", metavar="PATH", help="Take it from this file.")] = None,
) -> None:
    """Write one setting into the configuration file; its comments stay. A running gateway needs a restart.

    \b
    Examples:
      omniroute config set server.port 8080
      omniroute config set auth.api_key --env GATEWAY_KEY
    """
    from tomlkit import inline_table, table

    name = _named(key)
    if sum(given is not None for given in (value, env, file)) != 1:
        raise Problem("give a value, --env NAME or --file PATH", code=USAGE)
    if value is not None and name.field in SECRET_FIELDS - {"proxy"}:
        raise Problem(
            f"{key} is a secret, and arguments can be seen by others", hint="use --env or --file", code=USAGE
        )
    loaded = call.place.loaded()
    contents = _document(_file(loaded))
    section = _section(contents, name) or table()
    contents[name.section] = section
    if value is not None:
        section[name.key] = _toml_value(name, value)
    else:
        reference = inline_table()
        reference["env" if env is not None else "file"] = env if env is not None else file
        section[name.key] = reference
    _write(call, _file(loaded), contents)
    call.output.say(f"{_file(loaded)}: {key} is set")


def unset(call: Call, key: Key) -> None:
    """Remove one setting from the configuration file.

    \b
    Examples:
      omniroute config unset server.port
      omniroute config unset auth.api_key
    """
    name = _named(key)
    loaded = call.place.loaded()
    contents = _document(_file(loaded))
    section = _section(contents, name)
    if section is None or name.key not in section:
        raise Problem(f"{_file(loaded)} does not set {key}")
    del section[name.key]
    _write(call, _file(loaded), contents)
    call.output.say(f"{_file(loaded)}: {key} is no longer set")


def _named(key: str) -> Name:
    name = BY_PATH.get(key)
    if name is None:
        raise Problem(
            f"there is no setting {key!r}{suggestion(key, tuple(BY_PATH))}",
            hint="`omniroute config show` lists them",
            code=USAGE,
        )
    return name


def _file(loaded: Loaded) -> Path:
    return loaded.file or loaded.settings.data_dir / FILE_NAME


def _document(file: Path) -> "TOMLDocument":
    from tomlkit import document, parse

    text = read_text(file)
    return document() if text is None else parse(text)


def _section(contents: "TOMLDocument", name: Name) -> "Table | None":
    from tomlkit.items import Table

    if name.section not in contents:
        return None
    section = contents.item(name.section)
    return section if isinstance(section, Table) else None


def _toml_value(name: Name, text: str) -> object:
    try:
        value = from_text(name.field, field_types()[name.field], text, home=Path("~").expanduser())
    except BadValue as error:
        raise Problem(f"{name.path} = {text!r} {error}", code=USAGE) from None
    if isinstance(value, Path):
        return text
    return list(value) if isinstance(value, tuple) else value


def _write(call: Call, file: Path, contents: "TOMLDocument") -> None:
    """Replaces the file as a whole, and only by one with which a gateway would start."""
    text = contents.as_string()
    target = file.resolve()
    try:
        load(
            {},
            call.place.environ,
            config=file,
            read=lambda path: text if path.resolve() == target else read_text(path),
        )
    except SettingsError as error:
        raise Problem(f"nothing was written: {error}", code=USAGE) from None
    fresh = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        mode = target.stat().st_mode & 0o777 if target.exists() else 0o600
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        with open(descriptor, "w", encoding="utf-8") as out:
            out.write(text)
        fresh.replace(target)
    except OSError as error:
        raise Problem(f"{str(file)!r} cannot be written: {error.strerror}") from None


def _plain(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, tuple):
        return ",".join(str(item) for item in value)  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]  # settings hold tuples of str
    return "" if value is None else str(value)
