"""The snapshot that holds now. Readers take a reference; who changes something waits until the new one is here."""

import threading
from collections.abc import Iterable, Mapping

from omniroute.accounts.connection import Connection
from omniroute.catalog.provider import Provider
from omniroute.snapshot.build import compose, read
from omniroute.snapshot.model import Snapshot
from omniroute.storage.database import Database
from omniroute.storage.sealing import Sealer
from omniroute.storage.writer import Writer


class Live:
    """Follows the writer. `current` may be read from anywhere and costs nothing; it never goes back in time."""

    def __init__(
        self,
        database: Database,
        writer: Writer,
        sealer: Sealer,
        catalog: Mapping[str, Provider],
        extra: Iterable[Connection] = (),
    ) -> None:
        """`catalog` is by id and by alias; `extra` are connections that are not stored."""
        self._database = database
        self._sealer = sealer
        self._catalog = catalog
        self._extra = tuple(extra)
        self._rebuilding = threading.Lock()
        with self._rebuilding:  # a change that comes now waits, and is then read
            writer.subscribe(self._follow)
            self.current: Snapshot = self._composed()

    def rebuild(self) -> Snapshot:
        """Read everything anew and put it in force."""
        with self._rebuilding:
            self.current = self._composed()
            return self.current

    def set_extra(self, extra: Iterable[Connection]) -> None:
        """Replace the connections that are not stored (environment, local servers)."""
        with self._rebuilding:
            self._extra = tuple(extra)
            self.current = self._composed()

    def _follow(self, revision: int) -> None:
        self.rebuild()

    def _composed(self) -> Snapshot:
        return compose(self._database.read(read), catalog=self._catalog, extra=self._extra, sealer=self._sealer)
