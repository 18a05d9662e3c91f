"""The data directory: where everything that outlives a process lies, who may read it, and who holds it.

    omniroute.db   journal/   captures/   secrets/{seal,pepper,session,cli-token}   backups/   logs/   lock

Directories are 0700 and files 0600, whatever the umask. `lock` is held (flock) by the one process that
writes; everybody else may look up paths and read secrets without it.
"""

import fcntl
import hmac
import os
from pathlib import Path
from typing import Final, Literal, TypeAlias

SecretName: TypeAlias = Literal["seal", "pepper", "session", "cli-token"]

SECRET_NAMES: Final[tuple[SecretName, ...]] = ("seal", "pepper", "session", "cli-token")
SECRET_BYTES: Final = 32

_DIRECTORY_MODE: Final = 0o700
_FILE_MODE: Final = 0o600


class DataDirBusy(Exception):
    """Another process holds the data directory. `pid` is None when it could not be read."""

    def __init__(self, path: Path, pid: int | None) -> None:
        holder = "another process" if pid is None else f"process {pid}"
        super().__init__(
            f"data directory {str(path)!r} is in use by {holder}; stop it or choose another --data-dir"
        )
        self.path = path
        self.pid = pid


class SecretUnreadable(Exception):
    """A file in `secrets/` does not hold what was written there."""


class DataDir:
    """Paths, secrets and the lock of one data directory. Creating it makes the directories.

    Raises OSError when a directory cannot be made.
    """

    def __init__(self, path: Path) -> None:
        self.path = path.expanduser().absolute()
        self._lock: int | None = None
        created = not self.path.exists()
        self.path.mkdir(mode=_DIRECTORY_MODE, parents=True, exist_ok=True)
        if created:
            self.path.chmod(_DIRECTORY_MODE)
        for directory in (self.journal, self.secrets, self.backups, self.logs):
            directory.mkdir(mode=_DIRECTORY_MODE, exist_ok=True)
            directory.chmod(_DIRECTORY_MODE)

    @property
    def database(self) -> Path:
        return self.path / "omniroute.db"

    @property
    def config(self) -> Path:
        return self.path / "omniroute.toml"

    @property
    def journal(self) -> Path:
        return self.path / "journal"

    @property
    def secrets(self) -> Path:
        return self.path / "secrets"

    @property
    def backups(self) -> Path:
        return self.path / "backups"

    @property
    def logs(self) -> Path:
        return self.path / "logs"

    @property
    def captures(self) -> Path:
        """A database for each day; made when the first body is kept."""
        return self.path / "captures"

    @property
    def lock(self) -> Path:
        return self.path / "lock"

    @property
    def legacy(self) -> bool:
        """A `storage.sqlite` of OmniRoute 3.x lies here. It is never opened."""
        return (self.path / "storage.sqlite").exists()

    @property
    def exposed(self) -> bool:
        """Other users of this machine can enter: a directory that was there before us keeps its mode."""
        return bool(self.path.stat().st_mode & 0o077)

    def acquire(self) -> None:
        """Hold the directory until `release` or the end of the process. Raises `DataDirBusy`."""
        if self._lock is not None:
            return
        descriptor = os.open(self.lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, _FILE_MODE)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            pid = _pid_in(descriptor)
            os.close(descriptor)
            raise DataDirBusy(self.path, pid) from None
        os.ftruncate(descriptor, 0)
        os.write(descriptor, f"{os.getpid()}\n".encode())
        self._lock = descriptor

    def release(self) -> None:
        # The file stays: removing it would let a third process lock a new one while a second waits on the old.
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    @property
    def holder(self) -> int | None:
        """The pid of the process that holds the directory now, or None."""
        try:
            descriptor = os.open(self.lock, os.O_RDWR | os.O_CLOEXEC)
        except FileNotFoundError:
            return None
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return _pid_in(descriptor)
        finally:
            os.close(descriptor)
        return None

    def secret(self, name: SecretName, *, override: str | None = None) -> bytes:
        """32 bytes of key material.

        With `override` (an operator's passphrase from the environment) they are derived from it and no file is
        touched; else they come from `secrets/<name>`, which is made when missing and holds them as hexadecimal.
        Raises `SecretUnreadable` when the file holds anything else.
        """
        if override:
            return hkdf_sha256(override.encode(), info=f"omniroute {name} v1".encode())
        path = self.secrets / name
        try:
            text = path.read_text(encoding="ascii")
        except FileNotFoundError:
            _create_once(path, os.urandom(SECRET_BYTES).hex() + "\n")
            text = path.read_text(encoding="ascii")
        except UnicodeDecodeError:
            text = ""
        try:
            key = bytes.fromhex(text)
        except ValueError:
            key = b""
        if len(key) != SECRET_BYTES:
            raise SecretUnreadable(
                f"secret file {str(path)!r} is not {SECRET_BYTES} bytes in hexadecimal; restore it from a backup, "
                "or remove it to start anew (what was protected by it must then be entered again)"
            )
        if path.stat().st_mode & 0o077:
            path.chmod(_FILE_MODE)
        return key


def hkdf_sha256(secret: bytes, *, info: bytes, salt: bytes = b"") -> bytes:
    """32 bytes by HKDF-SHA256 (RFC 5869). One block of output, so `expand` is a single HMAC."""
    pseudorandom = hmac.digest(salt or bytes(32), secret, "sha256")
    return hmac.digest(pseudorandom, info + b"\x01", "sha256")


def create_private(path: Path) -> None:
    """Make an empty 0600 file unless there is one. SQLite gives its -wal and -shm files the same mode."""
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, _FILE_MODE))


def _create_once(path: Path, text: str) -> None:
    # Written aside and linked, so that no reader ever sees half a secret and the first of two writers wins.
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, _FILE_MODE)
    try:
        os.write(descriptor, text.encode("ascii"))
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    try:
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        draft.unlink()


def _pid_in(descriptor: int) -> int | None:
    text = os.pread(descriptor, 32, 0).strip()
    return int(text) if text.isdigit() else None
