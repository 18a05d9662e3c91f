"""A private PostgreSQL: made in a folder, reached by a socket in it, started and stopped at will."""

import os
import pwd
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any, Self
from urllib.parse import quote

MISSING = "PostgreSQL is not installed: apt-get install --no-install-recommends postgresql"

# Nothing of it has to survive the machine.
_CARELESS = ("fsync=off", "full_page_writes=off", "synchronous_commit=off", "shared_buffers=16MB")


class PostgreSQL:
    """As a context manager it runs within, and leaves nothing behind."""

    def __init__(self) -> None:
        programs = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"))
        found = programs[-1] if programs else shutil.which("postgres")
        assert found, MISSING
        self._programs = Path(found).parent
        # The server refuses to run as root.
        self._as = ("runuser", "-u", "postgres", "--") if os.geteuid() == 0 else ()
        self.user = "postgres" if self._as else pwd.getpwuid(os.geteuid()).pw_name
        # Not under pytest's folders: those are closed to others, and the name of a socket is 107 bytes at most.
        self.folder = Path(tempfile.mkdtemp(prefix="omniroute-pg-"))
        self._data = self.folder / "data"
        self._schemas = 0
        if self._as:
            shutil.chown(self.folder, "postgres")
        self._run("initdb", "--no-sync", "--auth=trust", "--locale=C.UTF-8", "--encoding=UTF8", "-D", self._data)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        shutil.rmtree(self.folder)

    def start(self) -> None:
        """Returns when it accepts connections."""
        own = ("listen_addresses=", f"unix_socket_directories={self.folder}")
        options = " ".join(f"-c {one}" for one in (*_CARELESS, *own))
        log = self.folder / "log"
        self._run("pg_ctl", "start", "--silent", "--wait", "-D", self._data, "-o", options, "-l", log)

    def stop(self) -> None:
        """Cuts every session off, as a restart of a server does. Returns when it is gone."""
        self._run("pg_ctl", "stop", "--silent", "--wait", "--mode=fast", "-D", self._data)

    def url(self, **options: str) -> str:
        """`options` are server settings of its sessions, such as search_path."""
        told = "".join(f"&options={quote(f'-c {name}={value}')}" for name, value in options.items())
        return f"postgresql://{self.user}@/postgres?host={quote(str(self.folder))}{told}"

    def fresh(self) -> str:
        """The URL of an empty schema that nobody else has."""
        self._schemas += 1
        name = f"s{self._schemas}"
        self.sql(f"CREATE SCHEMA {name}")
        return self.url(search_path=name)

    def sql(self, statement: str) -> list[tuple[Any, ...]]:
        """Runs a statement of the operator's; gives its rows."""
        import psycopg

        with psycopg.connect(self.url(), autocommit=True) as connection:
            cursor = connection.execute(statement.encode())
            return cursor.fetchall() if cursor.description else []

    def _run(self, program: str, *arguments: object) -> None:
        command = [*self._as, str(self._programs / program), *map(str, arguments)]
        subprocess.run(command, check=True, cwd="/", stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
