"""Lines of libraries that use `logging`, through the same log as our own."""

import logging

from omniroute.telemetry.log import Log


class Bridge(logging.Handler):
    """A handler for the root logger. A message that cannot be formatted is dropped."""

    def __init__(self, log: Log) -> None:
        super().__init__(level=logging.WARNING)
        self._log = log

    def emit(self, record: logging.LogRecord) -> None:
        try:
            text = self.format(record)
        except (TypeError, ValueError):
            return
        say = self._log.error if record.levelno >= logging.ERROR else self._log.warning
        say(record.name, message=text)


def install(log: Log) -> None:
    """Sends everything of `logging` from WARNING up to `log`, and nothing anywhere else."""
    root = logging.getLogger()
    root.handlers = [Bridge(log)]
    root.setLevel(logging.WARNING)
    logging.raiseExceptions = False
