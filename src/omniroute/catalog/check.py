"""What is wrong with a set of rows, in words that say what to change."""

import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Final, get_args
from urllib.parse import urlsplit

import msgspec

from omniroute.catalog.loader import Row
from omniroute.catalog.lookup import Tables
from omniroute.catalog.provider import PARAMETER, Operation, OperationName, Provider

_PREFIX: Final = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_VARIABLE: Final = re.compile(r"[A-Z0-9_]+_API_KEY")
_PARAMETER: Final = re.compile(r"\{[a-z_]+\}")
_HEADER: Final = re.compile(r"[a-z0-9-]+")
_OPERATIONS: Final = frozenset(get_args(OperationName))
_GENERATING: Final = ("chat", "responses")
_LOOPBACK: Final = ("localhost", "127.0.0.1", "[::1]")
_DEMO: Final = "demo"


class Finding(msgspec.Struct, frozen=True):
    """`file` is the row's or table's file name under `catalog/`."""

    file: str
    message: str

    def __str__(self) -> str:
        return f"{self.file}: {self.message}"


def findings(
    rows: Iterable[Row],
    tables: Tables,
    *,
    codecs: Collection[str],
    quirks: Collection[str],
    simple: Collection[str] = (),
) -> tuple[Finding, ...]:
    """Everything that is wrong. `codecs` and `quirks` are the names that the dialects know, `simple` those of the
    codecs of other operations than chat."""
    known = tuple(rows)
    providers = [row.provider for row in known]
    return (
        *(
            Finding(f"providers/{row.file}.toml", message)
            for row in known
            for message in _row(row, codecs, quirks, simple)
        ),
        *(Finding("providers", message) for message in _clashes(providers)),
        *(Finding("aliases.toml", message) for message in _aliases(providers, tables)),
        *(Finding("refused.toml", message) for message in _refused(providers, tables)),
        *(Finding("env.toml", message) for message in _env(providers, tables)),
        *(Finding("families.toml", message) for message in _families(providers, tables)),
    )


def _row(row: Row, codecs: Collection[str], quirks: Collection[str], simple: Collection[str]) -> Iterator[str]:
    provider = row.provider
    if provider.id != row.file:
        yield f"the id {provider.id!r} must be the file's name"
    for prefix in {provider.id, provider.alias}:
        if not _PREFIX.fullmatch(prefix):
            yield f"{prefix!r} cannot be a prefix: lower-case letters, digits and single dashes"
    if provider.node:
        yield "a row is not a node"
    yield from _address(provider)
    yield from _auth(provider)
    if not provider.operations:
        yield "it serves no operation"
    for name, operation in provider.operations.items():
        if name not in _OPERATIONS:
            yield f"unknown operation {name!r}; known: {_listed(_OPERATIONS)}"
        fitting = codecs if name in _GENERATING else simple
        if name in _OPERATIONS and operation.codec not in fitting:
            yield f"unknown codec {operation.codec!r} for {name}; known: {_listed(fitting)}"
        yield from _operation(operation)
    for quirk in provider.quirks:
        if quirk not in quirks:
            yield f"unknown quirk {quirk!r}; known: {_listed(quirks)}"
    for header in provider.headers:
        if not _HEADER.fullmatch(header):
            yield f"the header {header!r} must be written in lower case"
    for variable in provider.env:
        if not _VARIABLE.fullmatch(variable):
            yield f"{variable!r} is not a *_API_KEY variable"
    if provider.docs_url is None and _scheme(provider) != _DEMO:
        if provider.default:
            yield "docs_url is missing, and the row is on by default"
        elif provider.note is None:
            yield "docs_url is missing, and no note says why"
    if provider.docs_url is not None and not provider.docs_url.startswith("https://"):
        yield f"docs_url {provider.docs_url!r} must begin with https://"


def _operation(operation: Operation) -> Iterator[str]:
    for path in (operation.path, operation.stream_path):
        if path is not None and not path.startswith("/"):
            yield f"path {path!r} must begin with a slash"
        if path is not None and not set(PARAMETER.findall(path)) <= {"model"}:
            yield f"path {path!r} holds something else in braces than {{model}}"
    url = operation.base_url
    if url is not None:
        parts = urlsplit(_PARAMETER.sub("x", url))
        if parts.scheme not in ("https", "http") or not parts.netloc or parts.query or url.endswith("/"):
            yield f"base_url {url!r} of an operation must be a plain address without a slash at its end"
    for model, length in operation.dimensions.items():
        if length < 1:
            yield f"dimensions of {model!r} must be above 0"


def _address(provider: Provider) -> Iterator[str]:
    url = provider.base_url
    parts = urlsplit(_PARAMETER.sub("x", url))
    if "{" in parts.geturl() or "}" in parts.geturl():
        yield f"base_url {url!r} holds a parameter that is not {{lower_case}}"
    if not parts.netloc:
        yield f"base_url {url!r} has no host"
    if url.endswith("/"):
        yield f"base_url {url!r} must not end with a slash"
    if parts.query or parts.fragment or "@" in parts.netloc:
        yield f"base_url {url!r} must be a plain address: no user, query or fragment"
    match parts.scheme:
        case "https":
            pass
        case "http":
            if not provider.local:
                yield f"base_url {url!r} must begin with https://"
        case "demo":
            if provider.auth.kind != "none":
                yield "the demo takes no credential"
        case other:
            yield f"base_url {url!r} has the scheme {other!r}; https is wanted"
    if provider.local and parts.netloc.rpartition(":")[0] not in _LOOPBACK:
        yield f"base_url {url!r} is not loopback, but the row says local"
    for name, addresses in provider.base_url_when.items():
        for value, address in addresses.items():
            if not address.startswith("https://") or address.endswith("/"):
                yield f"base_url_when {name} = {value!r} must begin with https:// and not end with a slash"
    path = provider.models_path
    if path is not None and not path.startswith("/"):
        elsewhere = urlsplit(_PARAMETER.sub("x", path))
        if (elsewhere.scheme, elsewhere.netloc) != (parts.scheme, parts.netloc):
            yield f"models_path {path!r} must begin with a slash, or name the host of base_url"


def _auth(provider: Provider) -> Iterator[str]:
    auth = provider.auth
    match auth.kind:
        case "header" | "query":
            if auth.name is None:
                yield f"auth {auth.kind!r} needs a name"
        case "bearer" | "none":
            if auth.name is not None or auth.prefix:
                yield f"auth {auth.kind!r} takes neither name nor prefix"
        case "aws":
            if auth.name is None or "region" not in provider.asks_for:
                yield "auth 'aws' needs the name of a service and a parameter {region}"
        case "google":
            if not (auth.token_url or "").startswith("https://"):
                yield "auth 'google' needs a token_url that begins with https://"


def _scheme(provider: Provider) -> str:
    return provider.base_url.partition(":")[0]


def _clashes(providers: Sequence[Provider]) -> Iterator[str]:
    for provider_id, count in Counter(provider.id for provider in providers).items():
        if count > 1:
            yield f"the id {provider_id!r} is used {count} times"
    ids = {provider.id for provider in providers}
    for alias, count in Counter(provider.alias for provider in providers).items():
        if count > 1:
            yield f"the alias {alias!r} is used {count} times"
    for provider in providers:
        if provider.alias in ids - {provider.id}:
            yield f"the alias {provider.alias!r} of {provider.id!r} is another row's id"


def _aliases(providers: Sequence[Provider], tables: Tables) -> Iterator[str]:
    ids = {provider.id for provider in providers}
    taken = ids | {provider.alias for provider in providers}
    for alias, provider_id in tables.aliases.items():
        if alias in taken:
            yield f"the reserved alias {alias!r} is a row's id or alias"
        if provider_id not in ids:
            yield f"the reserved alias {alias!r} stands for {provider_id!r}, which is no row"


def _refused(providers: Sequence[Provider], tables: Tables) -> Iterator[str]:
    for provider in providers:
        for prefix in {provider.id, provider.alias}:
            if prefix in tables.refused:
                yield f"{prefix!r} is refused and a row's id or alias"


def _env(providers: Sequence[Provider], tables: Tables) -> Iterator[str]:
    users: dict[str, list[str]] = {}
    for provider in providers:
        for variable in provider.env:
            users.setdefault(variable, []).append(provider.id)
    for variable, ids in users.items():
        if len(ids) > 1 and tables.env.get(variable) not in ids:
            yield f"{variable!r} is shared by {_listed(ids)}: say which one gets it"
    for variable in tables.env:
        if len(users.get(variable, ())) < 2:
            yield f"{variable!r} is decided, but not shared by rows"


def _families(providers: Sequence[Provider], tables: Tables) -> Iterator[str]:
    ids = {provider.id for provider in providers}
    for pattern, provider_id in tables.families.items():
        if provider_id and provider_id not in ids:
            yield f"the family {pattern!r} belongs to {provider_id!r}, which is no row"


def _listed(names: Iterable[str]) -> str:
    return ", ".join(sorted(names)) or "none"
