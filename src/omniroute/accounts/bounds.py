"""What operators let through to a connection: by its own word, and by that for its whole provider."""

from omniroute.accounts.connection import Connection
from omniroute.accounts.provider_data import gap_s, per_minute
from omniroute.routing.bounds import Bound, ProviderLimits


def own_bound(connection: Connection) -> Bound:
    """What is said of the connection itself."""
    return Bound(
        id=connection.id,
        places=connection.max_concurrent or None,
        per_minute=per_minute(connection.parameters),
        gap_s=gap_s(connection.parameters),
    )


def bounds_of(connection: Connection, limits: ProviderLimits | None) -> tuple[Bound, ...]:
    """All that hold it; `limits` are those of its provider."""
    own = own_bound(connection)
    bounds = (own,) if own.holds else ()
    return bounds if limits is None else (*bounds, limits.bound(connection.provider))
