"""What every setting is called: in `omniroute.toml`, on the command line and in the environment."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, Literal

import msgspec

Reading = Literal["plain", "milliseconds", "address"]
"""How the text of a foreign variable becomes a value: as it is, divided by 1000, only when it is an IP address or
`localhost` (some shells and build tools export HOST with a machine triple in it), or only when it is the URL of a
PostgreSQL database (other programs keep theirs in the same variable)."""


class Variable(msgspec.Struct, frozen=True):
    """An environment variable that sets a field."""

    name: str
    reading: Reading = "plain"


class Name(msgspec.Struct, frozen=True, kw_only=True):
    """One setting's names. `flag` is None for settings that have no flag of `omniroute serve`.

    `foreign` are the variables that OmniRoute's earlier generation used; the first one that is set counts.
    """

    field: str
    section: str
    key: str
    means: str
    flag: str | None = None
    own: str
    foreign: tuple[Variable, ...] = ()

    @property
    def path(self) -> str:
        """`section.key`, as it is written in `config get` and in messages."""
        return f"{self.section}.{self.key}"

    @property
    def variables(self) -> tuple[Variable, ...]:
        """Every variable of this setting, the strongest first."""
        return (Variable(self.own), *self.foreign)


def _name(
    path: str,
    means: str,
    *foreign: str | Variable,
    field: str | None = None,
    flag: str | None = None,
    own: str = "",
) -> Name:
    section, key = path.split(".")
    field = field or key
    return Name(
        field=field,
        section=section,
        key=key,
        means=means,
        flag=flag,
        own=own or f"OMNIROUTE_{field.upper()}",
        foreign=tuple(Variable(item) if isinstance(item, str) else item for item in foreign),
    )


def _ms(name: str) -> Variable:
    return Variable(name, "milliseconds")


_ALL: Final = (
    _name(
        "server.host",
        "The address to listen on. Anything but loopback implies `auth.require_api_key` and needs a password.",
        "API_HOST",
        Variable("HOST", "address"),
        flag="--host",
    ),
    _name("server.port", "The port to listen on; 0 lets the system choose one.", "PORT", flag="--port"),
    _name(
        "server.data_dir",
        "The folder of the database, the journal and the secrets; made with mode 0700.",
        "DATA_DIR",
        flag="--data-dir",
    ),
    _name(
        "server.open",
        "Open a browser when the gateway is ready and a person is at the terminal.",
        field="open_browser",
        flag="--open/--no-open",
        own="OMNIROUTE_OPEN",
    ),
    _name(
        "server.detect",
        "Use provider keys found in the environment, and look for local model servers after the start.",
        flag="--detect/--no-detect",
    ),
    _name(
        "server.public_base_url",
        "The address under which people reach the gateway.",
        "PUBLIC_BASE_URL",
        "BASE_URL",
    ),
    _name(
        "server.allowed_hosts", "Host names to answer to, beside localhost, addresses and the machine's own name."
    ),
    _name(
        "server.trusted_proxies",
        "Addresses or networks whose X-Forwarded-For is believed.",
        "TRUSTED_PROXIES",
    ),
    _name(
        "server.cors_allowed_origins",
        "Web origins that may call the API from a browser.",
        "CORS_ALLOWED_ORIGINS",
        "CORS_ORIGIN",
    ),
    _name("server.body_limit", "The largest request body, in bytes.", "MAX_BODY_SIZE_BYTES"),
    _name(
        "server.drain_s",
        "How long running streams may go on after a stop was asked for, in seconds.",
        _ms("SHUTDOWN_TIMEOUT_MS"),
    ),
    _name("server.workers", "Server processes; only 1 is possible yet.", flag="--workers"),
    _name(
        "auth.require_api_key", "Refuse requests without a client key, from this machine too.", "REQUIRE_API_KEY"
    ),
    _name("auth.api_key", "A client key that is always valid, without management scope.", "ROUTER_API_KEY"),
    _name("auth.initial_password", "The admin password until one is stored.", "INITIAL_PASSWORD"),
    _name(
        "auth.cookie_secure", "Mark the session cookie Secure: set it when people use https.", "AUTH_COOKIE_SECURE"
    ),
    _name("auth.jwt_secret", "Replaces the session secret of the data dir.", "JWT_SECRET"),
    _name("auth.api_key_secret", "Replaces the secret under which client keys are hashed.", "API_KEY_SECRET"),
    _name(
        "auth.storage_encryption_key",
        "Replaces the key under which provider credentials are sealed.",
        "STORAGE_ENCRYPTION_KEY",
    ),
    _name(
        "storage.url",
        "A PostgreSQL database instead of the file in the data dir, like postgresql://user:password@host/database.",
        field="storage_url",
    ),
    _name(
        "logging.level", "The least severe line to write.", "APP_LOG_LEVEL", field="log_level", flag="--log-level"
    ),
    _name(
        "logging.format",
        "Lines for people, or one JSON object per line.",
        "APP_LOG_FORMAT",
        field="log_format",
        flag="--log-format",
    ),
    _name("upstream.transport", "The HTTP client towards providers.", flag="--transport"),
    _name("upstream.proxy", "One proxy for all providers that are not local: http, https, socks5 or socks5h."),
    _name(
        "upstream.connect_timeout_s",
        "How long a connection may take, in seconds; 0 sets no limit, here and below.",
        _ms("FETCH_CONNECT_TIMEOUT_MS"),
    ),
    _name(
        "upstream.write_timeout_s",
        "How long a provider may take for each 256 KiB of a request, in seconds.",
    ),
    _name(
        "upstream.first_byte_timeout_s",
        "How long a provider may take to the first byte of an answer that is no stream, in seconds.",
        _ms("REQUEST_TIMEOUT_MS"),
        _ms("FETCH_TIMEOUT_MS"),
    ),
    _name(
        "upstream.stream_first_byte_timeout_s",
        "How long a provider may take to the first byte of a stream, in seconds.",
        _ms("REQUEST_TIMEOUT_MS"),
        _ms("FETCH_TIMEOUT_MS"),
    ),
    _name(
        "upstream.first_event_timeout_s",
        "How long after that a stream may take to the first event that says something, in seconds.",
        _ms("STREAM_READINESS_TIMEOUT_MS"),
    ),
    _name("upstream.reasoning_first_event_timeout_s", "The same for models that think."),
    _name(
        "upstream.idle_timeout_s",
        "How long a provider may pause within a stream, in seconds; a comment or a ping ends the pause.",
        _ms("REQUEST_TIMEOUT_MS"),
        _ms("STREAM_IDLE_TIMEOUT_MS"),
    ),
    _name(
        "upstream.useful_idle_timeout_s",
        "How long a provider may send only comments and pings within a stream, in seconds.",
    ),
    _name(
        "upstream.total_timeout_s",
        "How long one attempt at an answer that is no stream may take altogether, in seconds.",
    ),
    _name(
        "routing.deadline_s",
        "How long a request that is not a stream may take over all attempts, in seconds; 0 sets no limit. The"
        " header X-OmniRoute-Timeout-Ms says it for one request, stream or not.",
    ),
    _name("routing.max_attempts", "How many attempts one request may make over all connections."),
    _name(
        "routing.max_inflight",
        "How many requests of clients may be under way; further ones get 503 and Retry-After at once.",
    ),
    _name(
        "cache.enabled",
        "Keep answers to requests with a temperature of 0 and give them again; each client key can say otherwise.",
        field="cache_enabled",
    ),
    _name(
        "cache.ttl_s",
        "How long an answer is kept, in seconds.",
        _ms("SEMANTIC_CACHE_TTL_MS"),
        field="cache_ttl_s",
    ),
    _name(
        "cache.memory_entries",
        "How many answers are kept in memory.",
        "SEMANTIC_CACHE_MAX_SIZE",
        field="cache_memory_entries",
    ),
    _name(
        "cache.memory_bytes",
        "How large the answers in memory may be together, in bytes.",
        "SEMANTIC_CACHE_MAX_BYTES",
        field="cache_memory_bytes",
    ),
    _name(
        "cache.rows",
        "How many answers are kept in the database, where they survive a restart.",
        field="cache_rows",
    ),
    _name(
        "cache.questions",
        "How many questions are kept in memory to be found by what they mean, for keys with a semantic cache.",
        field="cache_questions",
    ),
    _name(
        "cache.idempotency_window_s",
        "How long after its answer a request with the same Idempotency-Key is not asked again, in seconds; 0 for"
        " never.",
        field="idempotency_window_s",
    ),
    _name(
        "media.fetch",
        "Fetch pictures and documents that a request names by address, for providers that take bytes only.",
        field="media_fetch",
    ),
    _name("media.bytes", "How large one such file may be, in bytes.", field="media_bytes"),
    _name(
        "media.patience_s", "How long all such files of a request may take, in seconds.", field="media_patience_s"
    ),
    _name(
        "media.private",
        "Fetch them from private addresses and from this machine too; whoever may ask the gateway can then make it"
        " read pictures there.",
        field="media_private",
    ),
    _name(
        "responses.store",
        "Keep answers to clients of the Responses API in memory: they can then go on with `previous_response_id`"
        " on providers that store nothing; `store`: false in a request keeps its answer out.",
        field="responses_store",
    ),
    _name(
        "responses.ttl_s",
        "How long such an answer is kept after it was last used, in seconds.",
        field="responses_ttl_s",
    ),
    _name("responses.entries", "How many such answers are kept.", field="responses_entries"),
    _name(
        "responses.bytes",
        "How much memory they may take together with what was asked, in bytes, roughly.",
        field="responses_bytes",
    ),
    _name(
        "catalog.unverified",
        "Offer providers whose facts nobody has verified.",
        field="catalog_unverified",
    ),
    _name(
        "budgets.unknown_input_usd",
        "What budgets are charged for input to a model whose price nobody knows, in USD per million tokens.",
        field="budget_unknown_input_usd",
    ),
    _name(
        "budgets.unknown_output_usd",
        "The same for its output.",
        field="budget_unknown_output_usd",
    ),
    _name(
        "ledger.fsync",
        "Survive a loss of power too, not only of the process; costs a disk write per request.",
        field="ledger_fsync",
    ),
    _name(
        "ledger.on_full",
        "When the disk is full: go on serving without records, or refuse.",
        field="ledger_on_full",
    ),
)

NAMES: Final[Mapping[str, Name]] = MappingProxyType({name.field: name for name in _ALL})
"""Every field of `Settings`, in the order in which people should read about them."""

BY_PATH: Final[Mapping[str, Name]] = MappingProxyType({name.path: name for name in _ALL})
"""The same by `section.key`."""

OTHER_VARIABLES: Final = frozenset({"OMNIROUTE_CONFIG", "OMNIROUTE_URL", "OMNIROUTE_TOKEN"})
"""Variables that begin with OMNIROUTE_ and are no settings: the configuration file, and where the CLI looks."""
