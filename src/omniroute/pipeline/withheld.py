"""Keeping an account's credential out of what its provider says about a failure.

Some providers repeat the credential that they were shown, whole or within a sentence. A failure is told to the
client, to the log and to whoever asks for an explanation, and none of them may learn it.
"""

from typing import Final

import msgspec

from omniroute.accounts.connection import Connection
from omniroute.ir.failure import Failure
from omniroute.telemetry.redact import REDACTED

_SHORTEST: Final = 8
"""A shorter one is a placeholder for a server that wants none, and might be part of any word."""


def withheld(failure: Failure, connection: Connection | None) -> Failure:
    """`failure` without the credential of `connection`."""
    secret = _secret(connection)
    if secret is None:
        return failure
    raw = failure.raw
    if raw is not None and secret in msgspec.json.encode(raw).decode():
        raw = msgspec.json.decode(msgspec.json.encode(raw).decode().replace(secret, REDACTED))
    elif secret not in failure.message:
        return failure
    return msgspec.structs.replace(failure, message=failure.message.replace(secret, REDACTED), raw=raw)


def withheld_bytes(text: bytes, connection: Connection | None) -> bytes:
    """The same for what is passed on as it came."""
    secret = _secret(connection)
    return text if secret is None else text.replace(secret.encode(), REDACTED.encode())


def _secret(connection: Connection | None) -> str | None:
    if connection is None or connection.secret is None or len(connection.secret.value) < _SHORTEST:
        return None
    return connection.secret.value
