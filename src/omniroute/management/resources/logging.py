"""What is kept of requests, and for how long: the settings of the log."""

from typing import Annotated

import msgspec
from pydantic import Field

from omniroute.access.grant import BodyPolicy
from omniroute.management.router import ManagementRouter
from omniroute.management.shapes import Body, CallerOf, Reply, ServicesOf
from omniroute.snapshot.logging import Logging

router = ManagementRouter(auth="manage", prefix="/api/settings/logging", tag="settings")

_Days = Annotated[int, Field(ge=0, le=36_500)]


class LoggingChange(Body):
    """What is left out stays as it is. Days of 0 mean for ever."""

    bodies: BodyPolicy | None = None
    body_bytes: Annotated[int, Field(ge=1024, le=16 * 1024 * 1024)] | None = None
    request_days: _Days | None = None
    rollup_days: _Days | None = None
    capture_days: _Days | None = None
    capture_bytes: Annotated[int, Field(ge=1024 * 1024)] | None = None


class LoggingShape(Reply):
    """`bodies` is for keys that say nothing else; `droppedCaptures` counts those that could not be kept since the
    start."""

    bodies: BodyPolicy
    body_bytes: int
    request_days: int
    rollup_days: int
    capture_days: int
    capture_bytes: int
    dropped_captures: int


@router.get("")
def logging(services: ServicesOf) -> LoggingShape:
    return _shape(services.snapshot().logging, services)


@router.patch("")
@router.put("")
def change_logging(body: LoggingChange, services: ServicesOf, caller: CallerOf) -> LoggingShape:
    """Holds from the next request on; what has become too old goes within the hour."""
    given = {name: value for name in body.model_fields_set if (value := getattr(body, name)) is not None}

    def revise(before: Logging) -> Logging:
        return msgspec.structs.replace(before, **given)

    return _shape(services.logging.change(revise, caller.actor, now=services.now_ms()), services)


def _shape(rules: Logging, services: ServicesOf) -> LoggingShape:
    return LoggingShape(**msgspec.structs.asdict(rules), dropped_captures=services.captures.dropped)
