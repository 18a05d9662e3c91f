"""The administrator's password."""

import pytest

from omniroute.access import passwords
from omniroute.errors import InvalidRequest


@pytest.mark.parametrize(
    "password", ["", "short12", "password", "CHANGEME", "omniroute", "aaaaaaaa", "abababab", "x1" * 101]
)
def test_a_bad_password_is_refused_without_being_repeated(password: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        passwords.require_good(password)
    assert caught.value.code == "weak_password"
    assert repr(password) not in caught.value.message


@pytest.mark.parametrize("password", ["correct horse", "päßwörter", "8letters"])
def test_a_good_password_passes(password: str) -> None:
    passwords.require_good(password)


def test_a_hash_matches_its_own_password_only() -> None:
    stored = passwords.hashed("correct horse")
    assert stored.startswith("$argon2id$")
    assert "correct" not in stored
    assert passwords.matches(stored, "correct horse")
    assert not passwords.matches(stored, "correct horse ")
    assert not passwords.matches("rubbish", "correct horse")
