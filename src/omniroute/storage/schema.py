"""The tables, for SQLite and PostgreSQL alike. Rows are read and written by `storage.repos` only.

Every `*_at`, `at` and `locked_until` column is unix time in integer milliseconds; durations are milliseconds;
money is integer micro-USD. JSON is kept as text, because it is read whole and never queried. A change here
needs a migration of the same shape in `migrations/versions`; a test compares the two.
"""

from typing import Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
    UniqueConstraint,
    false,
    text,
)

METADATA: Final = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

# SQLite counts up only a column that is declared INTEGER.
_COUNTER: Final = BigInteger().with_variant(Integer(), "sqlite")

# A failed request, and one that is still open.
_FAILED: Final = text("outcome <> 'ok'")


SUMS: Final = (
    "requests",
    "failed",
    "unpriced",
    "estimated",
    "input_tokens",
    "output_tokens",
    "cache_read_tokens",
    "cache_write_tokens",
    "reasoning_tokens",
    "cost_micro_usd",
    "duration_ms",
    "last_at",
)
"""What is summed up of requests; `last_at` is not a sum, but when the latest of them opened."""


def _usage(name: str, at: str) -> Table:
    """What settled requests used, summed by when they opened and who took part. Written by the ledger's drain."""
    return Table(
        name,
        METADATA,
        Column("at", BigInteger, nullable=False, doc=at),
        Column("provider", String(128), nullable=False),
        Column("model", Text, nullable=False, doc="the one that answered, else the one that was asked for"),
        Column("key_id", String(64), nullable=False),
        Column("combo", String(100), nullable=False),
        Column("connection_id", String(128), nullable=False),
        *(Column(column, BigInteger, nullable=False) for column in SUMS),
        PrimaryKeyConstraint("at", "provider", "model", "key_id", "combo", "connection_id"),
    )


meta: Final = Table(
    "meta",
    METADATA,
    Column("key", String(64), nullable=False, doc="revision, journal_position, password_hash, password_version"),
    Column("value", Text, nullable=False),
    PrimaryKeyConstraint("key"),
)

settings: Final = Table(
    "settings",
    METADATA,
    Column("key", String(128), nullable=False),
    Column("value", Text, nullable=False, doc="JSON"),
    PrimaryKeyConstraint("key"),
)

provider_nodes: Final = Table(
    "provider_nodes",
    METADATA,
    Column("id", String(128), nullable=False),
    Column("type", String(64), nullable=False),
    Column("name", Text, nullable=False),
    Column("prefix", String(128), nullable=False),
    Column("api_type", String(64)),
    Column("base_url", Text, nullable=False),
    Column("chat_path", Text),
    Column("models_path", Text),
    Column("created_at", BigInteger, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
    PrimaryKeyConstraint("id"),
    UniqueConstraint("prefix"),
)

connections: Final = Table(
    "connections",
    METADATA,
    Column("id", String(64), nullable=False),
    Column("provider", String(128), nullable=False, doc="a catalog id or a node id"),
    Column("auth_type", String(16), nullable=False),
    Column("name", String(200), nullable=False),
    Column("secret_sealed", Text),
    Column("base_url", Text),
    Column("priority", Integer, nullable=False),
    Column("is_active", Boolean, nullable=False),
    Column("default_model", Text),
    Column("max_concurrent", Integer),
    Column("group_name", Text),
    Column("test_status", String(32), nullable=False),
    Column("last_error", Text),
    Column("last_error_type", String(64)),
    Column("error_code", String(64)),
    Column("last_tested_at", BigInteger),
    Column("provider_data", Text, nullable=False, doc="JSON object without secrets"),
    Column("provider_secrets_sealed", Text, doc="a sealed JSON object of text values"),
    Column("created_at", BigInteger, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
    PrimaryKeyConstraint("id"),
    UniqueConstraint("provider", "name"),
)

api_keys: Final = Table(
    "api_keys",
    METADATA,
    Column("id", String(64), nullable=False),
    Column("name", Text, nullable=False),
    Column("digest", LargeBinary(32), nullable=False, doc="HMAC-SHA256 of the key under the pepper"),
    Column("prefix", String(16), nullable=False),
    Column("scopes", Text, nullable=False, doc="JSON array of text"),
    Column("allowed_models", Text, nullable=False, doc="JSON array of text; empty means all"),
    Column("allowed_connections", Text, nullable=False, doc="JSON array of text; empty means all"),
    Column("is_active", Boolean, nullable=False),
    Column("is_banned", Boolean, nullable=False),
    Column("no_log", Boolean, nullable=False),
    Column("max_sessions", Integer, nullable=False),
    Column("access_schedule", Text, doc="JSON"),
    Column("rate_limits", Text, doc="JSON"),
    Column("expires_at", BigInteger),
    Column("last_used_at", BigInteger),
    Column("revoked_at", BigInteger),
    Column("created_at", BigInteger, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
    Column("strict", Boolean, nullable=False, server_default=false()),
    Column("cache", String(16), nullable=False, server_default="exact", doc="none, exact or all"),
    Column("tags", Text, nullable=False, server_default="[]", doc="JSON array of text: who shares its budgets"),
    Column("bodies", String(16), doc="off, errors or all; null: as for all keys"),
    Column("semantic_cache", String(16), nullable=False, server_default="off", doc="off, shadow or on"),
    PrimaryKeyConstraint("id"),
    UniqueConstraint("digest"),
)

combos: Final = Table(
    "combos",
    METADATA,
    Column("id", String(64), nullable=False),
    Column("name", String(100), nullable=False),
    Column("strategy", String(32), nullable=False),
    Column("steps", Text, nullable=False, doc="JSON array"),
    Column("config", Text, nullable=False, doc="JSON object"),
    Column("is_active", Boolean, nullable=False),
    Column("is_hidden", Boolean, nullable=False),
    Column("sort_order", Integer, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
    PrimaryKeyConstraint("id"),
    UniqueConstraint("name"),
)

sessions: Final = Table(
    "sessions",
    METADATA,
    Column("digest", LargeBinary(32), nullable=False, doc="HMAC-SHA256 of the cookie under the session secret"),
    Column("created_at", BigInteger, nullable=False),
    Column("last_seen_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    Column("password_version", Integer, nullable=False),
    PrimaryKeyConstraint("digest"),
    Index(None, "expires_at"),  # repos.sessions.delete_expired
)

login_failures: Final = Table(
    "login_failures",
    METADATA,
    Column("peer", String(64), nullable=False),
    Column("count", Integer, nullable=False),
    Column("locked_until", BigInteger),
    Column("updated_at", BigInteger, nullable=False),
    PrimaryKeyConstraint("peer"),
    Index(None, "updated_at"),  # repos.sessions.forget_failures
)

requests: Final = Table(
    "requests",
    METADATA,
    Column("id", String(64), nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("key_id", String(64), nullable=False),
    Column("dialect", String(32), nullable=False),
    Column("operation", String(32), nullable=False),
    Column("model_asked", Text, nullable=False),
    Column("stream", Boolean, nullable=False),
    Column("session_id", Text),
    Column("client_request_id", Text),
    Column("outcome", String(32), nullable=False, doc="open, ok, cancelled, interrupted, or a kind of failure"),
    Column("status", Integer, nullable=False),
    Column("provider", String(128), nullable=False),
    Column("connection_id", String(128), nullable=False),
    Column("model", Text, nullable=False),
    Column("input_tokens", BigInteger, nullable=False),
    Column("output_tokens", BigInteger, nullable=False),
    Column("cache_read_tokens", BigInteger, nullable=False),
    Column("cache_write_tokens", BigInteger, nullable=False),
    Column("reasoning_tokens", BigInteger, nullable=False),
    Column("usage_source", String(16), nullable=False),
    Column("cost_micro_usd", BigInteger),
    Column("first_event_ms", Integer, nullable=False),
    Column("duration_ms", Integer, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("losses", Integer, nullable=False),
    Column("message", Text, nullable=False),
    Column("settled_at", BigInteger, doc="null while the request is open"),
    Column("price_source", String(64)),
    Column("combo", String(100), nullable=False, server_default="", doc="the combo that chose; empty for none"),
    # Parts of the tokens above; what was read from a cache is counted as input.
    Column("audio_input_tokens", BigInteger, nullable=False, server_default="0"),
    Column("audio_output_tokens", BigInteger, nullable=False, server_default="0"),
    Column("image_input_tokens", BigInteger, nullable=False, server_default="0"),
    Column("image_output_tokens", BigInteger, nullable=False, server_default="0"),
    PrimaryKeyConstraint("id"),
    Index(None, "at", "id"),  # repos.usage.latest, totals, totals_by_model; repos.requests.page
    Index(None, "settled_at", "id"),  # repos.usage.settled_after, interrupt_open
    # Each of these is a field that `storage.filters.conditions` looks up. What stands behind `id` is often asked
    # for as well, and is then seen in the index: the rows themselves are several times as dear.
    Index(None, "key_id", "at", "id", "model_asked", "provider"),
    Index(None, "model_asked", "at", "id", "provider"),
    Index(None, "provider", "at", "id"),
    Index(None, "connection_id", "at", "id"),
    Index(
        "ix_requests_failed",
        *("at", "id", "key_id", "model_asked", "provider", "connection_id"),
        sqlite_where=_FAILED,
        postgresql_where=_FAILED,
    ),
)

usage_hours: Final = _usage("usage_hours", "the start of a UTC hour")
usage_days: Final = _usage("usage_days", "the start of a UTC day")

attempts: Final = Table(
    "attempts",
    METADATA,
    Column("request_id", String(64), nullable=False),
    Column("number", Integer, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("provider", String(128), nullable=False),
    Column("connection_id", String(128), nullable=False),
    Column("model", Text, nullable=False),
    Column("outcome", String(32), nullable=False),
    Column("status", Integer, nullable=False),
    Column("duration_ms", Integer, nullable=False),
    Column("message", Text, nullable=False),
    # What a failed one used all the same; that of the one that answered is its request's, less these.
    Column("input_tokens", BigInteger, nullable=False, server_default="0"),
    Column("output_tokens", BigInteger, nullable=False, server_default="0"),
    Column("cache_read_tokens", BigInteger, nullable=False, server_default="0"),
    Column("cache_write_tokens", BigInteger, nullable=False, server_default="0"),
    Column("cost_micro_usd", BigInteger),
    Column("price_source", String(64)),
    PrimaryKeyConstraint("request_id", "number"),  # repos.usage.attempts_of
)

cached_answers: Final = Table(
    "cached_answers",
    METADATA,
    Column("key", LargeBinary(32), nullable=False, doc="caching.key: a digest of the tenant and the request"),
    Column("model_asked", Text, nullable=False),
    Column("answer", LargeBinary, nullable=False, doc="caching.kept, JSON"),
    Column("created_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    PrimaryKeyConstraint("key"),  # repos.answers.find
    Index(None, "expires_at"),  # repos.answers.total, sweep
)

blocks: Final = Table(
    "blocks",
    METADATA,
    Column("provider", String(128), nullable=False),
    Column("connection_id", String(128), nullable=False, doc="* for every one"),
    Column("model", String(255), nullable=False, doc="* for every one"),
    Column("error", String(32), nullable=False, doc="routing.classify.ErrorClass"),
    Column("source", String(16), nullable=False, doc="provider, ladder or rule"),
    Column("evidence", Text, nullable=False, doc="JSON: the failure"),
    Column("since", BigInteger, nullable=False, doc="unix ms"),
    Column("until", BigInteger, doc="unix ms; null until somebody sees to it"),
    Column("version", BigInteger, nullable=False, doc="the connection's when it was made"),
    Column("level", Integer, nullable=False),
    Column("firm", Boolean, nullable=False),
    Column("terminal", Boolean, nullable=False),
    PrimaryKeyConstraint("provider", "connection_id", "model"),
)

breakers: Final = Table(
    "breakers",
    METADATA,
    Column("provider", String(128), nullable=False),
    Column("model", String(255), nullable=False),
    Column("open_until", BigInteger, nullable=False, doc="unix ms"),
    Column("ejections", Integer, nullable=False),
    Column("at", BigInteger, nullable=False, doc="unix ms: when it opened"),
    PrimaryKeyConstraint("provider", "model"),
)

price_lists: Final = Table(
    "price_lists",
    METADATA,
    Column("source", String(32), nullable=False, doc="litellm or modelsDev"),
    Column("dated", String(10), nullable=False, doc="YYYY-MM-DD"),
    Column("imported_at", BigInteger, nullable=False),
    Column("models", Integer, nullable=False),
    Column("prices", LargeBinary, nullable=False, doc="ledger.price_lists, compressed JSON"),
    PrimaryKeyConstraint("source"),
)

budgets: Final = Table(
    "budgets",
    METADATA,
    Column("id", String(64), nullable=False),
    Column("scope", String(16), nullable=False, doc="key, tag, connection, provider or global"),
    Column("subject", String(200), nullable=False, doc="an id or a tag; empty for global"),
    Column("limit_micro_usd", BigInteger, nullable=False),
    Column("period", String(16), nullable=False, doc="daily, weekly, monthly or total"),
    Column("action", String(16), nullable=False, doc="warn, downgrade or block"),
    Column("mode", String(16), nullable=False, doc="standard or hard"),
    Column("warn_percent", Integer, nullable=False),
    Column("downgrade_to", String(100), doc="the name of a combo"),
    Column("reset_minute", Integer, nullable=False, doc="minutes after midnight, UTC"),
    Column("created_at", BigInteger, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
    PrimaryKeyConstraint("id"),
    UniqueConstraint("scope", "subject", "period", "action"),
)

budget_spends: Final = Table(
    "budget_spends",
    METADATA,
    Column("budget_id", String(64), nullable=False),
    Column("window_start", BigInteger, nullable=False, doc="0 for the only window of a total budget"),
    Column("micro_usd", BigInteger, nullable=False),
    Column("guessed_micro_usd", BigInteger, nullable=False, doc="the part whose price nobody knew"),
    PrimaryKeyConstraint("budget_id", "window_start"),  # repos.budgets.charge, spends
)

audit_log: Final = Table(
    "audit_log",
    METADATA,
    Column("id", _COUNTER, nullable=False, autoincrement=True),
    Column("at", BigInteger, nullable=False),
    Column("actor", String(128), nullable=False),
    Column("action", String(64), nullable=False),
    Column("target", Text, nullable=False),
    Column("detail", Text, nullable=False, doc="JSON object without secrets"),
    Column("request_id", String(64)),
    PrimaryKeyConstraint("id"),  # repos.audit.latest
)
