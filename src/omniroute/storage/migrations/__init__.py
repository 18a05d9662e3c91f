"""Alembic's environment and the migrations, one file a schema change."""
