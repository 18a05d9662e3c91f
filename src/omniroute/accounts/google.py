"""Google's credentials for machines and people, and the question that turns them into an access token.

Sources: developers.google.com/identity/protocols/oauth2/service-account (JWT bearer), the files that `gcloud auth
application-default login` and the console write, and google-auth 2.62.
"""

import base64
from typing import Final, TypeAlias
from urllib.parse import urlencode

import msgspec

from omniroute.accounts.connection import Secret
from omniroute.ir.json import JsonObject

SCOPE: Final = "https://www.googleapis.com/auth/cloud-platform"
_ASSERTION_S: Final = 3600
"""The longest life that Google grants to an assertion, and to the token it gives for it."""


class ServiceAccount(msgspec.Struct, frozen=True, kw_only=True):
    email: str
    private_key: Secret
    private_key_id: str = ""
    token_url: str


class AuthorizedUser(msgspec.Struct, frozen=True, kw_only=True):
    client_id: str
    client_secret: Secret
    refresh_token: Secret
    token_url: str


GoogleCredential: TypeAlias = ServiceAccount | AuthorizedUser


def credential(file: JsonObject, token_url: str) -> GoogleCredential | str:
    """The credential in a key file, or what is wrong with the file, in words that show nothing of it.

    The file's own `token_uri` is not used: a credential goes where the provider's row says, and nowhere else.
    """
    kind = file.get("type")
    match kind:
        case "service_account":
            email, key = _text(file, "client_email"), _text(file, "private_key")
            if not email or not key:
                return "a service account needs client_email and private_key"
            return ServiceAccount(
                email=email,
                private_key=Secret(key),
                private_key_id=_text(file, "private_key_id"),
                token_url=token_url,
            )
        case "authorized_user":
            names = ("client_id", "client_secret", "refresh_token")
            client_id, client_secret, refresh = (_text(file, name) for name in names)
            if not client_id or not client_secret or not refresh:
                return f"an authorized user needs {', '.join(names)}"
            return AuthorizedUser(
                client_id=client_id,
                client_secret=Secret(client_secret),
                refresh_token=Secret(refresh),
                token_url=token_url,
            )
        case _:
            return "its type is neither service_account nor authorized_user"


def question(asker: GoogleCredential, now: float) -> bytes:
    """The form that is posted to the token endpoint. `now` is unix seconds.

    Raises `ValueError` for a private key that cannot be used.
    """
    match asker:
        case ServiceAccount():
            form = {
                "grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer",
                "assertion": assertion(asker, now),
            }
        case AuthorizedUser():
            form = {
                "grant_type": "refresh_token",
                "client_id": asker.client_id,
                "client_secret": asker.client_secret.value,
                "refresh_token": asker.refresh_token.value,
            }
    return urlencode(form).encode()


def assertion(account: ServiceAccount, now: float) -> str:
    """A JWT signed with RS256, in which the account asks for a token. Raises `ValueError` for an unusable key."""
    # Loading keys takes a good part of `cryptography`, which no other provider needs at the start.
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        key = load_pem_private_key(account.private_key.value.encode(), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise ValueError("the private key cannot be read") from None
    if not isinstance(key, RSAPrivateKey):
        raise ValueError("the private key is not an RSA key")
    header: JsonObject = {"alg": "RS256", "typ": "JWT"}
    if account.private_key_id:
        header["kid"] = account.private_key_id
    issued = int(now)
    claims: JsonObject = {
        "iss": account.email,
        "scope": SCOPE,
        "aud": account.token_url,
        "iat": issued,
        "exp": issued + _ASSERTION_S,
    }
    unsigned = f"{_segment(msgspec.json.encode(header))}.{_segment(msgspec.json.encode(claims))}"
    return f"{unsigned}.{_segment(key.sign(unsigned.encode(), PKCS1v15(), SHA256()))}"


def _segment(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _text(file: JsonObject, name: str) -> str:
    value = file.get(name)
    return value if isinstance(value, str) else ""
