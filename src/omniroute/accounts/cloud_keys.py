"""Credentials of clouds as people paste them: a key pair, a key file, or a plain API key or token."""

import re
from typing import Final, NamedTuple

import msgspec

from omniroute.accounts.connection import Secret
from omniroute.accounts.google import GoogleCredential, credential
from omniroute.accounts.sigv4 import AwsKeys
from omniroute.ir.json import JsonObject

_PAIR: Final = re.compile(r"(?P<id>[A-Z0-9]{16,128}):(?P<secret>[^:\s]+)(?::(?P<session>\S+))?")
"""`ACCESS_KEY_ID:SECRET[:SESSION]`. API keys of Bedrock never look like this: they are base64 or hold dashes."""
_NAMES: Final = {
    "id": ("accessKeyId", "AccessKeyId", "aws_access_key_id"),
    "secret": ("secretAccessKey", "SecretAccessKey", "aws_secret_access_key"),
    "session": ("sessionToken", "SessionToken", "aws_session_token"),
}
"""As in the console's file, in what the AWS CLI prints, and in its configuration."""


class GoogleKey(NamedTuple):
    """`project` is the one that a key file was made in, where it says."""

    credential: GoogleCredential
    project: str | None


def aws_keys(secret: str, *, region: str, service: str) -> AwsKeys | None:
    """The access key in `secret`; None when it is an API key. Raises `ValueError` for JSON without a key pair."""
    found: dict[str, str | None]
    if secret.startswith("{"):
        file = _object(secret)
        found = {part: _first(file, names) for part, names in _NAMES.items()}
        if not found["id"] or not found["secret"]:
            raise ValueError("the key needs accessKeyId and secretAccessKey")
    else:
        pair = _PAIR.fullmatch(secret)
        if pair is None:
            return None
        found = pair.groupdict()
    session = found["session"]
    return AwsKeys(
        access_key_id=found["id"] or "",
        secret_access_key=Secret(found["secret"] or ""),
        session=Secret(session) if session else None,
        region=region,
        service=service,
    )


def google_key(secret: str, *, token_url: str) -> GoogleKey | None:
    """The key file in `secret`; None when it is an access token. Raises `ValueError` for an unusable file."""
    if not secret.startswith("{"):
        return None
    file = _object(secret)
    found = credential(file, token_url)
    if isinstance(found, str):
        raise ValueError(f"the key file cannot be used: {found}")
    return GoogleKey(found, _first(file, ("project_id", "quota_project_id")))


def _object(secret: str) -> JsonObject:
    try:
        return msgspec.json.decode(secret, type=JsonObject)
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
        raise ValueError("the key begins like a JSON file, but is none") from None


def _first(file: JsonObject, names: tuple[str, ...]) -> str | None:
    for name in names:
        value = file.get(name)
        if isinstance(value, str) and value:
            return value
    return None
