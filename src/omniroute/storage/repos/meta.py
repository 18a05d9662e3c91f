"""Single facts about the database itself: its revision, how far the journal is drained, the admin password."""

from typing import Final

import msgspec
from sqlalchemy import Connection, select

from omniroute.storage.repos.upsert import upsert
from omniroute.storage.schema import meta

_REVISION: Final = "revision"
_PASSWORD_HASH: Final = "password_hash"
_PASSWORD_VERSION: Final = "password_version"


class Password(msgspec.Struct, frozen=True):
    """The admin's password hash. Sessions of an older version are void."""

    hash: str
    version: int

    def __repr__(self) -> str:
        return f"Password(version={self.version})"


def get(connection: Connection, key: str) -> str | None:
    return connection.execute(select(meta.c.value).where(meta.c.key == key)).scalar()


def put(connection: Connection, key: str, value: str) -> None:
    upsert(connection, meta, [{"key": key, "value": value}])


def revision(connection: Connection) -> int:
    """How often the configuration has changed."""
    return int(get(connection, _REVISION) or 0)


def next_revision(connection: Connection) -> int:
    following = revision(connection) + 1
    put(connection, _REVISION, str(following))
    return following


def password(connection: Connection) -> Password | None:
    """None until a password was set."""
    digest = get(connection, _PASSWORD_HASH)
    return None if digest is None else Password(digest, int(get(connection, _PASSWORD_VERSION) or 0))


def put_password(connection: Connection, digest: str) -> int:
    """Store a new hash and return its version, which voids every session of an earlier one."""
    version = int(get(connection, _PASSWORD_VERSION) or 0) + 1
    put(connection, _PASSWORD_HASH, digest)
    put(connection, _PASSWORD_VERSION, str(version))
    return version
