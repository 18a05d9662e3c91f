"""Claims about what doctor says of a data dir and of who can connect."""

import sqlite3
from contextlib import closing
from pathlib import Path

from omniroute.cli.commands.doctor import data_dir, perimeter, storage
from omniroute.config.settings import Settings


def verdicts(folder: Path) -> dict[str, tuple[str, str]]:
    found = (*data_dir(folder), *storage(Settings(data_dir=folder)))
    return {finding.about: (finding.verdict, finding.what) for finding in found}


def test_a_private_data_dir_with_an_intact_database_is_good(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    (tmp_path / "secrets").mkdir(mode=0o700)
    (tmp_path / "secrets/seal").touch(0o600)
    with closing(sqlite3.connect(tmp_path / "omniroute.db")) as connection:
        connection.execute("CREATE TABLE t (x)")
    found = verdicts(tmp_path)
    assert {verdict for verdict, _ in found.values()} == {"good"}
    assert set(found) == {"data dir", "disk", "database"}


def test_a_secret_that_others_can_read_is_bad_and_named(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    (tmp_path / "secrets").mkdir(mode=0o700)
    (tmp_path / "secrets/seal").touch(0o644)
    (tmp_path / "secrets/seal").chmod(0o644)
    [finding] = [finding for finding in data_dir(tmp_path) if finding.about == "data dir"]
    assert (finding.verdict, finding.advice) == ("bad", f"chmod go= {tmp_path}/secrets/seal")


def test_a_damaged_database_is_bad(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    (tmp_path / "omniroute.db").write_bytes(b"this is no database, whatever its name says" * 100)
    assert verdicts(tmp_path)["database"] == ("bad", "file is not a database")


def test_a_postgresql_database_that_does_not_answer_is_bad_and_the_file_is_said_to_lie_idle(
    tmp_path: Path,
) -> None:
    (tmp_path / "omniroute.db").touch()
    settings = Settings(data_dir=tmp_path, storage_url=f"postgresql://u:hunter2@/d?host={tmp_path}")
    database, file = storage(settings)
    assert (database.about, database.verdict, file.about, file.verdict) == (
        "database",
        "bad",
        "database file",
        "note",
    )
    assert "the PostgreSQL database 'd' of storage.url cannot be used" in database.what
    assert "hunter2" not in database.what + database.advice
    assert "not used while storage.url is set" in file.what


def test_a_data_dir_that_is_not_there_yet_is_no_fault(tmp_path: Path) -> None:
    assert verdicts(tmp_path / "none") == {"data dir": ("note", f"{tmp_path}/none does not exist yet")}


def test_plain_http_for_others_is_remarked_upon() -> None:
    def verdict(settings: Settings) -> list[str]:
        return [finding.verdict for finding in perimeter(settings)]

    assert verdict(Settings()) == ["good"]
    assert verdict(Settings(host="0.0.0.0")) == ["note"]
    assert verdict(Settings(host="0.0.0.0", public_base_url="http://ai.example.com")) == ["note"]
    assert verdict(Settings(host="0.0.0.0", public_base_url="https://ai.example.com")) == ["good"]
