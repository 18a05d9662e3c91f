"""Roll-ups of usage, price lists that were imported, and which bodies a key wants captured."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"

_LOOKED_UP = ("key_id", "model_asked", "provider", "connection_id")
_FAILED = sa.text("outcome <> 'ok'")
_SUMS = (
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
# What settled requests of before used, as the drain counts it from now on.
_COUNTED = """
    INSERT INTO {table}
    SELECT at / {ms} * {ms}, provider, CASE WHEN model = '' THEN model_asked ELSE model END, key_id, combo,
        connection_id, COUNT(*), SUM(CASE WHEN outcome = 'ok' THEN 0 ELSE 1 END),
        SUM(CASE WHEN cost_micro_usd IS NULL THEN 1 ELSE 0 END),
        SUM(CASE WHEN usage_source = 'estimated' THEN 1 ELSE 0 END),
        SUM(input_tokens), SUM(output_tokens), SUM(cache_read_tokens), SUM(cache_write_tokens),
        SUM(reasoning_tokens), SUM(COALESCE(cost_micro_usd, 0)), SUM(duration_ms), MAX(at)
    FROM requests WHERE settled_at IS NOT NULL GROUP BY 1, 2, 3, 4, 5, 6
"""


def upgrade() -> None:
    op.add_column("requests", sa.Column("combo", sa.String(100), server_default="", nullable=False))
    for column in _LOOKED_UP:
        op.create_index(op.f(f"ix_requests_{column}_at_id"), "requests", [column, "at", "id"])
    op.create_index("ix_requests_failed", "requests", ["at", "id"], sqlite_where=_FAILED, postgresql_where=_FAILED)
    for table, ms in (("usage_hours", 3_600_000), ("usage_days", 86_400_000)):
        op.create_table(
            table,
            sa.Column("at", sa.BigInteger(), nullable=False),
            sa.Column("provider", sa.String(128), nullable=False),
            sa.Column("model", sa.Text(), nullable=False),
            sa.Column("key_id", sa.String(64), nullable=False),
            sa.Column("combo", sa.String(100), nullable=False),
            sa.Column("connection_id", sa.String(128), nullable=False),
            *(sa.Column(name, sa.BigInteger(), nullable=False) for name in _SUMS),
            sa.PrimaryKeyConstraint(
                "at", "provider", "model", "key_id", "combo", "connection_id", name=op.f(f"pk_{table}")
            ),
        )
        op.execute(_COUNTED.format(table=table, ms=ms))
    op.add_column("api_keys", sa.Column("bodies", sa.String(16), nullable=True))
    op.create_table(
        "price_lists",
        sa.Column("source", sa.String(32), nullable=False),
        sa.Column("dated", sa.String(10), nullable=False),
        sa.Column("imported_at", sa.BigInteger(), nullable=False),
        sa.Column("models", sa.Integer(), nullable=False),
        sa.Column("prices", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("source", name=op.f("pk_price_lists")),
    )
