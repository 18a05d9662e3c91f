"""Asks a provider whether a connection works: its model list first, else the shortest possible chat, or one
embedding where it has no chat."""

from typing import Final, NamedTuple, TypeAlias

import msgspec

from omniroute.accounts.connection import Connection
from omniroute.accounts.lease import Lease, lease
from omniroute.accounts.signing import Signing
from omniroute.accounts.verdict import TrialReply, Verdict, entries, of_models, of_trial, unanswered, undecided
from omniroute.catalog.provider import Operation, Provider
from omniroute.dialects.base import Outbound
from omniroute.dialects.simple.base import Question, Send
from omniroute.dialects.simple.registry import CODECS
from omniroute.ir.failure import Failure
from omniroute.ir.json import JsonObject
from omniroute.ir.parts import Text
from omniroute.ir.request import GenerateRequest, Sampling, Turn
from omniroute.ir.target import Target
from omniroute.upstream.transport import Deadlines, Transport, UpstreamError, UpstreamRequest

_READ: Final = Deadlines(connect_s=5.0, first_byte_s=5.0, idle_s=5.0, total_s=5.0)
_WRITE: Final = Deadlines(connect_s=7.0, first_byte_s=7.0, idle_s=7.0, total_s=7.0)
_BODY_LIMIT: Final = 8 * 1024 * 1024


class ModelList(msgspec.Struct, frozen=True, kw_only=True):
    """The objects of a provider's model list, each with an `id`."""

    models: tuple[JsonObject, ...]


_Outcome: TypeAlias = TrialReply | UpstreamError | Failure
"""A failure says that the request could not be signed."""


class Asker(NamedTuple):
    """What it takes to ask a provider something on behalf of one connection."""

    transport: Transport
    signing: Signing
    lease: Lease
    proxy: str | None


async def probe(
    transport: Transport,
    provider: Provider,
    connection: Connection,
    dialect: Outbound | None,
    *,
    signing: Signing,
    model: str | None,
    proxy: str | None = None,
) -> Verdict:
    """Whether the provider accepts the connection; nothing is stored.

    `dialect` is the codec of the provider's chat operation, None where it has no chat; `model` is the bare id to
    try where the model list does not settle it. Raises GatewayError (400) when the connection lacks what its
    provider demands.
    """
    granted = lease(provider, connection)
    asker = Asker(transport, signing, granted, _proxy(provider, proxy))
    listed = await _read(asker, provider.models_path or "/models")
    if not isinstance(listed, TrialReply):
        return unanswered(listed)
    settled = of_models(listed)
    if settled is not None:
        return settled
    model = model or connection.default_model
    if dialect is None:
        embeddings = provider.operations.get("embeddings")
        model = model or next(iter((*embeddings.models, *embeddings.dimensions)), None) if embeddings else None
        if embeddings is None or model is None:
            return undecided(listed, can_chat=False)
        asker = asker._replace(lease=lease(provider, connection, embeddings))
        answer = await _embed(asker, provider, embeddings, model)
        return of_trial(answer, "embedding") if isinstance(answer, TrialReply) else unanswered(answer)
    if model is None:
        return undecided(listed, can_chat=True)
    answer = await _chat(asker, provider, dialect, model)
    return of_trial(answer, "chat_completion") if isinstance(answer, TrialReply) else unanswered(answer)


async def models(
    transport: Transport,
    provider: Provider,
    connection: Connection,
    *,
    signing: Signing,
    proxy: str | None = None,
) -> ModelList | Verdict:
    """The provider's own model list, or why there is none. Raises GatewayError as `probe` does."""
    asker = Asker(transport, signing, lease(provider, connection), _proxy(provider, proxy))
    answer = await _read(asker, provider.models_path or "/models")
    if not isinstance(answer, TrialReply):
        return unanswered(answer)
    found = entries(answer)
    if found is not None:
        return ModelList(models=found)
    return of_models(answer) or undecided(answer, can_chat=False)


def _proxy(provider: Provider, proxy: str | None) -> str | None:
    return None if provider.local else proxy


async def _read(asker: Asker, path: str) -> _Outcome:
    request = UpstreamRequest(
        method="GET",
        url=asker.lease.url(path),
        headers=asker.lease.headers,
        deadlines=_READ,
        private=asker.lease.private,
        proxy=asker.proxy,
    )
    first = await _exchange(asker, request)
    if isinstance(first, UpstreamError) and first.kind != "blocked":
        return await _exchange(asker, request)  # reading twice harms nobody, and the first try may wake a sleeper
    return first


async def _chat(asker: Asker, provider: Provider, dialect: Outbound, model: str) -> _Outcome:
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
        asker,
        UpstreamRequest(
            method="POST",
            url=asker.lease.url(operation.address(model, stream=False) or dialect.path(target, stream=False)),
            headers=(*asker.lease.headers, ("content-type", "application/json")),
            body=body,
            deadlines=_WRITE,
            private=asker.lease.private,
            proxy=asker.proxy,
        ),
    )


async def _embed(asker: Asker, provider: Provider, operation: Operation, model: str) -> _Outcome:
    fields: JsonObject = {"model": model, "input": "test"}
    question = Question(
        target=Target(provider=provider.id, model=model, dialect=operation.codec),
        fields=fields,
        raw=msgspec.json.encode(fields),
        token="probe",
        created=0,
        shown_model=model,
        path=operation.address(model, stream=False),
    )
    step = next(CODECS[operation.codec].ask(question))
    assert isinstance(step, Send)
    return await _exchange(
        asker,
        UpstreamRequest(
            method="POST",
            url=asker.lease.url(step.path, step.query),
            headers=(*asker.lease.headers, ("content-type", step.content_type)),
            body=step.body,
            deadlines=_WRITE,
            private=asker.lease.private,
            proxy=asker.proxy,
        ),
    )


async def _exchange(asker: Asker, request: UpstreamRequest) -> _Outcome:
    try:
        if asker.lease.signer is not None:
            signed = await asker.signing.signed(asker.lease.signer, request)
            if isinstance(signed, Failure):
                return signed
            request = signed
        reply = await asker.transport.open(request)
        try:
            return TrialReply(reply.status, await reply.read(_BODY_LIMIT))
        finally:
            await reply.aclose()
    except UpstreamError as error:
        return error
