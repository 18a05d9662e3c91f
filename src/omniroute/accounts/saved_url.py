"""Whether a URL that the operator typed may be stored. What its name resolves to is checked at every request."""

from omniroute.errors import InvalidRequest
from omniroute.upstream.endpoint import Refused, endpoint
from omniroute.upstream.guard import verdict


def checked(url: str, *, private: bool, what: str = "base URL") -> str:
    """The URL without trailing slashes. `private` allows loopback and private addresses, never link-local ones.

    Raises InvalidRequest (`bad_url`, or `blocked_url` for an address that is never connected to).
    """
    url = url.strip().rstrip("/")
    found = endpoint(url)
    if isinstance(found, Refused):
        raise InvalidRequest(f"The {what} cannot be used: {found.reason}.", code="bad_url")
    if "?" in url or "#" in url:
        raise InvalidRequest(f"The {what} cannot hold a query or a fragment.", code="bad_url")
    if found.literal:
        answer = verdict(found.host, private=private)
        reason = answer.reason if isinstance(answer, Refused) else None
    else:
        local_name = found.host == "localhost" or found.host.endswith(".localhost")
        reason = "loopback" if local_name and not private else None
    if reason is not None:
        raise InvalidRequest(
            f"The {what} {found.origin!r} cannot be used: its address is {reason}."
            + ("" if private else " For a server of your own create a provider node."),
            code="blocked_url",
        )
    return url
