"""What request and response bodies have in common: camelCase, nothing unknown in, nothing unnamed out."""

from datetime import UTC, datetime
from typing import Annotated

from fastapi import Depends, Request
from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel

from omniroute.errors import InvalidRequest
from omniroute.management.authentication import Caller
from omniroute.management.services import Services


class Body(BaseModel):
    """A request body: unknown members are an error, and a text is not a number."""

    model_config = ConfigDict(extra="forbid", strict=True, alias_generator=to_camel, hide_input_in_errors=True)


class Reply(BaseModel):
    """A response body: exactly the members that are declared."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="forbid")


def _services(request: Request) -> Services:
    services: Services = request.app.state.services
    return services


def _caller(request: Request) -> Caller:
    caller: Caller = request.state.caller
    return caller


ServicesOf = Annotated[Services, Depends(_services)]
CallerOf = Annotated[Caller, Depends(_caller)]


def iso(at_ms: int | None) -> str | None:
    """Unix milliseconds as ISO 8601 in UTC."""
    if at_ms is None:
        return None
    return datetime.fromtimestamp(at_ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def unix_ms(text: str, *, what: str) -> int:
    """ISO 8601 as unix milliseconds; a time without a zone is UTC. Raises InvalidRequest."""
    try:
        found = datetime.fromisoformat(text)
        return int((found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp() * 1000)
    except (ValueError, OverflowError):
        raise InvalidRequest(
            f"{what} is not a time in ISO 8601, such as 2030-01-31T12:00:00Z.", code="bad_time"
        ) from None
