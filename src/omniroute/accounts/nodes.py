"""Provider nodes, the endpoints that the operator describes: their rules, and the writes shared by API and CLI."""

import re
from collections.abc import Callable, Collection, Mapping
from typing import Final

import msgspec
from sqlalchemy import Connection

from omniroute.access.actor import Actor, record
from omniroute.accounts.saved_url import checked
from omniroute.catalog.lookup import Catalog
from omniroute.catalog.provider import Auth, Operation, OperationName, Provider
from omniroute.errors import GatewayError, InvalidRequest
from omniroute.ir.json import JsonObject
from omniroute.storage.repos import connections as connection_rows
from omniroute.storage.repos import nodes as repo
from omniroute.storage.repos.nodes import NodeRow
from omniroute.storage.writer import Writer

_OPENAI_SIMPLE: Final[Mapping[OperationName, str]] = {
    "embeddings": "embeddings",
    "images": "images",
    "transcription": "transcription",
    "speech": "speech",
    "completions": "completions",
    "moderations": "moderations",
    "rerank": "rerank",
}
"""What a server of OpenAI's making may have beside its chat. One that has not answers 404 on its own."""
_OPERATIONS: Final[Mapping[tuple[str, str | None], Mapping[OperationName, str]]] = {
    ("openai-compatible", "chat"): {"chat": "openai_chat", **_OPENAI_SIMPLE},
    ("openai-compatible", "responses"): {"chat": "openai_responses", **_OPENAI_SIMPLE},
    ("openai-compatible", "embeddings"): {"embeddings": "embeddings"},
    ("openai-compatible", "audio-transcriptions"): {"transcription": "transcription"},
    ("openai-compatible", "audio-speech"): {"speech": "speech"},
    ("openai-compatible", "images-generations"): {"images": "images"},
    ("anthropic-compatible", None): {"chat": "anthropic"},
    ("gemini-compatible", None): {"chat": "gemini", "embeddings": "gemini_embeddings"},
    ("ollama-compatible", None): {"chat": "ollama", "embeddings": "ollama_embeddings"},
}
"""The codecs of a node by type and apiType, the first one that of the operation which `chatPath` is about."""
_DEFAULT_URLS: Final = {
    "openai-compatible": "https://api.openai.com/v1",
    "anthropic-compatible": "https://api.anthropic.com/v1",
    "gemini-compatible": "https://generativelanguage.googleapis.com/v1beta",
}
_AUTHS: Final[Mapping[str, Auth]] = {
    "anthropic-compatible": Auth(kind="header", name="x-api-key", optional=True),
    "gemini-compatible": Auth(kind="header", name="x-goog-api-key", optional=True),
}
_ANTHROPIC_VERSION: Final = "2023-06-01"  # https://docs.anthropic.com/en/api/versioning
_ENDINGS: Final[Mapping[tuple[str, str | None], str]] = {
    ("openai-compatible", "chat"): "/chat/completions",
    ("openai-compatible", "responses"): "/responses",
    ("openai-compatible", "embeddings"): "/embeddings",
    ("openai-compatible", "audio-transcriptions"): "/audio/transcriptions",
    ("openai-compatible", "audio-speech"): "/audio/speech",
    ("openai-compatible", "images-generations"): "/images/generations",
    ("anthropic-compatible", None): "/messages",
    ("gemini-compatible", None): "/models",
}
_PREFIX: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_PATH: Final = re.compile(r"/[!-~]{0,499}")


class NodeDraft(msgspec.Struct, frozen=True, kw_only=True):
    """A node as the operator describes it. None for `base_url` means the vendor's own; empty paths mean none."""

    type: str
    name: str
    prefix: str
    api_type: str | None = None
    base_url: str | None = None
    chat_path: str | None = None
    models_path: str | None = None


class Nodes:
    """Writes nodes. Methods block until the change is live; raise GatewayError (400, 404, 409).

    `codecs` are the names of the codecs that are served: a node of another kind is refused, not stored.
    """

    def __init__(
        self, writer: Writer, catalog: Catalog, codecs: Collection[str], random: Callable[[int], bytes]
    ) -> None:
        self._writer = writer
        self._catalog = catalog
        self._codecs = frozenset(codecs)
        self._random = random

    def create(self, draft: NodeDraft, actor: Actor, *, now: int) -> NodeRow:
        """`now` is unix ms."""
        node_id = "-".join(filter(None, (draft.type, draft.api_type, self._random(8).hex())))
        row = self._row(draft, node_id, created_at=now, now=now)

        def change(connection: Connection) -> NodeRow:
            self._require_free(connection, row)
            repo.add(connection, row)
            record(connection, actor, at=now, action="node.create", target=row.id, detail=_public(row))
            return row

        return self._writer.write(change)

    def update(self, node_id: str, draft: NodeDraft, actor: Actor, *, now: int) -> NodeRow:
        """Replaces what is described; the id and, with it, the connections stay. `draft.type` must not change."""

        def change(connection: Connection) -> NodeRow:
            before = _known(connection, node_id)
            if draft.type != before.type:
                raise InvalidRequest(
                    f"The node {before.name!r} is of type {before.type!r}; create another one for {draft.type!r}.",
                    code="node_type_fixed",
                )
            row = self._row(draft, node_id, created_at=before.created_at, now=now)
            self._require_free(connection, row)
            repo.replace(connection, row)
            record(connection, actor, at=now, action="node.update", target=row.id, detail=_public(row))
            return row

        return self._writer.write(change)

    def delete(self, node_id: str, actor: Actor, *, now: int) -> int:
        """Deletes the node and its connections; returns how many those were."""

        def change(connection: Connection) -> int:
            row = _known(connection, node_id)
            repo.remove(connection, node_id)
            gone = connection_rows.remove_of_provider(connection, node_id)
            record(
                connection,
                actor,
                at=now,
                action="node.delete",
                target=node_id,
                detail={"name": row.name, "connections": gone},
            )
            return gone

        return self._writer.write(change)

    def described(self, draft: NodeDraft) -> Provider:
        """The provider that a draft would be, for trying it out before it is stored."""
        return provider_of(self._row(draft, "draft", created_at=0, now=0))

    def _row(self, draft: NodeDraft, node_id: str, *, created_at: int, now: int) -> NodeRow:
        api_type = (draft.api_type or "chat") if draft.type == "openai-compatible" else None
        served = _OPERATIONS.get((draft.type, api_type))
        if served is None:
            raise InvalidRequest(
                f"There is no node type {draft.type!r} with apiType {api_type!r}.", code="bad_node_type"
            )
        if next(iter(served.values())) not in self._codecs:
            kind = draft.type if api_type is None else f"{draft.type} with apiType {api_type}"
            raise InvalidRequest(f"Nodes of type {kind} are not served yet.", code="node_type_not_served")
        name = draft.name.strip()
        if not 0 < len(name) <= 200:
            raise InvalidRequest("The name of a node has 1 to 200 characters.", code="bad_name")
        return NodeRow(
            id=node_id,
            type=draft.type,
            name=name,
            prefix=_prefix(draft.prefix),
            api_type=api_type,
            base_url=_base_url(draft, api_type),
            chat_path=_chat_path(draft),
            models_path=_path("modelsPath", draft.models_path),
            created_at=created_at,
            updated_at=now,
        )

    def _require_free(self, connection: Connection, row: NodeRow) -> None:
        taken = repo.with_prefix(connection, row.prefix)
        if taken is not None and taken.id != row.id:
            raise _taken(row.prefix, f"the node {taken.name!r} has it")
        if self._catalog.resolve(row.prefix) is not None:
            raise _taken(row.prefix, "it is the name of a provider")
        if repo.get(connection, row.prefix) is not None:
            raise _taken(row.prefix, "it is the id of a node")


def provider_of(node: NodeRow) -> Provider:
    """A node as a provider: what requests and probes see of it."""
    codecs = _OPERATIONS[(node.type, node.api_type)]
    main = next(iter(codecs))
    return Provider(
        id=node.id,
        alias=node.prefix,
        name=node.name,
        base_url=node.base_url,
        auth=_AUTHS.get(node.type) or Auth(optional=True),
        operations={
            name: Operation(codec=codec, path=node.chat_path if name == main else None)
            for name, codec in codecs.items()
        },
        models_path=node.models_path or ("/api/tags" if node.type == "ollama-compatible" else "/models"),
        headers={"anthropic-version": _ANTHROPIC_VERSION} if codecs[main] == "anthropic" else {},
        local=True,
        node=True,
    )


def _known(connection: Connection, node_id: str) -> NodeRow:
    row = repo.get(connection, node_id)
    if row is None:
        raise GatewayError(404, f"There is no provider node with the id {node_id[:80]!r}.", code="node_not_found")
    return row


def _prefix(given: str) -> str:
    prefix = given.strip()
    if _PREFIX.fullmatch(prefix) is None:
        raise InvalidRequest(
            "A prefix has 1 to 64 letters, digits, dots, dashes and underscores, the first one a letter or digit.",
            code="bad_prefix",
        )
    return prefix


def _base_url(draft: NodeDraft, api_type: str | None) -> str:
    given = draft.base_url or _DEFAULT_URLS.get(draft.type)
    if given is None:
        raise InvalidRequest(f"A node of type {draft.type!r} needs a baseUrl.", code="bad_url")
    # People paste the address of the endpoint itself; the base is what stands before it.
    bare = given.strip().rstrip("/").removesuffix(_ENDINGS.get((draft.type, api_type), "/"))
    return checked(bare, private=True)


def _chat_path(draft: NodeDraft) -> str | None:
    if draft.chat_path and draft.type == "gemini-compatible":
        raise InvalidRequest(
            "A gemini-compatible node has no chatPath: the model is part of every path.", code="bad_path"
        )
    return _path("chatPath", draft.chat_path)


def _path(name: str, given: str | None) -> str | None:
    if not given:
        return None
    if _PATH.fullmatch(given) is None or "#" in given or "?" in given:
        raise InvalidRequest(f"{name} begins with a slash and has at most 500 plain characters.", code="bad_path")
    return given


def _taken(prefix: str, why: str) -> GatewayError:
    return GatewayError(409, f"The prefix {prefix!r} is taken: {why}.", code="prefix_taken")


def _public(row: NodeRow) -> JsonObject:
    return {"name": row.name, "type": row.type, "prefix": row.prefix, "base_url": row.base_url}
