"""What a caller may do, decided once per request from the snapshot."""

from typing import Final

import msgspec

LOCAL_KEY_ID: Final = "local"
"""The id under which keyless loopback use is recorded."""

ENV_KEY_ID: Final = "env-key"
"""The id of the key given in OMNIROUTE_API_KEY."""


class Grant(msgspec.Struct, frozen=True, kw_only=True):
    """A client key as the data plane sees it.

    `models` and `connections` are allow-lists, empty meaning all; models are patterns of
    `catalog.patterns`. `expires_at` is unix seconds. `scopes` may hold `manage`.
    """

    key_id: str
    name: str
    scopes: tuple[str, ...] = ()
    models: tuple[str, ...] = ()
    connections: tuple[str, ...] = ()
    active: bool = True
    banned: bool = False
    expires_at: float | None = None
    log_bodies: bool = True


LOCAL_GRANT: Final = Grant(key_id=LOCAL_KEY_ID, name="local")
