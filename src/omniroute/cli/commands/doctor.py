"""`omniroute doctor`: looks at everything a gateway needs, and says what to do about what is wrong."""

import os
import shutil
import socket
import sqlite3
import stat
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Annotated, Final, Literal

import msgspec
import typer

from omniroute.cli.command import Call
from omniroute.cli.commands.prompt_cache import prompt_cache
from omniroute.cli.commands.providers import Connection, Tested
from omniroute.cli.place import TOKEN_FILE
from omniroute.cli.problem import UNREACHABLE, Problem
from omniroute.config.settings import Settings
from omniroute.config.values import is_loopback
from omniroute.ir.json import JsonObject

_LITTLE_SPACE: Final = 512 * 1024 * 1024

Verdict = Literal["good", "note", "bad"]
About = Literal["cache"]


class Finding(msgspec.Struct, frozen=True):
    """One thing that was looked at. `advice` says what to do when the verdict is not good."""

    about: str
    verdict: Verdict
    what: str
    advice: str = ""


class _Connections(msgspec.Struct):
    connections: list[Connection]


def doctor(
    call: Call,
    about: Annotated[
        About | None, typer.Argument(metavar="[cache]", help="Only which requests broke a prompt cache.")
    ] = None,
    offline: Annotated[bool, typer.Option("--offline", help="Ask no provider.")] = False,
) -> None:
    """Check the machine, the settings, the data dir, the gateway and the providers.

    The exit code is 1 when something is bad.

    \b
    Examples:
      omniroute doctor
      omniroute doctor cache
    """
    if about == "cache":
        prompt_cache(call)
        return
    found = list(_findings(call, offline=offline))
    if call.output.json:
        call.output.value(found)
    else:
        call.output.table(
            ("CHECK", "", "FOUND"),
            [(one.about, one.verdict, one.what + (f" -> {one.advice}" if one.advice else "")) for one in found],
        )
    bad = [one.about for one in found if one.verdict == "bad"]
    if bad:
        raise Problem(f"not well: {', '.join(bad)}")


def _findings(call: Call, *, offline: bool) -> Iterator[Finding]:
    yield Finding("python", "good", sys.version.partition(" ")[0])
    try:
        loaded = call.place.loaded()
    except Problem as problem:
        yield Finding("settings", "bad", problem.cause, problem.hint)
        return
    yield Finding(
        "settings", "note" if loaded.notes else "good", "; ".join(loaded.notes) or str(loaded.file or "defaults")
    )
    settings = loaded.settings
    yield from perimeter(settings)
    yield from data_dir(settings.data_dir)
    yield from storage(settings)
    yield from _gateway(call, settings, offline=offline)


def perimeter(settings: Settings) -> Iterator[Finding]:
    """Who can reach the gateway, and whether they must show something."""
    if is_loopback(settings.host):
        yield Finding("perimeter", "good", "only this machine can connect")
    elif (settings.public_base_url or "").startswith("https:"):
        yield Finding("perimeter", "good", "others can connect; client keys are required")
    else:
        yield Finding(
            "perimeter",
            "note",
            "others can connect without encryption; client keys are required",
            "put a proxy with TLS in front: docs/how-to/nginx.md",
        )


def data_dir(folder: Path) -> Iterator[Finding]:
    """The data dir, its modes and the space that is left."""
    if not folder.exists():
        yield Finding("data dir", "note", f"{folder} does not exist yet", "the first start makes it")
        return
    if not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
        yield Finding("data dir", "bad", f"{folder} cannot be written", "run it as its owner, or name another")
        return
    exposed = [path for path in (folder, *_files(folder / "secrets")) if stat.S_IMODE(path.stat().st_mode) & 0o077]
    if exposed:
        names = " ".join(str(path) for path in exposed)
        yield Finding("data dir", "bad", f"others on this machine can read {names}", f"chmod go= {names}")
    else:
        yield Finding("data dir", "good", str(folder))
    if (folder / "storage.sqlite").exists():
        yield Finding("data dir", "note", "storage.sqlite belongs to OmniRoute 3.x and is never opened")
    free = shutil.disk_usage(folder).free
    verdict: Verdict = "good" if free > _LITTLE_SPACE else "bad"
    yield Finding("disk", verdict, f"{free // 2**20} MiB free", "" if verdict == "good" else "make room")


def _files(folder: Path) -> list[Path]:
    return sorted(folder.iterdir()) if folder.is_dir() else []


def storage(settings: Settings) -> Iterator[Finding]:
    """The database: the file in the data dir, or the PostgreSQL database that is used instead."""
    file = settings.data_dir / "omniroute.db"
    there = os.path.exists(file)  # no error when the data dir cannot be entered, unlike Path.exists
    if settings.storage_url is None:
        if there:
            yield _database(file)
        return
    from omniroute.storage.database import Unavailable
    from omniroute.storage.postgresql import look

    try:
        yield Finding("database", "good", look(settings.storage_url))
    except Unavailable as error:
        yield Finding(
            "database", "bad", str(error), "check it with psql and the same URL; docs/how-to/postgresql.md"
        )
    if there:
        yield Finding(
            "database file",
            "note",
            f"{file} is not used while storage.url is set",
            "take storage.url away to use the file again",
        )


def _database(path: Path) -> Finding:
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=5)) as connection:
            result = str(connection.execute("PRAGMA quick_check(1)").fetchone()[0])
    except sqlite3.Error as error:
        result = str(error)
    if result == "ok":
        return Finding("database", "good", f"{path.stat().st_size // 1024} KiB, intact")
    return Finding("database", "bad", result, "stop the gateway and put back a copy from backups/")


def _gateway(call: Call, settings: Settings, *, offline: bool) -> Iterator[Finding]:
    gateway = call.place.gateway(timeout_s=10)
    try:
        health = gateway.get("/api/monitoring/health", JsonObject)
    except Problem as problem:
        if problem.code == UNREACHABLE and _is_free(settings.host, settings.port):
            yield Finding("gateway", "note", "does not run; its port is free", "omniroute serve")
        elif problem.code == UNREACHABLE:
            yield Finding(
                "gateway", "bad", f"another program has port {settings.port}", "omniroute serve --port N"
            )
        else:
            yield Finding("gateway", "bad", problem.cause, problem.hint)
        return
    state = str(health.get("status"))
    yield Finding("gateway", "good" if state == "healthy" else "note", f"{state} at {gateway.url}")
    try:
        connections = gateway.get("/api/providers", _Connections).connections
    except Problem as problem:
        advice = f"the token is read from {settings.data_dir / TOKEN_FILE}"
        yield Finding("providers", "bad", problem.cause, advice)
        return
    active = [row for row in connections if row.is_active]
    if not active:
        yield Finding("providers", "note", "none is connected", "omniroute providers add NAME")
    for row in () if offline else active:
        tested = gateway.send("POST", f"/api/providers/{row.id}/test", Tested, {})
        yield Finding(
            f"{row.provider}: {row.name}",
            "good" if tested.valid else "bad",
            tested.error or tested.warning or "works",
        )


def _is_free(host: str, port: int) -> bool:
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host.strip("[]"), port))
    except OSError:
        return False
    return True
