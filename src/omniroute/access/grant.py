"""What a caller may do, decided once per request from the snapshot."""

from typing import Final, Literal, TypeAlias

import msgspec

from omniroute.access.schedule import Schedule

LOCAL_KEY_ID: Final = "local"
"""The id under which keyless loopback use is recorded."""

ENV_KEY_ID: Final = "env-key"
"""The id of the key given in OMNIROUTE_API_KEY."""


CacheUse: TypeAlias = Literal["none", "exact", "all"]
"""Which answers may be kept and given again: none, those to requests with an explicit temperature of 0, or all."""


SemanticUse: TypeAlias = Literal["off", "shadow", "on"]
"""Whether a request may get the answer to a question that means the same: never, only counted, or yes."""


BodyPolicy: TypeAlias = Literal["off", "errors", "all"]
"""Of which requests the bodies are kept: none, those that fail, or all."""


class RateLimit(msgspec.Struct, frozen=True, kw_only=True):
    """At most `limit` requests, or tokens in and out, over `window_s` seconds."""

    limit: int
    window_s: int
    unit: Literal["requests", "tokens"] = "requests"


class Grant(msgspec.Struct, frozen=True, kw_only=True):
    """A client key as the data plane sees it.

    `models` and `connections` are allow-lists, empty meaning all; models are patterns of
    `catalog.patterns`. `expires_at` is unix seconds. `scopes` may hold `manage`. `strict` refuses requests whose
    translation would lose meaning. `rate_limits` all hold; `max_sessions` is how many conversations may go on at
    a time, 0 for any number. `schedule` is None for always. `tags` say with whom it shares budgets.
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
    strict: bool = False
    rate_limits: tuple[RateLimit, ...] = ()
    max_sessions: int = 0
    cache: CacheUse = "exact"
    semantic_cache: SemanticUse = "off"
    schedule: Schedule | None = None
    tags: tuple[str, ...] = ()
    bodies: BodyPolicy | None = None
    """None for what holds for all keys. Without `log_bodies` nothing is kept, whatever this says."""
    blocked: tuple[tuple[str, str], ...] = ()
    """Patterns of models that policies forbid for this request, each with the name of its policy."""
    preferred: tuple[str, ...] = ()
    """Providers that policies want to be tried first."""

    @property
    def limited(self) -> bool:
        """Whether there may be models or connections that are not for it."""
        return bool(self.models or self.connections or self.blocked)


LOCAL_GRANT: Final = Grant(key_id=LOCAL_KEY_ID, name="local")
