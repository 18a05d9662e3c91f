"""Indexes of the log carry the fields that are most often asked for together, so that a page of two looks at them
and not at every row."""

from alembic import op
from sqlalchemy import text

revision = "0010"
down_revision = "0009"

_FAILED = text("outcome <> 'ok'")


def upgrade() -> None:
    for field, also in (("key_id", ("model_asked", "provider")), ("model_asked", ("provider",))):
        narrow = (field, "at", "id")
        op.drop_index(f"ix_requests_{'_'.join(narrow)}", table_name="requests")
        op.create_index(f"ix_requests_{'_'.join((*narrow, *also))}", "requests", [*narrow, *also])
    op.drop_index("ix_requests_failed", table_name="requests")
    op.create_index(
        "ix_requests_failed",
        "requests",
        ["at", "id", "key_id", "model_asked", "provider", "connection_id"],
        sqlite_where=_FAILED,
        postgresql_where=_FAILED,
    )
