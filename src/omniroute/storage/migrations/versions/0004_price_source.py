"""Every cost says where its price is from."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.add_column("requests", sa.Column("price_source", sa.String(64), nullable=True))
