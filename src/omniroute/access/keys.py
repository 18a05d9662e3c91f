"""Client keys as text: how one is made, recognised and looked up. The text itself is never stored.

`sk-omni-` + 43 base62 characters (256 random bits) + 6 characters of checksum. The checksum lets a typo be
refused before anything is looked up; what is stored is an HMAC under a pepper that lives outside the database.
"""

import hashlib
import hmac
from collections.abc import Mapping
from typing import Final, NamedTuple
from zlib import crc32

from omniroute.access.grant import ENV_KEY_ID, Grant

START: Final = "sk-omni-"
PREFIX_LENGTH: Final = 12
"""How much of a key is stored and shown, so that people can tell their keys apart."""

_BODY_END: Final = len(START) + 43
_LENGTH: Final = _BODY_END + 6
_ALPHABET: Final = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
_CHECKSUMS: Final = 36**6
_BLOCK: Final = 64
_REMEMBERED: Final = 1000


class MintedKey(NamedTuple):
    """A new key. `text` is shown once; `prefix` may be shown always."""

    text: str
    prefix: str


def mint(random: bytes) -> MintedKey:
    """The key made of exactly 32 random bytes."""
    if len(random) != 32:
        raise ValueError(f"a key is made of 32 random bytes, not {len(random)}")
    number = int.from_bytes(random, "big")
    body = START + _digits(number, base=62, width=43)
    text = body + _checksum(body)
    return MintedKey(text, text[:PREFIX_LENGTH])


def well_formed(key: str) -> bool:
    """Whether the text can be a key of ours at all: its shape and its checksum."""
    if len(key) != _LENGTH or not key.startswith(START) or not key.isascii():
        return False
    tail = key[_BODY_END:]
    if not tail.isalnum():
        return False
    try:
        claimed = int(tail, 36)
    except ValueError:
        return False
    return claimed == crc32(key[:_BODY_END].encode()) % _CHECKSUMS


def digest(pepper: bytes, key: str) -> bytes:
    """What is stored of a key and looked up: HMAC-SHA256 under the pepper."""
    return hmac.digest(pepper, key.encode(), "sha256")


class Keyring:
    """Finds the grant of a presented key among the grants of a snapshot, which are held by digest."""

    def __init__(self, pepper: bytes, env_key: str | None = None) -> None:
        """`env_key` is the always-valid key of OMNIROUTE_API_KEY, of any form, without management scope."""
        block = (hashlib.sha256(pepper).digest() if len(pepper) > _BLOCK else pepper).ljust(_BLOCK, b"\0")
        self._inner = hashlib.sha256(bytes(byte ^ 0x36 for byte in block))
        self._outer = hashlib.sha256(bytes(byte ^ 0x5C for byte in block))
        self._env_digest = self.digest(env_key) if env_key else None
        self._digests: dict[str, bytes] = {}

    def digest(self, key: str) -> bytes:
        """The same as `digest`, a third of the time: every request asks for it, and the pepper never changes."""
        inner = self._inner.copy()
        inner.update(key.encode())
        outer = self._outer.copy()
        outer.update(inner.digest())
        return outer.digest()

    def find(self, key: str, grants: Mapping[bytes, Grant]) -> Grant | None:
        """The grant, in whatever standing; None for a key that nobody issued.

        Digests of keys that were found are remembered: a client asks again and again with the same one.
        """
        known = self._digests.get(key)
        if known is not None:
            return grants.get(known)
        if well_formed(key):
            digest = self.digest(key)
            found = grants.get(digest)
            if found is not None:
                if len(self._digests) >= _REMEMBERED:
                    self._digests.clear()
                self._digests[key] = digest
                return found
        if self._env_digest is not None and hmac.compare_digest(self.digest(key), self._env_digest):
            return ENV_GRANT
        return None


ENV_GRANT: Final = Grant(key_id=ENV_KEY_ID, name="Environment Key")


def _digits(number: int, *, base: int, width: int) -> str:
    out: list[str] = []
    for _ in range(width):
        number, digit = divmod(number, base)
        out.append(_ALPHABET[digit])
    return "".join(reversed(out))


def _checksum(body: str) -> str:
    return _digits(crc32(body.encode()) % _CHECKSUMS, base=36, width=6)
