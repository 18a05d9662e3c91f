"""The gateway for commands that change what is stored: a running one, or its data dir when none runs."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from omniroute.cli.client import Gateway
from omniroute.cli.problem import UNREACHABLE, Problem
from omniroute.config.settings import Settings
from omniroute.ir.json import JsonObject

if TYPE_CHECKING:  # asyncio, and with it everything that a gateway is made of
    from omniroute.cli.offline import Offline


class Administration(Gateway):
    """A gateway that works on the data dir itself when none runs. Must be closed.

    `settings` are those of the gateway that would run here; None when another one was named, for which nobody can
    stand in. `say` is told when the data dir is worked on.
    """

    def __init__(self, url: str, token: str | None, settings: Settings | None, say: Callable[[str], None]) -> None:
        super().__init__(url, token)
        self._settings = settings
        self._say = say
        self._offline: Offline | None = None

    def raw(self, method: str, path: str, body: JsonObject | None = None) -> bytes:
        if self._offline is None:
            try:
                return super().raw(method, path, body)
            except Problem as problem:
                if problem.code != UNREACHABLE or self._settings is None:
                    raise
            from omniroute.cli.offline import Offline

            self._offline = Offline(self._settings)
            self._say(f"no gateway runs; working on {self._settings.data_dir} itself")
        return self._offline.raw(method, path, body)

    def close(self) -> None:
        """Gives the data dir back, if it was taken."""
        if self._offline is not None:
            self._offline.close()
