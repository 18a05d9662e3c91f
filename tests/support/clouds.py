"""A gateway whose way to the providers' own addresses ends at the scripted upstream: by a proxy, and over TLS.

Rows of the catalog may not point at this machine, so here nothing is overridden: the gateway asks for the real
host, checks its certificate, and signs for it.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tests.support.gateway import Gateway
from tests.support.throwaway_ca import ThrowawayCa
from tests.support.upstream.server import ScriptedUpstream

HOSTS = (
    "bedrock-runtime.us-east-1.amazonaws.com",
    "api.cohere.com",
    "oauth2.googleapis.com",
    "aiplatform.googleapis.com",
    "europe-west4-aiplatform.googleapis.com",
    "corp.openai.azure.com",
    "corp.services.ai.azure.com",
)


@contextmanager
def clouds(home: Path, env: Mapping[str, str] = {}) -> Iterator[tuple[ScriptedUpstream, Gateway]]:
    """Local nodes are reached as always: they have no proxy."""
    home.mkdir(parents=True, exist_ok=True)
    authority = ThrowawayCa(home)
    with ScriptedUpstream(tls=authority.server(*HOSTS)) as upstream:
        trusting = {"SSL_CERT_FILE": str(authority.file()), "OMNIROUTE_PROXY": upstream.proxy_url}
        with Gateway(home, env={**trusting, **env}) as gateway:
            yield upstream, gateway


def connected(gateway: Gateway, provider: str, secret: str, *, priority: int = 1, **parameters: str) -> str:
    """A connection at a provider of the catalog; gives its id."""
    body = {
        "provider": provider,
        "name": f"{provider} {priority}",
        "apiKey": secret,
        "priority": priority,
        "providerSpecificData": parameters,
    }
    return gateway.admin("POST", "/api/providers", body)["connection"]["id"]
