"""Sound and pictures have tokens of their own, and failed attempts what they used."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"

_MEDIA = ("audio_input_tokens", "audio_output_tokens", "image_input_tokens", "image_output_tokens")
_USED = ("input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens")


def upgrade() -> None:
    for table, names in (("requests", _MEDIA), ("attempts", _USED)):
        for name in names:
            op.add_column(table, sa.Column(name, sa.BigInteger(), server_default="0", nullable=False))
    op.add_column("attempts", sa.Column("cost_micro_usd", sa.BigInteger(), nullable=True))
    op.add_column("attempts", sa.Column("price_source", sa.String(64), nullable=True))
