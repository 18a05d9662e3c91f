"""Which gateway a command talks to, and with which token."""

import os
from collections.abc import Mapping
from ipaddress import ip_address
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from omniroute.cli.client import Gateway
from omniroute.cli.problem import USAGE, Problem
from omniroute.config.load import Loaded, load
from omniroute.config.origin import SettingsError
from omniroute.config.values import is_loopback

TOKEN_FILE: Final = Path("secrets/cli-token")
"""Inside the data dir; the gateway writes it with mode 0600 and believes it from this machine only."""


class Place:
    """The place named by the common options, the environment and the configuration file, in this order."""

    def __init__(
        self,
        *,
        url: str | None = None,
        token: str | None = None,
        data_dir: str | None = None,
        config: str | None = None,
        environ: Mapping[str, str] | None = None,
    ) -> None:
        self._url = url
        self._token = token
        self._data_dir = data_dir
        self._config = Path(config) if config else None
        self._environ = os.environ if environ is None else environ

    @property
    def config(self) -> Path | None:
        """The configuration file that was asked for by name."""
        return self._config

    @property
    def environ(self) -> Mapping[str, str]:
        """The environment of this invocation."""
        return self._environ

    def loaded(self) -> Loaded:
        """The settings a gateway started here would have. Raises Problem when they cannot be used."""
        try:
            return load({"data_dir": self._data_dir}, self._environ, config=self._config)
        except SettingsError as error:
            raise Problem(
                str(error), hint="`omniroute config explain KEY` shows where it comes from", code=USAGE
            ) from None

    def url(self) -> str:
        """The gateway's address."""
        named = self._url or self._environ.get("OMNIROUTE_URL")
        if named:
            return named if "://" in named else f"http://{named}"
        settings = self.loaded().settings
        host = _connectable(settings.host.strip("[]"))
        return f"http://[{host}]:{settings.port}" if ":" in host else f"http://{host}:{settings.port}"

    def gateway(self, *, timeout_s: float = 60.0) -> Gateway:
        """The gateway to administrate, with the token that opens it."""
        url = self.url()
        return Gateway(url, self.admin_token(url), timeout_s=timeout_s)

    @property
    def named(self) -> bool:
        """Whether a gateway was named, instead of found by the settings of this machine."""
        return bool(self._url or self._environ.get("OMNIROUTE_URL"))

    def client(self, *, timeout_s: float = 600.0) -> Gateway:
        """The same gateway for a model's answers: with a client key when one is known, else as a local caller."""
        key = self._token or self._environ.get("OMNIROUTE_API_KEY") or self._environ.get("OMNIROUTE_TOKEN")
        return Gateway(self.url(), key, timeout_s=timeout_s)

    def admin_token(self, url: str) -> str | None:
        """The token given by name, or that of the data dir when the gateway is on this machine."""
        named = self._token or self._environ.get("OMNIROUTE_TOKEN")
        if named or not is_loopback(urlsplit(url).hostname or ""):
            return named  # the file's token is for this machine: it is never sent to another
        path = self.loaded().settings.data_dir / TOKEN_FILE
        try:
            return path.read_text(encoding="ascii").strip() or None
        except FileNotFoundError:
            return None
        except OSError as error:
            raise Problem(
                f"{str(path)!r} cannot be read: {error.strerror}", hint="run it as the gateway's user"
            ) from None


def _connectable(host: str) -> str:
    """Where to connect to a server that listens on the host: "all addresses" is no destination."""
    try:
        address = ip_address(host)
    except ValueError:
        return host
    if not address.is_unspecified:
        return host
    return "127.0.0.1" if address.version == 4 else "::1"
