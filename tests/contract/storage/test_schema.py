"""Both ways to the schema, at once or by migrations, end in the same tables; PostgreSQL can have them too."""

import pytest
from sqlalchemy import create_engine, inspect
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.schema import CreateIndex, CreateTable

from omniroute.storage.migrate import create, upgrade
from omniroute.storage.schema import METADATA


def described(build):
    engine = create_engine("sqlite://")
    with engine.begin() as connection:
        build(connection)
    with engine.connect() as connection:
        inspector = inspect(connection)
        tables = {
            table: {
                "columns": [
                    (c["name"], repr(c["type"]), c["nullable"], c["default"], c["primary_key"])
                    for c in inspector.get_columns(table)
                ],
                "primary key": inspector.get_pk_constraint(table),
                "unique": sorted(inspector.get_unique_constraints(table), key=lambda one: one["name"] or ""),
                "indexes": sorted(inspector.get_indexes(table), key=lambda one: one["name"] or ""),
                "foreign keys": inspector.get_foreign_keys(table),
            }
            for table in inspector.get_table_names()
        }
        stamp = connection.exec_driver_sql("SELECT version_num FROM alembic_version").fetchall()
    engine.dispose()
    return tables, stamp


def test_creating_and_migrating_give_the_same_tables():
    created, created_stamp = described(create)
    migrated, migrated_stamp = described(upgrade)
    assert created == migrated
    assert created_stamp == migrated_stamp
    assert set(created) == set(METADATA.tables) | {"alembic_version"}


def test_alembic_sees_no_difference_between_the_migrations_and_the_schema():
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    engine = create_engine("sqlite://")
    with engine.begin() as connection:
        upgrade(connection)
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, METADATA) == []
    engine.dispose()


@pytest.mark.parametrize("dialect", [sqlite.dialect(), postgresql.dialect()], ids=["sqlite", "postgresql"])
def test_every_table_and_index_can_be_written_for(dialect):
    for table in METADATA.sorted_tables:
        assert "CREATE TABLE" in str(CreateTable(table).compile(dialect=dialect))
        for index in table.indexes:
            assert "CREATE INDEX" in str(CreateIndex(index).compile(dialect=dialect))
