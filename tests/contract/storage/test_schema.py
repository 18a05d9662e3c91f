"""Both ways to the schema, at once or by migrations, end in the same tables; what is not ours is left alone."""

import pytest
from sqlalchemy import inspect

from omniroute.storage.migrate import REVISIONS, NotOurs, SchemaTooNew
from omniroute.storage.repos import meta
from omniroute.storage.schema import METADATA

FROM_NOTHING = (
    "CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL, "
    "CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num))"
)


def described(connection):
    inspector = inspect(connection)
    tables = {
        table: {
            "columns": [
                (
                    c["name"],
                    repr(c["type"]),
                    c["nullable"],
                    c["default"],
                    c.get("primary_key"),
                    c.get("autoincrement"),
                )
                for c in inspector.get_columns(table)
            ],
            "primary key": inspector.get_pk_constraint(table),
            "unique": sorted(inspector.get_unique_constraints(table), key=lambda one: one["name"] or ""),
            "indexes": sorted(
                (
                    {**one, "dialect_options": {name: str(on) for name, on in one["dialect_options"].items()}}
                    for one in inspector.get_indexes(table)
                ),
                key=lambda one: one["name"] or "",
            ),
            "foreign keys": inspector.get_foreign_keys(table),
        }
        for table in inspector.get_table_names()
    }
    return tables, connection.exec_driver_sql("SELECT version_num FROM alembic_version").fetchall()


def everything_dropped(database):
    with database.writing.begin() as connection:
        METADATA.drop_all(connection)
        connection.exec_driver_sql("DROP TABLE alembic_version")


def test_creating_and_migrating_give_the_same_tables(place):
    database = place.open()
    created, created_stamp = database.read(described)
    everything_dropped(database)
    database.close()
    place.execute(FROM_NOTHING)
    database = place.open()
    migrated, migrated_stamp = database.read(described)
    database.close()
    assert created == migrated
    assert created_stamp == migrated_stamp == [(REVISIONS[-1],)]
    assert set(created) == set(METADATA.tables) | {"alembic_version"}


def test_alembic_sees_no_difference_between_the_migrations_and_the_schema(place):
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    place.execute(FROM_NOTHING)
    database = place.open()
    with database.writing.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, METADATA) == []
    database.close()


def test_what_was_stored_survives_a_reopening(place):
    database = place.open()
    with database.writing.begin() as connection:
        meta.put(connection, "kept", "yes")
    database.close()
    database = place.open()
    assert database.read(lambda connection: meta.get(connection, "kept")) == "yes"
    database.close()


def test_a_database_of_a_newer_version_is_refused_and_left_alone(place):
    place.open().close()
    place.execute("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(SchemaTooNew, match=r"'9999'.*newer"):
        place.open()
    place.execute(f"UPDATE alembic_version SET version_num = '{REVISIONS[-1]}'")
    place.open().close()


def test_a_database_of_another_program_is_refused_and_left_alone(place):
    place.execute("CREATE TABLE songs (title TEXT)")
    with pytest.raises(NotOurs, match=r"another program; (choose another --data-dir|set another storage\.url)"):
        place.open()
    place.execute("DROP TABLE songs")
    place.open().close()
