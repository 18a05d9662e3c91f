"""Secrets at rest: AES-256-GCM with the place a secret belongs to as associated data, so that it opens only there.

The text form is `v1:` and base64url(nonce of 12 bytes, ciphertext, tag of 16 bytes). Nothing falls back to
plain text.
"""

import base64
import binascii
import os
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_VERSION: Final = "v1:"
_NONCE_BYTES: Final = 12
_TAG_BYTES: Final = 16


class Unsealable(Exception):
    """A sealed text cannot be opened: another key, another place, or it was changed."""


class Sealer:
    """Seals and opens secrets under one key of 32 bytes. Usable from any thread."""

    def __init__(self, key: bytes) -> None:
        if len(key) != 32:
            raise ValueError("a seal key has 32 bytes")
        self._key = key
        self._cipher: AESGCM | None = None

    def seal(self, plain: str, *, aad: str) -> str:
        """`aad` names the place, see `place`; the same words must be given to `unseal`."""
        nonce = os.urandom(_NONCE_BYTES)
        sealed = self._aes().encrypt(nonce, plain.encode(), aad.encode())
        return _VERSION + base64.urlsafe_b64encode(nonce + sealed).decode("ascii")

    def unseal(self, text: str, *, aad: str) -> str:
        """Raises `Unsealable`; the message names the place and never any part of the secret."""
        if not text.startswith(_VERSION):
            raise Unsealable(f"{aad!r} is not sealed in a form this version knows")
        try:
            raw = base64.b64decode(text[len(_VERSION) :].encode("ascii"), altchars=b"-_", validate=True)
        except (binascii.Error, UnicodeEncodeError):
            raise Unsealable(f"{aad!r} is not sealed text") from None
        if len(raw) < _NONCE_BYTES + _TAG_BYTES:
            raise Unsealable(f"{aad!r} is cut short")
        from cryptography.exceptions import InvalidTag

        try:
            return self._aes().decrypt(raw[:_NONCE_BYTES], raw[_NONCE_BYTES:], aad.encode()).decode()
        except InvalidTag:
            raise Unsealable(
                f"{aad!r} was sealed with another key or changed; give back the old STORAGE_ENCRYPTION_KEY or "
                "secrets/seal, or enter the secret again"
            ) from None

    def _aes(self) -> "AESGCM":
        # cryptography takes about 30 ms to import, which a gateway without stored secrets never has to pay.
        if self._cipher is None:
            from cryptography.hazmat.primitives.ciphers.aead import AESGCM

            self._cipher = AESGCM(self._key)
        return self._cipher


def place(table: str, column: str, row_id: str) -> str:
    """The associated data of a sealed column."""
    return f"{table}/{column}/{row_id}"
