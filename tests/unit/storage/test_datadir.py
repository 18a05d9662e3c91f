"""The data directory: modes, secrets, and that only one process holds it."""

import os
import subprocess
import sys
from pathlib import Path
from stat import S_IMODE

import pytest

from omniroute.storage.datadir import SECRET_NAMES, DataDir, DataDirBusy, SecretUnreadable, hkdf_sha256

HOLDER = """
import sys
from pathlib import Path
from omniroute.storage.datadir import DataDir
data_dir = DataDir(Path(sys.argv[1]))
data_dir.acquire()
print("held", flush=True)
sys.stdin.read()
"""


def mode(path: Path) -> int:
    return S_IMODE(path.stat().st_mode)


@pytest.fixture
def permissive_umask():
    before = os.umask(0)
    yield
    os.umask(before)


@pytest.mark.usefixtures("permissive_umask")
def test_directories_are_0700_and_secrets_0600_whatever_the_umask(tmp_path):
    data_dir = DataDir(tmp_path / "home")
    data_dir.acquire()
    for name in SECRET_NAMES:
        data_dir.secret(name)
    directories = [data_dir.path, data_dir.journal, data_dir.secrets, data_dir.backups, data_dir.logs]
    assert {mode(directory) for directory in directories} == {0o700}
    assert {mode(path) for path in data_dir.secrets.iterdir()} == {0o600}
    assert sorted(path.name for path in data_dir.secrets.iterdir()) == sorted(SECRET_NAMES)
    assert mode(data_dir.lock) == 0o600
    assert not data_dir.exposed
    data_dir.release()


def test_a_directory_that_others_can_enter_is_told_and_left_as_it_is(tmp_path):
    shared = tmp_path / "shared"
    shared.mkdir()
    shared.chmod(0o755)
    assert DataDir(shared).exposed
    assert mode(shared) == 0o755


def test_a_secret_file_that_others_can_read_is_closed_again(tmp_path):
    data_dir = DataDir(tmp_path / "home")
    key = data_dir.secret("seal")
    (data_dir.secrets / "seal").chmod(0o644)
    assert data_dir.secret("seal") == key
    assert mode(data_dir.secrets / "seal") == 0o600


def test_secrets_are_32_bytes_made_once_and_all_different(tmp_path):
    data_dir = DataDir(tmp_path)
    first = {name: data_dir.secret(name) for name in SECRET_NAMES}
    again = {name: DataDir(tmp_path).secret(name) for name in SECRET_NAMES}
    assert first == again
    assert {len(key) for key in first.values()} == {32}
    assert len(set(first.values())) == len(SECRET_NAMES)


def test_an_override_is_derived_for_its_purpose_and_touches_no_file(tmp_path):
    data_dir = DataDir(tmp_path)
    seal = data_dir.secret("seal", override="correct horse")
    pepper = data_dir.secret("pepper", override="correct horse")
    assert seal == data_dir.secret("seal", override="correct horse")
    assert len({seal, pepper, data_dir.secret("seal", override="correct horsf")}) == 3
    assert list(data_dir.secrets.iterdir()) == []


def test_hkdf_agrees_with_the_first_block_of_rfc_5869_case_1():
    derived = hkdf_sha256(
        bytes.fromhex("0b" * 22),
        info=bytes.fromhex("f0f1f2f3f4f5f6f7f8f9"),
        salt=bytes.fromhex("000102030405060708090a0b0c"),
    )
    assert derived.hex() == "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf"


@pytest.mark.parametrize("content", [b"", b"00", b"not hexadecimal", b"\xff\xfe"])
def test_a_spoiled_secret_file_is_an_error_that_names_it_and_never_replaced(tmp_path, content):
    data_dir = DataDir(tmp_path)
    (data_dir.secrets / "pepper").write_bytes(content)
    with pytest.raises(SecretUnreadable, match="pepper"):
        data_dir.secret("pepper")
    assert (data_dir.secrets / "pepper").read_bytes() == content


def test_a_second_start_is_refused_naming_the_pid_and_the_lock_ends_with_the_process(tmp_path):
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout.readline() == b"held\n"
        data_dir = DataDir(tmp_path)
        assert data_dir.holder == holder.pid
        with pytest.raises(DataDirBusy, match=f"process {holder.pid}") as caught:
            data_dir.acquire()
        assert caught.value.pid == holder.pid
        holder.kill()
        holder.wait()
    assert data_dir.holder is None
    data_dir.acquire()
    assert data_dir.holder == os.getpid()
    data_dir.release()
    assert data_dir.holder is None


def test_the_lock_can_be_taken_again_after_release(tmp_path):
    first, second = DataDir(tmp_path), DataDir(tmp_path)
    first.acquire()
    first.acquire()
    with pytest.raises(DataDirBusy):
        second.acquire()
    first.release()
    second.acquire()
    second.release()


def test_a_database_of_version_3_is_noticed(tmp_path):
    data_dir = DataDir(tmp_path)
    assert not data_dir.legacy
    (tmp_path / "storage.sqlite").touch()
    assert data_dir.legacy
