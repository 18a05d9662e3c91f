"""What kind of account a connection is."""

import pytest

from omniroute.accounts.category import category
from omniroute.accounts.connection import Connection
from omniroute.catalog.provider import Provider


@pytest.mark.parametrize(
    ("url", "local"),
    [
        ("https://api.example.com/v1", False),
        ("http://127.0.0.1:9000/v1", True),
        ("http://localhost:9000", True),
        ("http://nas.local:9000", True),
        ("http://192.168.1.7/v1", True),
        ("http://[::1]:9000", True),
        ("https://8.8.8.8/v1", False),
        ("https://{resource}.example.com", False),
    ],
)
def test_a_server_on_this_machine_or_in_its_network_is_local(url: str, local: bool) -> None:
    row = Provider(id="p", alias="p", name="p", base_url=url, operations={})
    elsewhere = moved(row)
    assert category(row, Connection(id="c", provider="p", name="c")) == ("local" if local else "apikey")
    assert category(elsewhere, Connection(id="c", provider="p", name="c", base_url=url)) == (
        "local" if local else "apikey"
    )


def moved(row: Provider) -> Provider:
    """The same provider at a public address."""
    return Provider(id=row.id, alias=row.alias, name=row.name, base_url="https://a.test", operations={})
