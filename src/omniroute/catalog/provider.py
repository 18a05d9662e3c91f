"""What is known about a provider: one row of data, whether it comes from a TOML file or from a node."""

import re
from typing import Final, Literal, TypeAlias
from urllib.parse import quote

import msgspec

from omniroute.ir.timeouts import Timeouts

Verified: TypeAlias = Literal["live", "document", "two sources", "single source", "none"]

OperationName: TypeAlias = Literal[
    "chat",
    "responses",
    "embeddings",
    "images",
    "transcription",
    "speech",
    "rerank",
    "completions",
    "moderations",
]

PARAMETER: Final = re.compile(r"\{([a-z_]+)\}")
"""A parameter's place in an address."""


class Auth(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """How a credential is presented: `bearer`, a named `header` (with an optional prefix such as `Token `),
    a named `query` parameter, or `none`. `optional` means that requests without a credential are accepted.

    `aws` signs every request with the access key (version 4, for the service `name`); an API key goes as a bearer.
    `google` exchanges the key file at `token_url` for a bearer token; a credential that is no file goes as one.
    """

    kind: Literal["bearer", "header", "query", "none", "aws", "google"] = "bearer"
    name: str | None = None
    prefix: str = ""
    optional: bool = False
    token_url: str | None = None


class Operation(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """An operation that the provider serves. `codec` names a dialect or a codec of `dialects.simple`; `path`
    overrides the codec's own path, `base_url` the provider's base URL where one operation lives elsewhere.

    A path may hold `{model}`. `stream_path` stands in for `path` when a stream is asked for, `count_path` when
    tokens are to be counted; without it nobody counts where `path` is given. `bare` withholds
    what clients of the codec's dialect append to its URL, for endpoints that refuse unknown parameters.
    `models` are ids known to be served beside those of models.dev, `sizes` those of pictures. `dimensions` are
    the lengths of the vectors of models for embeddings, which are then known to be served, too.
    """

    codec: str
    path: str | None = None
    base_url: str | None = None
    stream_path: str | None = None
    count_path: str | None = None
    bare: bool = False
    models: tuple[str, ...] = ()
    sizes: tuple[str, ...] = ()
    dimensions: dict[str, int] = {}

    def address(self, model: str, *, stream: bool) -> str | None:
        """The path that asks `model`; None where the codec's own path holds."""
        path = self.stream_path if stream and self.stream_path is not None else self.path
        if path is None or "{model}" not in path:
            return path
        return path.replace("{model}", quote(model, safe="-._~:@"))


class Provider(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """A company's endpoint, a local server, or a node that the operator created.

    `base_url` has no trailing slash and may hold `{parameters}` that a connection supplies; `parameters` are
    those that it need not. `base_url_when` names the address for a certain value of a parameter. `headers` are
    sent with every request, `query` (which may hold parameters too) with every URL. `local` allows loopback and
    private addresses. `timeouts` go before the settings. `env` lists the variables that hold its key. `default`
    says whether the row is served without `catalog.unverified`.
    """

    id: str
    alias: str
    name: str
    base_url: str
    auth: Auth = Auth()
    operations: dict[str, Operation]
    models_path: str | None = None
    headers: dict[str, str] = {}
    query: dict[str, str] = {}
    parameters: dict[str, str] = {}
    base_url_when: dict[str, dict[str, str]] = {}
    quirks: tuple[str, ...] = ()
    verified: Verified = "none"
    default: bool = True
    local: bool = False
    timeouts: Timeouts | None = None
    node: bool = False
    env: tuple[str, ...] = ()
    docs_url: str | None = None
    tags: tuple[str, ...] = ()
    models_dev: str | None = None
    note: str | None = None

    @property
    def asks_for(self) -> frozenset[str]:
        """The names of the parameters that a connection of this provider may or must have."""
        addresses = (self.base_url, *(url for values in self.base_url_when.values() for url in values.values()))
        named = PARAMETER.findall(" ".join((*addresses, *self.query.values())))
        return frozenset(named) | self.parameters.keys() | self.base_url_when.keys()
