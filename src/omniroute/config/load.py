"""Settles every start-up setting: flag > environment > omniroute.toml > default, and remembers which one won."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final, cast

import msgspec

from omniroute.config.names import BY_PATH, NAMES, OTHER_VARIABLES, Name, Variable
from omniroute.config.origin import Layer, Origin, SettingsError, suggestion
from omniroute.config.settings import SECRET_FIELDS, Settings, shown_value
from omniroute.config.values import (
    BadValue,
    Value,
    expanded,
    field_types,
    from_text,
    from_toml,
    is_address,
    is_loopback,
)

ReadText = Callable[[Path], str | None]
"""The text of a file, None when there is no such file; other failures raise OSError."""

FILE_NAME: Final = "omniroute.toml"


class Loaded(msgspec.Struct, frozen=True, kw_only=True):
    """The settings, the origin of each, and what the operator should know.

    `file` is the configuration file that was read; `notes` are sentences for the start-up log.
    """

    settings: Settings
    origins: Mapping[str, Origin]
    layers: Mapping[str, tuple[Layer, ...]]
    file: Path | None
    notes: tuple[str, ...]

    def explain(self, path: str) -> tuple[Layer, ...]:
        """Every layer that has an opinion on `section.key` (or on a field's name), the winner first."""
        name = BY_PATH.get(path) or NAMES.get(path)
        if name is None:
            raise SettingsError(f"There is no setting {path!r}{suggestion(path, tuple(BY_PATH))}")
        return self.layers[name.field]


def read_text(path: Path) -> str | None:
    """The `ReadText` of the real file system."""
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None


def load(
    flags: Mapping[str, object],
    environ: Mapping[str, str],
    *,
    config: Path | None = None,
    read: ReadText = read_text,
) -> Loaded:
    """Settles all settings; the only I/O is `read`.

    `flags` holds fields of `Settings` as the command line gave them; None means not given. The file is `config`,
    else OMNIROUTE_CONFIG, else `./omniroute.toml`, else the one in the data dir; the first that exists is read
    and no other. An empty variable counts as absent. A host that is not loopback makes `require_api_key` true.

    Raises SettingsError for an unknown setting, a value that cannot be used, and a file that cannot be read.
    """
    source = _Source(flags, environ, read)
    path, tables = source.file(config)
    values: dict[str, Value | None] = {}
    layers: dict[str, tuple[Layer, ...]] = {}
    for name in NAMES.values():
        found = [
            *source.flag(name),
            *source.environment(name),
            *source.toml(name, path, tables),
            source.default(name),
        ]
        values[name.field] = found[0][1]
        layers[name.field] = tuple(Layer(origin, shown_value(name.field, value)) for origin, value in found)
    host = str(values["host"])
    if not is_loopback(host):
        values["require_api_key"] = True
        implied = Layer(Origin("implied", f"server.host = {host!r}"), shown_value("require_api_key", True))
        layers["require_api_key"] = (implied, *layers["require_api_key"])
    return Loaded(
        settings=msgspec.convert(values, Settings, strict=True, dec_hook=_same),
        origins=MappingProxyType({field: found[0].origin for field, found in layers.items()}),
        layers=MappingProxyType(layers),
        file=path,
        notes=(*_unknown_variables(environ), *_plain_secrets(path, tables)),
    )


def _same(kind: type, value: object) -> object:
    """Paths are of the right type already; msgspec only needs to be told so."""
    if isinstance(value, kind):
        return value
    raise TypeError(f"expected {kind.__name__}")


_Tables = Mapping[str, Mapping[str, object]]
_Found = tuple[Origin, Value | None]


class _Source:
    """The layers of one start, each read on demand."""

    def __init__(self, flags: Mapping[str, object], environ: Mapping[str, str], read: ReadText) -> None:
        self._flags = flags
        self._environ = environ
        self._read = read
        self._home = Path(environ["HOME"]) if environ.get("HOME") else Path("~").expanduser()
        self._types = field_types()

    def flag(self, name: Name) -> Iterator[_Found]:
        given = self._flags.get(name.field)
        if given is None:
            return
        origin = Origin("flag", (name.flag or name.field).partition("/")[0])
        text = given if isinstance(given, str) else str(given)
        yield origin, self._text(name.field, origin, text, Variable(name.own))

    def environment(self, name: Name) -> Iterator[_Found]:
        for variable in name.variables:
            text = self._environ.get(variable.name, "")
            if not text or (variable.reading == "address" and not is_address(text)):
                continue
            origin = Origin("environment", variable.name)
            yield origin, self._text(name.field, origin, text, variable)

    def toml(self, name: Name, path: Path | None, tables: _Tables) -> Iterator[_Found]:
        value = tables.get(name.section, {}).get(name.key)
        if value is None:
            return
        origin = Origin("file", f"{path}: {name.path}")
        if isinstance(value, dict):
            text = self._referenced(origin, cast("dict[str, object]", value), cast("Path", path).parent)
            yield origin, self._text(name.field, origin, text, Variable(name.own))
            return
        try:
            yield origin, from_toml(name.field, self._types[name.field], value, home=self._home)
        except BadValue as error:
            raise _bad(name.field, origin, str(value), error) from None

    def default(self, name: Name) -> _Found:
        value = cast("Value | None", getattr(_DEFAULTS, name.field))
        return Origin("default"), expanded(str(value), self._home) if isinstance(value, Path) else value

    def file(self, config: Path | None) -> tuple[Path | None, _Tables]:
        """The configuration file to use, read and checked for unknown names."""
        named = config or (Path(text) if (text := self._environ.get("OMNIROUTE_CONFIG")) else None)
        if named is not None:
            path = expanded(str(named), self._home)
            text = self._contents(path)
            if text is None:
                raise SettingsError(
                    f"There is no configuration file {str(path)!r}; check --config or OMNIROUTE_CONFIG"
                )
            return path, _parse(path, text)
        data_dir = NAMES["data_dir"]
        before = [*self.flag(data_dir), *self.environment(data_dir), self.default(data_dir)]
        path = Path(FILE_NAME)
        text = self._contents(path)
        if text is not None:
            return path, _parse(path, text)
        path = Path(str(before[0][1])) / FILE_NAME
        text = self._contents(path)
        if text is None:
            return None, {}
        tables = _parse(path, text)
        if data_dir.key in tables.get(data_dir.section, {}):
            raise SettingsError(
                f"{path}: {data_dir.path} cannot be set by the file inside the data dir; use --data-dir"
            )
        return path, tables

    def _text(self, field: str, origin: Origin, text: str, variable: Variable) -> Value:
        try:
            return from_text(field, self._types[field], text, home=self._home, reading=variable.reading)
        except BadValue as error:
            raise _bad(field, origin, text, error) from None

    def _referenced(self, origin: Origin, reference: Mapping[str, object], folder: Path) -> str:
        """The text behind `{ env = "NAME" }` or `{ file = "PATH" }`; relative paths start at the file's folder."""
        match dict(reference):
            case {"env": str(variable), **rest} if not rest:
                text = self._environ.get(variable)
                if not text:
                    raise SettingsError(f"{origin}: the variable {variable!r} is not set")
                return text
            case {"file": str(place), **rest} if not rest:
                text = self._contents(folder / expanded(place, self._home))
                if not text or not text.strip():
                    raise SettingsError(f"{origin}: the file {place!r} is missing or empty")
                return text.strip()
            case _:
                raise SettingsError(f'{origin} must be a value, {{ env = "NAME" }} or {{ file = "PATH" }}')

    def _contents(self, path: Path) -> str | None:
        try:
            return self._read(path)
        except (OSError, UnicodeDecodeError) as error:
            cause = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
            raise SettingsError(f"{str(path)!r} cannot be read: {cause}") from None


_DEFAULTS: Final = Settings()


def _bad(field: str, origin: Origin, text: str, error: BadValue) -> SettingsError:
    shown = "" if field in SECRET_FIELDS else f" = {text!r}"
    return SettingsError(f"{NAMES[field].path}{shown} ({origin}) {error}")


def _parse(path: Path, text: str) -> _Tables:
    import tomllib  # 10 ms that a start without a file need not spend

    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{str(path)!r} is not valid TOML: {error}") from None
    sections = tuple({name.section: None for name in NAMES.values()})
    for section, table in tables.items():
        if section not in sections:
            paths = {name.key: name.path for name in NAMES.values()}
            hint = f"; did you mean {paths[section]!r}?" if section in paths else suggestion(section, sections)
            raise SettingsError(f"{path}: there is no section {section!r}{hint}")
        if not isinstance(table, dict):
            raise SettingsError(f"{path}: {section!r} is a section: write [{section}] on its own line")
        for key in cast("dict[str, object]", table):
            if f"{section}.{key}" not in BY_PATH:
                hint = suggestion(f"{section}.{key}", tuple(BY_PATH))
                raise SettingsError(f"{path}: there is no setting {f'{section}.{key}'!r}{hint}")
    return tables


def _unknown_variables(environ: Mapping[str, str]) -> Iterator[str]:
    """Variables that look like settings and are none: said, not refused, since other programs may set them."""
    known = tuple(name.own for name in NAMES.values())
    for variable in sorted(environ):
        if variable.startswith("OMNIROUTE_") and variable not in known and variable not in OTHER_VARIABLES:
            yield f"{variable} is not a setting and has no effect{suggestion(variable, known)}"


def _plain_secrets(path: Path | None, tables: _Tables) -> Iterator[str]:
    for field in sorted(SECRET_FIELDS):
        name = NAMES[field]
        value = tables.get(name.section, {}).get(name.key)
        if isinstance(value, str) and (field not in ("proxy", "storage_url") or "@" in value):
            better = '{ env = "NAME" } or { file = "PATH" }'
            yield f"{path}: {name.path} stands there in plain; {better} keeps it out of the file"
