"""Rows, catalog and environment become one snapshot."""

from msgspec.structs import replace

from omniroute.access.grant import Grant
from omniroute.accounts.connection import Connection, Secret
from omniroute.catalog.provider import Auth, Operation, Provider
from omniroute.snapshot.build import Rows, compose
from omniroute.storage.repos.connections import ConnectionRow, provider_secrets_place, secret_place
from omniroute.storage.repos.keys import KeyRow
from omniroute.storage.repos.nodes import NodeRow
from omniroute.storage.sealing import Sealer

SEALER = Sealer(bytes(32))
OPENAI = Provider(
    id="openai",
    alias="oa",
    name="OpenAI",
    base_url="https://api.openai.com/v1",
    operations={"chat": Operation(codec="openai_chat")},
)
CATALOG = {"openai": OPENAI, "oa": OPENAI}


def row(connection_id, **fields):
    return ConnectionRow(
        **{"id": connection_id, "provider": "openai", "name": connection_id, "created_at": 1, "updated_at": 1}
        | fields
    )


def node(**fields):
    return NodeRow(
        **{
            "id": "openai-compatible-chat-1",
            "type": "openai-compatible",
            "api_type": "chat",
            "name": "My vLLM",
            "prefix": "vl",
            "base_url": "http://localhost:8000/v1",
            "created_at": 1,
            "updated_at": 1,
        }
        | fields
    )


def snapshot(extra=(), catalog=CATALOG, sealer=SEALER, **rows):
    return compose(Rows(**{"revision": 1} | rows), catalog=catalog, extra=extra, sealer=sealer)


def test_an_empty_configuration_has_the_catalog_and_nothing_else():
    empty = snapshot()
    assert (empty.revision, empty.grants, empty.connections, empty.by_id) == (1, {}, {}, {})
    assert empty.providers == CATALOG
    assert not empty.password_set


def test_a_secret_is_opened_for_use_and_never_shown():
    sealed = row(
        "c1",
        secret_sealed=SEALER.seal("sk-canary", aad=secret_place("c1")),
        provider_secrets_sealed=SEALER.seal('{"console":"canary"}', aad=provider_secrets_place("c1")),
        provider_data={"region": "eu", "excludedModels": ["gpt-3*"]},
        updated_at=7,
    )
    connection = snapshot(connections=(sealed,)).by_id["c1"]
    assert connection.secret == Secret("sk-canary")
    assert (connection.excluded_models, connection.version, connection.origin) == (("gpt-3*",), 7, "stored")
    assert connection.parameters["region"] == "eu"
    assert connection.parameters["console"] == "canary"
    assert "sk-canary" not in repr(connection)


def test_a_secret_that_does_not_open_makes_the_connection_inactive_and_is_told():
    sealed = row("c1", secret_sealed=SEALER.seal("sk", aad=secret_place("c1")))
    misplaced = row("c2", provider_secrets_sealed=SEALER.seal("{}", aad=secret_place("c2")))
    found = snapshot(connections=(sealed, misplaced, row("c3")), sealer=Sealer(bytes([1] * 32)))
    assert found.unreadable == ("c1", "c2")
    assert [(one.id, one.active, one.secret) for one in found.connections["openai"]] == [
        ("c1", False, None),
        ("c2", False, None),
        ("c3", True, None),
    ]


def test_stored_connections_come_first_then_priority_then_name():
    extra = [
        Connection(id="env:openai", provider="openai", name="OPENAI_API_KEY", priority=0, origin="env"),
        Connection(id="local", provider="openai", name="a", priority=0, origin="local"),
    ]
    stored = (row("z", priority=1), row("b", priority=2), row("a", priority=2))
    found = snapshot(extra, connections=stored)
    assert [one.id for one in found.connections["openai"]] == ["z", "a", "b", "env:openai", "local"]
    assert set(found.by_id) == {"z", "a", "b", "env:openai", "local"}


def test_a_node_is_a_provider_under_its_id_and_its_prefix():
    found = snapshot(nodes=(node(chat_path="/chat"),), connections=(row("c1", provider=node().id),))
    provider = found.providers["vl"]
    assert provider is found.providers["openai-compatible-chat-1"]
    assert (provider.base_url, provider.node, provider.local) == ("http://localhost:8000/v1", True, True)
    assert provider.operations["chat"] == Operation(codec="openai_chat", path="/chat")
    assert provider.auth == Auth(optional=True)
    assert [one.id for one in found.connections[provider.id]] == ["c1"]


def test_a_node_that_speaks_anthropic_takes_its_key_and_its_headers():
    found = snapshot(nodes=(node(type="anthropic-compatible", api_type=None),))
    provider = found.providers["vl"]
    assert provider.operations["chat"].codec == "anthropic"
    assert (provider.auth.kind, provider.auth.name) == ("header", "x-api-key")
    assert "anthropic-version" in provider.headers


def test_a_node_never_takes_the_place_of_a_provider_that_the_catalog_knows():
    found = snapshot(nodes=(node(prefix="openai"),), connections=(row("c1"),))
    assert found.providers["openai"] is OPENAI
    assert found.providers[found.by_id["c1"].provider] is OPENAI


def test_a_connection_of_a_provider_that_is_not_served_is_left_out():
    found = snapshot(connections=(row("c1", provider="gone"), row("c2")))
    assert set(found.by_id) == {"c2"}
    assert set(found.connections) == {"openai"}


def test_keys_become_grants_by_digest():
    key = KeyRow(
        id="k1",
        name="laptop",
        digest=b"d" * 32,
        prefix="sk-omni-abcd",
        scopes=("manage",),
        allowed_models=("gpt-*",),
        allowed_connections=("c1",),
        no_log=True,
        strict=True,
        expires_at=1_500,
        created_at=1,
        updated_at=1,
    )
    revoked = replace(key, id="k2", digest=b"e" * 32, revoked_at=5, is_banned=True, expires_at=None)
    found = snapshot(keys=(key, revoked), password_set=True, settings={"a": 1})
    assert found.grants[b"d" * 32] == Grant(
        key_id="k1",
        name="laptop",
        scopes=("manage",),
        models=("gpt-*",),
        connections=("c1",),
        strict=True,
        expires_at=1.5,
        log_bodies=False,
    )
    assert (found.grants[b"e" * 32].active, found.grants[b"e" * 32].banned) == (False, True)
    assert (found.password_set, found.settings) == (True, {"a": 1})
