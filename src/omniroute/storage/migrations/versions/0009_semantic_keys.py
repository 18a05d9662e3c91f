"""A client key may get answers to questions that mean the same."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    op.add_column("api_keys", sa.Column("semantic_cache", sa.String(16), server_default="off", nullable=False))
