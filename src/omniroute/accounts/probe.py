"""Asks a provider whether a connection works: its model list first, else the shortest possible chat."""

from typing import Final, Literal, TypeAlias, TypeGuard

import msgspec

from omniroute.accounts.connection import Connection
from omniroute.accounts.lease import Lease, lease
from omniroute.catalog.provider import Provider
from omniroute.dialects.base import Dialect
from omniroute.ir.json import JsonObject, JsonValue
from omniroute.ir.parts import Text
from omniroute.ir.request import GenerateRequest, Sampling, Turn
from omniroute.ir.target import Target
from omniroute.upstream.transport import Deadlines, Transport, UpstreamError, UpstreamRequest

DiagnosisType: TypeAlias = Literal[
    "ok",
    "upstream_auth_error",
    "upstream_rate_limited",
    "upstream_unavailable",
    "upstream_error",
    "network_error",
    "unsupported",
]
Method: TypeAlias = Literal["models_endpoint", "chat_completion"]

_READ: Final = Deadlines(connect_s=5.0, first_byte_s=5.0, idle_s=5.0, total_s=5.0)
_WRITE: Final = Deadlines(connect_s=7.0, first_byte_s=7.0, idle_s=7.0, total_s=7.0)
_BODY_LIMIT: Final = 8 * 1024 * 1024
_MODEL_LIMIT: Final = 10_000


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """What was found out. `message` is one line of our own, never the provider's text.

    `valid` with a `warning` means that the credential was accepted, or at least not refused, but the answer was
    not a success. `transport` is set when no answer came at all.
    """

    valid: bool
    type: DiagnosisType
    message: str | None = None
    warning: str | None = None
    status: int | None = None
    method: Method | None = None
    transport: Literal["blocked", "timeout", "network"] | None = None


class ModelList(msgspec.Struct, frozen=True, kw_only=True):
    """The objects of a provider's model list, each with an `id`."""

    models: tuple[JsonObject, ...]


class _Answer(msgspec.Struct, frozen=True):
    status: int
    body: bytes


async def probe(
    transport: Transport,
    provider: Provider,
    connection: Connection,
    dialect: Dialect | None,
    *,
    model: str | None,
    proxy: str | None = None,
) -> Verdict:
    """Whether the provider accepts the connection; nothing is stored.

    `dialect` is the codec of the provider's chat operation, `model` the bare id to chat with where the model
    list does not settle it. Raises GatewayError (400) when the connection lacks what its provider demands.
    """
    granted = lease(provider, connection)
    listed = await _read(transport, granted, provider.models_path or "/models", _proxy(provider, proxy))
    if isinstance(listed, UpstreamError):
        return _unreachable(listed)
    settled = _of_models(listed)
    if settled is not None:
        return settled
    model = model or connection.default_model
    if dialect is None or model is None:
        return _undecided(listed, can_chat=dialect is not None)
    answer = await _chat(transport, granted, provider, dialect, model, _proxy(provider, proxy))
    return _unreachable(answer) if isinstance(answer, UpstreamError) else _of_chat(answer)


async def models(
    transport: Transport, provider: Provider, connection: Connection, *, proxy: str | None = None
) -> ModelList | Verdict:
    """The provider's own model list, or why there is none. Raises GatewayError as `probe` does."""
    granted = lease(provider, connection)
    answer = await _read(transport, granted, provider.models_path or "/models", _proxy(provider, proxy))
    if isinstance(answer, UpstreamError):
        return _unreachable(answer)
    found = _entries(answer)
    if found is not None:
        return ModelList(models=found)
    return _of_models(answer) or _undecided(answer, can_chat=False)


def _proxy(provider: Provider, proxy: str | None) -> str | None:
    return None if provider.local else proxy


async def _read(transport: Transport, granted: Lease, path: str, proxy: str | None) -> _Answer | UpstreamError:
    request = UpstreamRequest(
        method="GET",
        url=granted.url(path),
        headers=granted.headers,
        deadlines=_READ,
        private=granted.private,
        proxy=proxy,
    )
    first = await _exchange(transport, request)
    if isinstance(first, UpstreamError) and first.kind != "blocked":
        return await _exchange(
            transport, request
        )  # reading twice harms nobody, and the first try may wake a sleeper
    return first


async def _chat(
    transport: Transport, granted: Lease, provider: Provider, dialect: Dialect, model: str, proxy: str | None
) -> _Answer | UpstreamError:
    operation = provider.operations["chat"]
    target = Target(provider=provider.id, model=model, dialect=dialect.name, quirks=provider.quirks)
    body = dialect.encode_request(
        GenerateRequest(
            model=model,
            turns=(Turn(role="user", parts=(Text(text="test"),)),),
            sampling=Sampling(max_output_tokens=1),
            stream=False,
        ),
        target,
    ).body
    return await _exchange(
        transport,
        UpstreamRequest(
            method="POST",
            url=granted.url(operation.path or dialect.path(target, stream=False)),
            headers=(*granted.headers, ("content-type", "application/json")),
            body=body,
            deadlines=_WRITE,
            private=granted.private,
            proxy=proxy,
        ),
    )


async def _exchange(transport: Transport, request: UpstreamRequest) -> _Answer | UpstreamError:
    try:
        reply = await transport.open(request)
        try:
            return _Answer(reply.status, await reply.read(_BODY_LIMIT))
        finally:
            await reply.aclose()
    except UpstreamError as error:
        return error


def _of_models(answer: _Answer) -> Verdict | None:
    """The verdict that a model list allows; None where only a chat can tell."""
    if _entries(answer) is not None:
        return Verdict(valid=True, type="ok", status=answer.status, method="models_endpoint")
    if answer.status in (401, 403):
        return _refused(answer.status, "models_endpoint")
    if answer.status == 429:
        return _limited("models_endpoint")
    if 300 <= answer.status < 400:
        return _redirected(answer.status, "models_endpoint")
    return None


def _of_chat(answer: _Answer) -> Verdict:
    status = answer.status
    if 200 <= status < 300:
        if _json(answer.body) is None:
            return _gibberish(status, "chat_completion")
        return Verdict(valid=True, type="ok", status=status, method="chat_completion")
    if status in (401, 403):
        return _refused(status, "chat_completion")
    if status == 429:
        return _limited("chat_completion")
    if status < 400:
        return _redirected(status, "chat_completion")
    if status >= 500:
        return _unavailable(status, "chat_completion")
    if status in (404, 405) and not _is_about_a_model(answer.body):
        return Verdict(
            valid=False,
            type="unsupported",
            message=f"There is no chat endpoint at this address (HTTP {status}); check the base URL.",
            status=status,
            method="chat_completion",
        )
    return Verdict(
        valid=True,
        type="ok",
        warning=f"The credential was accepted, but the test request was not (HTTP {status}).",
        status=status,
        method="chat_completion",
    )


def _undecided(answer: _Answer, *, can_chat: bool) -> Verdict:
    if answer.status >= 500:
        return _unavailable(answer.status, "models_endpoint")
    if 200 <= answer.status < 300:
        return _gibberish(answer.status, "models_endpoint")
    hint = "; name a model with `validationModelId` to test with a chat" if can_chat else ""
    return Verdict(
        valid=False,
        type="unsupported",
        message=f"The provider has no readable model list (HTTP {answer.status}){hint}.",
        status=answer.status,
        method="models_endpoint",
    )


def _refused(status: int, method: Method) -> Verdict:
    return Verdict(
        valid=False,
        type="upstream_auth_error",
        message="The provider refuses the credential.",
        status=status,
        method=method,
    )


def _limited(method: Method) -> Verdict:
    return Verdict(
        valid=True,
        type="upstream_rate_limited",
        warning="The provider is limiting requests just now (HTTP 429).",
        status=429,
        method=method,
    )


def _redirected(status: int, method: Method) -> Verdict:
    return Verdict(
        valid=False,
        type="upstream_error",
        message=f"The address redirects elsewhere (HTTP {status}); enter the final address.",
        status=status,
        method=method,
    )


def _unavailable(status: int, method: Method) -> Verdict:
    return Verdict(
        valid=False,
        type="upstream_unavailable",
        message=f"The provider is unavailable (HTTP {status}).",
        status=status,
        method=method,
    )


def _gibberish(status: int, method: Method) -> Verdict:
    return Verdict(
        valid=False,
        type="upstream_error",
        message="Something answers at this address, but not as this kind of API; check the base URL.",
        status=status,
        method=method,
    )


def _unreachable(error: UpstreamError) -> Verdict:
    match error.kind:
        case "timeout":
            return Verdict(
                valid=False,
                type="network_error",
                message="The provider did not answer in time.",
                transport="timeout",
            )
        case "blocked":
            return Verdict(valid=False, type="network_error", message=error.message, transport="blocked")
        case "protocol":
            return Verdict(
                valid=False, type="upstream_error", message="The answer is not readable HTTP or too long."
            )
        case "connect" | "proxy" | "closed":
            return Verdict(valid=False, type="network_error", message=error.message, transport="network")


def _entries(answer: _Answer) -> tuple[JsonObject, ...] | None:
    """The models of a 2xx answer: `{"data": [...]}` or `{"models": [...]}` or a bare list, else None."""
    if not 200 <= answer.status < 300:
        return None
    found = _json(answer.body)
    if _is_object(found):
        found = found.get("data", found.get("models"))
    if not _is_list(found):
        return None
    return tuple(entry for entry in map(_entry, found[:_MODEL_LIMIT]) if entry is not None)


def _entry(value: JsonValue) -> JsonObject | None:
    if isinstance(value, str):
        return {"id": value}
    if not _is_object(value):
        return None
    identifier = value.get("id") or value.get("name")
    return {**value, "id": identifier} if isinstance(identifier, str) and identifier else None


def _json(body: bytes) -> JsonValue:
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def _is_object(value: JsonValue) -> TypeGuard[JsonObject]:
    return isinstance(value, dict)


def _is_list(value: JsonValue) -> TypeGuard[list[JsonValue]]:
    return isinstance(value, list)


def _is_about_a_model(body: bytes) -> bool:
    """Whether an error is the provider's own word on an unknown model, not a web server's 404."""
    found = _json(body)
    return _is_object(found) and "error" in found and b"model" in body.lower()
