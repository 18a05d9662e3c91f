"""Provider keys found in the environment, armed without being stored. Pure: the environment is passed in."""

from collections.abc import Mapping
from typing import Final

from omniroute.accounts.connection import Connection, Secret
from omniroute.catalog.lookup import Catalog

ID_PREFIX: Final = "env:"

AFTER_STORED: Final = 1000
"""The priority of connections from the environment; stored ones are numbered 1 to 100."""


def env_connections(environ: Mapping[str, str], catalog: Catalog) -> tuple[Connection, ...]:
    """One connection `env:<provider>` for each provider whose key is set, in the catalog's order.

    Only variables named `*_API_KEY` count: tokens that serve other tools (GITHUB_TOKEN, HF_TOKEN, AWS_*) are left
    alone, and `*_BASE_URL` is never read. A value that cannot go into a header is passed over.
    """
    return tuple(
        Connection(
            id=f"{ID_PREFIX}{provider.id}",
            provider=provider.id,
            name=variable,
            secret=Secret(environ[variable].strip()),
            priority=AFTER_STORED,
            origin="env",
        )
        for provider, variable in catalog.armed(
            {
                name: value
                for name, value in environ.items()
                if name.endswith("_API_KEY") and _usable(value.strip())
            }
        )
        if provider.auth.kind != "none"
    )


def _usable(key: str) -> bool:
    return bool(key) and key.isascii() and key.isprintable() and " " not in key
