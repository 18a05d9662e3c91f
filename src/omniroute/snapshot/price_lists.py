"""Price lists that were imported: kept in the database, and in force from the next request on."""

import logging
import zlib

import msgspec
from sqlalchemy import Connection

from omniroute.access.actor import Actor, record
from omniroute.errors import GatewayError
from omniroute.ledger.price_lists import PriceList
from omniroute.ledger.prices import Prices
from omniroute.storage.database import Database
from omniroute.storage.repos import price_lists as repo
from omniroute.storage.repos.price_lists import PriceListRow
from omniroute.storage.writer import Writer


class PriceLists:
    """Methods block; not for the event loop."""

    def __init__(self, database: Database, writer: Writer, prices: Prices) -> None:
        self._database = database
        self._writer = writer
        self._prices = prices

    def load(self) -> None:
        """Puts what is stored in force. A list that cannot be read (any more) is left out."""
        found: list[PriceList] = []
        for row in self.stored():
            try:
                found.append(msgspec.json.decode(zlib.decompress(row.prices), type=PriceList))
            except (zlib.error, msgspec.MsgspecError) as error:
                logging.getLogger(__name__).error("the price list %s cannot be read: %s", row.source, error)
        self._prices.use_imported(*found)

    def stored(self) -> tuple[PriceListRow, ...]:
        """The latest date first, which is the order in which they count."""
        return self._database.read(repo.every)

    def put(self, prices: PriceList, actor: Actor, *, now: int) -> None:
        """Replaces the list of the same source. `now` is unix ms."""
        row = PriceListRow(
            source=prices.source,
            dated=prices.dated,
            imported_at=now,
            models=len(prices),
            prices=zlib.compress(msgspec.json.encode(prices)),
        )

        def change(connection: Connection) -> None:
            repo.put(connection, row)
            detail = {"source": row.source, "dated": row.dated, "models": row.models}
            record(connection, actor, at=now, action="pricing.import", target=row.source, detail=detail)

        self._writer.write_quietly(change)
        self.load()

    def remove(self, source: str, actor: Actor, *, now: int) -> None:
        """Raises `GatewayError` 404 when there is none."""

        def change(connection: Connection) -> None:
            if not repo.remove(connection, source):
                raise GatewayError(404, f"There is no price list of {source!r}.", code="not_found")
            record(connection, actor, at=now, action="pricing.forget", target=source)

        self._writer.write_quietly(change)
        self.load()
