"""The conversations that are going on."""

from omniroute.management.router import ManagementRouter
from omniroute.management.shapes import Reply, ServicesOf

router = ManagementRouter(auth="manage", prefix="/api/sessions", tag="sessions")


class SessionShape(Reply):
    """Times are unix milliseconds. `connectionId` is the account that answered last."""

    session_id: str
    key_id: str
    created_at: int
    last_active: int
    request_count: int
    connection_id: str | None
    age_ms: int


class SessionList(Reply):
    count: int
    sessions: list[SessionShape]
    by_api_key: dict[str, int]


@router.get("")
def sessions(services: ServicesOf) -> SessionList:
    """Those with a request in the last half hour, the latest first: of clients that name their session, and of
    keys that have a `maxSessions`."""
    now = services.clock.now()
    found = tuple(reversed(services.allowance.sessions.every(now)))
    by_key: dict[str, int] = {}
    for one in found:
        by_key[one.key_id] = by_key.get(one.key_id, 0) + 1
    return SessionList(
        count=len(found),
        sessions=[
            SessionShape(
                session_id=one.session_id,
                key_id=one.key_id,
                created_at=round(one.created_at * 1000),
                last_active=round(one.last_active * 1000),
                request_count=one.requests,
                connection_id=one.connection_id,
                age_ms=round((now - one.created_at) * 1000),
            )
            for one in found
        ],
        by_api_key=by_key,
    )
