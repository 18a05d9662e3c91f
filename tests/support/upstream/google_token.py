"""Google's token endpoint: an access token for a refresh token, or for what a service account signed."""

from urllib.parse import parse_qsl

from tests.support.upstream.reply import Plan, plain
from tests.support.upstream.wire import Request

TOKEN = "ya29.scripted-access-token"
REFRESH = "1//scripted-refresh-token"
_ASSERTED = "urn:ietf:params:oauth:grant-type:jwt-bearer"


def reply(request: Request) -> Plan | None:
    """None when this is no question for a token. Signatures of assertions are left to the test to check."""
    if request.method != "POST" or request.path != "/token":
        return None
    match dict(parse_qsl(request.body.decode())):
        case {"grant_type": "refresh_token", "refresh_token": shown} if shown == REFRESH:
            pass
        case {"grant_type": grant, "assertion": shown} if grant == _ASSERTED and shown.count(".") == 2:
            pass
        case _:
            return plain(400, {"error": "invalid_grant", "error_description": "Bad Request"})
    return plain(200, {"access_token": TOKEN, "expires_in": 3599, "token_type": "Bearer"})
