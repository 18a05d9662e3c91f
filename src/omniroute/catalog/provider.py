"""What is known about a provider: one row of data, whether it comes from a TOML file or from a node."""

from typing import Literal, TypeAlias

import msgspec

Verified: TypeAlias = Literal["live", "document", "two sources", "single source", "none"]

OperationName: TypeAlias = Literal[
    "chat", "responses", "embeddings", "images", "transcription", "speech", "rerank"
]


class Auth(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """How a credential is presented: `bearer`, a named `header` (with an optional prefix such as `Token `),
    a named `query` parameter, or `none`. `optional` means that requests without a credential are accepted."""

    kind: Literal["bearer", "header", "query", "none"] = "bearer"
    name: str | None = None
    prefix: str = ""
    optional: bool = False


class Operation(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """An operation that the provider serves. `codec` names a dialect (or a simple codec later); `path`
    overrides the codec's own path under the base URL."""

    codec: str
    path: str | None = None


class Provider(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """A company's endpoint, a local server, or a node that the operator created.

    `base_url` has no trailing slash and may hold `{parameters}` that a connection supplies. `headers` are sent
    with every request. `local` allows loopback and private addresses. `env` lists the variables that hold its
    key. `default` says whether the row is served without `catalog.unverified`.
    """

    id: str
    alias: str
    name: str
    base_url: str
    auth: Auth = Auth()
    operations: dict[str, Operation]
    models_path: str | None = None
    headers: dict[str, str] = {}
    quirks: tuple[str, ...] = ()
    verified: Verified = "none"
    default: bool = True
    local: bool = False
    node: bool = False
    env: tuple[str, ...] = ()
    docs_url: str | None = None
    tags: tuple[str, ...] = ()
    models_dev: str | None = None
    note: str | None = None
