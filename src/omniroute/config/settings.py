"""What can be set at start-up. Loading, precedence and origins are `config.load`."""

from pathlib import Path
from typing import Final, Literal

import msgspec

SECRET_FIELDS: Final = frozenset(
    {
        "api_key",
        "initial_password",
        "jwt_secret",
        "api_key_secret",
        "storage_encryption_key",
        "storage_url",
        "proxy",
    }
)
"""Fields whose values are never shown in a repr, a log, an error or a table; a URL may hold a password."""


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """Every start-up setting with its default. Durations are seconds, sizes bytes.

    In `omniroute.toml` a field lives under the section named by its entry in `config.names`; on the command
    line and in the environment it is a flag and an `OMNIROUTE_*` variable.
    """

    host: str = "127.0.0.1"
    port: int = 20128
    data_dir: Path = Path("~/.omniroute")
    open_browser: bool = True
    detect: bool = True
    """Arm provider keys found in the environment, and probe for local servers after start."""
    public_base_url: str | None = None
    allowed_hosts: tuple[str, ...] = ()
    trusted_proxies: tuple[str, ...] = ()
    cors_allowed_origins: tuple[str, ...] = ()
    body_limit: int = 64 * 1024 * 1024
    drain_s: float = 30.0
    workers: int = 1

    require_api_key: bool = False
    api_key: str | None = None
    """A client key that is always valid (OMNIROUTE_API_KEY), without management scope."""
    initial_password: str | None = None
    cookie_secure: bool = False
    jwt_secret: str | None = None
    api_key_secret: str | None = None
    storage_encryption_key: str | None = None

    storage_url: str | None = None
    """A PostgreSQL database (postgresql://...) for what is else the file `omniroute.db` in the data directory."""

    log_level: Literal["debug", "info", "warning", "error"] = "info"
    log_format: Literal["text", "json"] = "text"

    transport: Literal["native", "aiohttp"] = "native"
    proxy: str | None = None
    """One proxy URL for all providers that are not local; a proxy that fails is an error, never a direct call."""
    connect_timeout_s: float = 10.0
    write_timeout_s: float = 30.0
    first_byte_timeout_s: float = 600.0
    stream_first_byte_timeout_s: float = 60.0
    first_event_timeout_s: float = 30.0
    reasoning_first_event_timeout_s: float = 120.0
    idle_timeout_s: float = 120.0
    useful_idle_timeout_s: float = 300.0
    total_timeout_s: float = 600.0
    deadline_s: float = 600.0
    max_attempts: int = 6
    max_inflight: int = 2000
    """A stream that waits costs memory and next to no time: 1,000 of them, with ten events a second each, take
    half of a core. With twice as many the core is full, and one more would slow down all."""

    cache_enabled: bool = True
    cache_ttl_s: float = 1800.0
    cache_memory_entries: int = 500
    cache_memory_bytes: int = 16 * 1024 * 1024
    cache_rows: int = 20_000
    cache_questions: int = 20_000
    idempotency_window_s: float = 5.0

    media_fetch: bool = True
    """Fetch pictures and documents that a request names by address, for providers that take bytes only."""
    media_bytes: int = 20 * 1024 * 1024
    media_patience_s: float = 15.0
    media_private: bool = False

    responses_store: bool = True
    """Keep answers to clients of the Responses API, so that they can go on with `previous_response_id`."""
    responses_ttl_s: float = 1800.0
    responses_entries: int = 2000
    responses_bytes: int = 32 * 1024 * 1024

    catalog_unverified: bool = False
    ledger_fsync: bool = False
    budget_unknown_input_usd: float = 15.0
    budget_unknown_output_usd: float = 75.0
    """What budgets are charged per million tokens where nobody knows a price: about the dearest that is usual."""
    ledger_on_full: Literal["serve", "refuse"] = "serve"

    def __repr__(self) -> str:
        shown = ", ".join(f"{name}={shown_value(name, getattr(self, name))}" for name in self.__struct_fields__)
        return f"Settings({shown})"


def shown_value(field: str, value: object) -> str:
    """The value as people may see it, written as in TOML: of a secret, only that it is set."""
    if value is None:
        return "(not set)"
    if field in SECRET_FIELDS:
        return "(set)"
    return msgspec.json.encode(str(value) if isinstance(value, Path) else value).decode()
