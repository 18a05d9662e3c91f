"""What people call the keys and accounts that the log knows by their ids."""

from omniroute.access.grant import ENV_KEY_ID, LOCAL_KEY_ID
from omniroute.management.services import Services
from omniroute.storage.repos import connections, keys

_OWN = {LOCAL_KEY_ID: "local", ENV_KEY_ID: "Environment Key"}


class Names:
    """As of now. One that is gone goes by its id."""

    def __init__(self, services: Services) -> None:
        stored = services.database.read(lambda connection: (keys.every(connection), connections.every(connection)))
        self._keys = {**{row.id: row.name for row in stored[0]}, **_OWN}
        self._accounts = {row.id: row.name for row in stored[1]}
        self._accounts |= {one.id: one.name for one in services.snapshot().by_id.values()}

    def key(self, key_id: str) -> str:
        return self._keys.get(key_id, key_id)

    def account(self, connection_id: str) -> str:
        return self._accounts.get(connection_id, connection_id)
