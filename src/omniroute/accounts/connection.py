"""One account at one provider, as requests use it."""

from typing import Literal

import msgspec

from omniroute.ir.json import JsonObject


class Connection(msgspec.Struct, frozen=True, kw_only=True):
    """A credential and where it may be used.

    `provider` is a provider id or a node id. `base_url` overrides the provider's (None: as the row says).
    `secret` is the plain credential, in memory only; its repr is withheld so that no log can show it.
    Lower `priority` goes first; connections from the environment come after stored ones.
    """

    id: str
    provider: str
    name: str
    auth_type: Literal["apikey", "none"] = "apikey"
    secret: "Secret | None" = None
    base_url: str | None = None
    parameters: JsonObject = {}
    priority: int = 1
    active: bool = True
    default_model: str | None = None
    excluded_models: tuple[str, ...] = ()
    max_concurrent: int | None = None
    origin: Literal["stored", "env", "local"] = "stored"
    version: int = 0
    """Changes with every edit (the row's updated_at); a cooldown does not outlive the edit that cured it."""


class Secret(msgspec.Struct, frozen=True):
    """A credential whose repr never shows it."""

    value: str

    def __repr__(self) -> str:
        return "Secret(...)"

    __str__ = __repr__
