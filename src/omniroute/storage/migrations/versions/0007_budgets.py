"""Budgets of keys, tags, connections, providers and of the whole gateway."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.add_column("api_keys", sa.Column("tags", sa.Text(), server_default="[]", nullable=False))
    op.create_table(
        "budgets",
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("scope", sa.String(16), nullable=False),
        sa.Column("subject", sa.String(200), nullable=False),
        sa.Column("limit_micro_usd", sa.BigInteger(), nullable=False),
        sa.Column("period", sa.String(16), nullable=False),
        sa.Column("action", sa.String(16), nullable=False),
        sa.Column("mode", sa.String(16), nullable=False),
        sa.Column("warn_percent", sa.Integer(), nullable=False),
        sa.Column("downgrade_to", sa.String(100)),
        sa.Column("reset_minute", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_budgets")),
        sa.UniqueConstraint(
            "scope", "subject", "period", "action", name=op.f("uq_budgets_scope_subject_period_action")
        ),
    )
    op.create_table(
        "budget_spends",
        sa.Column("budget_id", sa.String(64), nullable=False),
        sa.Column("window_start", sa.BigInteger(), nullable=False),
        sa.Column("micro_usd", sa.BigInteger(), nullable=False),
        sa.Column("guessed_micro_usd", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("budget_id", "window_start", name=op.f("pk_budget_spends")),
    )
