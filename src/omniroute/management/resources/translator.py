"""What a body becomes in another dialect, and what is lost on the way; nothing is sent anywhere."""

from typing import Annotated, Any, Literal

import msgspec
from pydantic import Field

from omniroute.catalog.lookup import Refused
from omniroute.catalog.provider import Provider
from omniroute.dialects.base import Context
from omniroute.errors import InvalidRequest
from omniroute.management.router import ManagementRouter
from omniroute.management.services import Services
from omniroute.management.shapes import Body, Reply, ServicesOf
from omniroute.pipeline.translation import Wish, translated

router = ManagementRouter(auth="manage", prefix="/api/translator", tag="translator")

_Name = Annotated[str, Field(min_length=1, max_length=64)]
_Model = Annotated[str, Field(min_length=1, max_length=500)]


class TranslationRequest(Body):
    """`body` is an object, or the text of a stream. With `provider` (an id or an alias of the catalog, the id or
    the prefix of a node) its quirks apply to a request, and `to` may be left out. `model` replaces the body's,
    which may have none."""

    body: dict[str, Any] | str
    source: Annotated[_Name, Field(alias="from")]
    to: _Name | None = None
    kind: Literal["request", "answer", "stream"] = "request"
    provider: Annotated[str, Field(min_length=1, max_length=128)] | None = None
    model: _Model | None = None


class LossShape(Reply):
    """`path` leads into the representation of the body."""

    path: str
    what: str
    how: Literal["dropped", "approximated", "moved", "added"]
    weight: Literal["cost", "quality", "meaning"]


class Translation(Reply):
    """`body` is of the same form as what was sent: an object, or the text of a stream."""

    body: dict[str, Any] | str
    losses: list[LossShape]


@router.post("/translate")
def translate(body: TranslationRequest, services: ServicesOf) -> Translation:
    """The same pure functions that requests go through. What cannot be read as `from` is a 400."""
    wish = Wish(
        body=_bytes(body.body),
        source=body.source,
        to=body.to,
        kind=body.kind,
        provider=None if body.provider is None else _row(services, body.provider),
        model=body.model,
    )
    context = Context(
        request_id=services.ids.request_id(),
        token=services.ids.token(),
        created=int(services.clock.now()),
        model=body.model or "",
    )
    encoded = translated(wish, context)
    return Translation(
        body=encoded.body.decode() if body.kind == "stream" else msgspec.json.decode(encoded.body),
        losses=[LossShape(**msgspec.structs.asdict(loss)) for loss in encoded.losses],
    )


def _bytes(body: dict[str, Any] | str) -> bytes:
    try:
        return body.encode() if isinstance(body, str) else msgspec.json.encode(body)
    except (UnicodeEncodeError, RecursionError):
        raise InvalidRequest("The body holds half a character, or too many levels.", code="bad_request") from None


def _row(services: Services, name: str) -> Provider:
    providers = services.snapshot().providers
    node = providers.get(name) or next((row for row in providers.values() if row.node and row.alias == name), None)
    if node is not None:
        return node
    found = services.catalog.resolve(name)
    if isinstance(found, Provider):
        return found
    reason = f": {found.reason}" if isinstance(found, Refused) else ""
    raise InvalidRequest(f"There is no provider {name!r}{reason}", code="unknown_provider")
