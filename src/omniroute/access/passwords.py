"""The administrator's password: what is good enough, and how it is kept (argon2id)."""

from typing import Final

from omniroute.errors import InvalidRequest

MIN_LENGTH: Final = 8
MAX_LENGTH: Final = 200

_COMMON: Final = frozenset(
    {
        "password", "passw0rd", "password1", "password12", "password123", "password1234", "12345678", "123456789",
        "1234567890", "123123123", "87654321", "11111111", "00000000", "qwertyui", "qwertyuiop", "qwerty123",
        "1q2w3e4r", "1qaz2wsx", "asdfghjkl", "abcd1234", "abc12345", "iloveyou", "sunshine", "princess",
        "football", "baseball", "superman", "trustno1", "letmein1", "letmein123", "welcome1","welcome123",
        "admin123", "admin1234", "administrator", "changeme", "changeme1", "changeme123", "change-me", "omniroute",
        "omniroute1", "omniroute123", "default1", "secret123", "testtest", "test1234",
    }
)  # fmt: skip


def require_good(password: str) -> None:
    """Raises InvalidRequest saying what is wrong with a new password."""
    if len(password) < MIN_LENGTH:
        raise InvalidRequest(f"The password needs at least {MIN_LENGTH} characters.", code="weak_password")
    if len(password) > MAX_LENGTH:
        raise InvalidRequest(f"The password may have at most {MAX_LENGTH} characters.", code="weak_password")
    if password.lower() in _COMMON or len(set(password)) < 3:
        raise InvalidRequest("This password is among the first that anybody would try.", code="weak_password")


def hashed(password: str) -> str:
    """An argon2id hash in its standard text form. Takes some 50 ms: call it off the event loop."""
    from argon2 import PasswordHasher

    return PasswordHasher().hash(password)


def matches(stored: str, password: str) -> bool:
    """Whether `password` is the one whose hash is stored; False for a hash that cannot be read."""
    from argon2 import PasswordHasher
    from argon2.exceptions import InvalidHashError, VerificationError

    try:
        return PasswordHasher().verify(stored, password)
    except (VerificationError, InvalidHashError):
        return False
