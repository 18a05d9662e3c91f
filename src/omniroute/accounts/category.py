"""What kind of account a connection is, for whoever has more or less patience with it."""

from ipaddress import ip_address
from urllib.parse import urlsplit

from omniroute.accounts.connection import Connection
from omniroute.catalog.provider import Provider
from omniroute.routing.resilience import Category


def category(provider: Provider, connection: Connection) -> Category:
    """`local` is a server on this machine or in its own network, whatever it is called."""
    return "local" if provider.local or _is_near(connection.base_url or provider.base_url) else "apikey"


def _is_near(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    if host == "localhost" or host.endswith((".localhost", ".local")):
        return True
    try:
        address = ip_address(host)
    except ValueError:
        return False
    return address.is_loopback or address.is_private
