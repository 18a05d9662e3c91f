"""Client keys may refuse requests that would lose meaning in translation."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.add_column("api_keys", sa.Column("strict", sa.Boolean(), server_default=sa.false(), nullable=False))
