"""Every question that is asked of the tables, on both engines."""

import pytest
from msgspec.structs import replace
from sqlalchemy.exc import IntegrityError

from omniroute.ledger.batch import fold
from omniroute.ledger.records import Attempted, Opened, Settled
from omniroute.storage.repos import audit, connections, keys, meta, nodes, sessions, settings, usage
from omniroute.storage.repos.audit import AuditRow
from omniroute.storage.repos.connections import ConnectionRow
from omniroute.storage.repos.keys import KeyRow
from omniroute.storage.repos.meta import Password
from omniroute.storage.repos.nodes import NodeRow
from omniroute.storage.repos.sessions import FailureRow, SessionRow
from omniroute.storage.repos.usage import Cursor, ModelTotals, Totals


def account(connection_id, **fields):
    return ConnectionRow(
        **{"id": connection_id, "provider": "openai", "name": connection_id, "created_at": 1, "updated_at": 1}
        | fields
    )


def node(node_id, **fields):
    return NodeRow(
        **{
            "id": node_id,
            "type": "openai-compatible",
            "api_type": "chat",
            "name": node_id,
            "prefix": node_id,
            "base_url": "http://localhost/v1",
            "created_at": 1,
            "updated_at": 1,
        }
        | fields
    )


def key(key_id, **fields):
    return KeyRow(
        **{
            "id": key_id,
            "name": key_id,
            "digest": key_id.encode() * 2,
            "prefix": "sk-omni-abcd",
            "created_at": 1,
            "updated_at": 1,
        }
        | fields
    )


def test_settings_keep_any_json_and_put_changes_only_what_it_names(db):
    settings.put(db, {"a": {"deep": [1, None, "x"]}, "b": None, "c": False})
    settings.put(db, {"c": 3})
    settings.put(db, {})
    assert settings.every(db) == {"a": {"deep": [1, None, "x"]}, "b": None, "c": 3}
    assert (settings.get(db, "a"), settings.get(db, "absent")) == ({"deep": [1, None, "x"]}, None)
    assert (settings.remove(db, "a"), settings.remove(db, "a")) == (True, False)


def test_a_password_has_a_version_that_never_comes_back(db):
    assert meta.password(db) is None
    assert meta.put_password(db, "first hash") == 1
    assert meta.put_password(db, "second hash") == 2
    assert meta.password(db) == Password("second hash", 2)
    assert "second hash" not in repr(meta.password(db))


def test_a_full_connection_comes_back_as_it_was(db):
    row = account(
        "c1",
        auth_type="none",
        secret_sealed="v1:x",
        base_url="http://x",
        priority=7,
        is_active=False,
        default_model="m",
        max_concurrent=3,
        group_name="g",
        test_status="error",
        last_error="e",
        last_error_type="t",
        error_code="401",
        last_tested_at=5,
        provider_data={"excludedModels": ["a*"], "region": "eu"},
        provider_secrets_sealed="v1:y",
    )
    connections.add(db, row)
    assert connections.get(db, "c1") == connections.named(db, "openai", "c1") == row
    assert connections.every(db) == connections.of_provider(db, "openai") == (row,)
    changed = replace(row, name="new", secret_sealed=None, provider_data={}, updated_at=9)
    assert connections.replace(db, changed)
    assert connections.get(db, "c1") == changed
    assert not connections.replace(db, replace(row, id="absent"))


def test_a_name_is_unique_at_its_provider_only(db):
    connections.add(db, account("c1", name="work"))
    connections.add(db, account("c2", name="work", provider="anthropic"))
    with pytest.raises(IntegrityError):
        connections.add(db, account("c3", name="work"))


def test_renumbering_gives_1_to_n_with_the_last_changed_first_among_equals(db):
    for row in (
        account("old", priority=1, updated_at=1),
        account("new", priority=1, updated_at=2),
        account("far", priority=40),
        account("other", provider="anthropic", priority=9),
    ):
        connections.add(db, row)
    connections.renumber(db, "openai")
    assert [(row.id, row.priority) for row in connections.of_provider(db, "openai")] == [
        ("new", 1),
        ("old", 2),
        ("far", 3),
    ]
    assert connections.get(db, "other").priority == 9
    assert connections.get(db, "far").updated_at == 1


def test_connections_are_removed_one_by_one_by_list_and_by_provider(db):
    for name in "abcdef":
        connections.add(db, account(name, provider="p" if name in "ef" else "openai"))
    assert (connections.remove(db, "a"), connections.remove(db, "a")) == (True, False)
    assert connections.remove_all(db, ["b", "c", "absent"]) == 2
    assert connections.remove_all(db, []) == 0
    assert connections.remove_of_provider(db, "p") == 2
    assert [row.id for row in connections.every(db)] == ["d"]


def test_a_test_result_is_remembered_and_cleared_without_counting_as_an_edit(db):
    connections.add(db, account("c1"))
    assert connections.record_test(
        db, "c1", test_status="error", at=5, error="no", error_type="upstream_auth_error", error_code="401"
    )
    assert connections.get(db, "c1") == account(
        "c1",
        test_status="error",
        last_tested_at=5,
        last_error="no",
        last_error_type="upstream_auth_error",
        error_code="401",
    )
    connections.record_test(db, "c1", test_status="active", at=6)
    assert connections.get(db, "c1") == account("c1", test_status="active", last_tested_at=6)
    assert not connections.record_test(db, "absent", test_status="active", at=6)


def test_nodes_are_found_by_id_and_prefix_and_a_prefix_is_unique(db):
    row = node("n1", prefix="vl", chat_path="/c", models_path="/m")
    nodes.add(db, row)
    assert nodes.get(db, "n1") == nodes.with_prefix(db, "vl") == row
    assert nodes.every(db) == (row,)
    assert nodes.replace(db, replace(row, prefix="vm"))
    assert (nodes.with_prefix(db, "vl"), nodes.with_prefix(db, "vm").id) == (None, "n1")
    with pytest.raises(IntegrityError):
        nodes.add(db, node("n2", prefix="vm"))


def test_a_removed_node_is_gone(db):
    nodes.add(db, node("n1"))
    assert (nodes.remove(db, "n1"), nodes.remove(db, "n1"), nodes.every(db)) == (True, False, ())


def test_a_full_key_comes_back_as_it_was(db):
    row = key(
        "k1",
        scopes=("manage",),
        allowed_models=("gpt-*",),
        allowed_connections=("c1",),
        is_active=False,
        is_banned=True,
        no_log=True,
        max_sessions=2,
        access_schedule={"enabled": True, "days": [1]},
        rate_limits=({"limit": 1, "window": "1m"},),
        expires_at=10,
        last_used_at=11,
        revoked_at=12,
    )
    keys.add(db, row)
    assert keys.get(db, "k1") == row
    changed = replace(row, digest=b"new", rate_limits=None, access_schedule=None)
    assert keys.replace(db, changed)
    assert keys.get(db, "k1") == changed
    assert (keys.remove(db, "k1"), keys.remove(db, "k1"), keys.total(db)) == (True, False, 0)


def test_keys_are_listed_by_age_and_paged(db):
    for number in range(5):
        keys.add(db, key(f"k{number}", created_at=10 - number))
    names = [row.id for row in keys.every(db)]
    assert names == ["k4", "k3", "k2", "k1", "k0"]
    assert [row.id for row in keys.page(db, limit=2, offset=1)] == names[1:3]
    assert keys.total(db) == 5


def test_the_use_of_a_key_is_written_at_most_every_five_minutes(db):
    keys.add(db, key("k1"))
    uses = [keys.mark_used(db, "k1", at=at) for at in (1_000, 300_999, 301_000)]
    assert uses == [True, False, True]
    assert keys.get(db, "k1").last_used_at == 301_000


def test_sessions_are_renewed_expired_and_removed(db):
    rows = [
        SessionRow(digest=bytes([n]), created_at=1, last_seen_at=n, expires_at=100 + n, password_version=1)
        for n in range(4)
    ]
    for row in rows:
        sessions.add(db, row)
    assert sessions.get(db, b"\x02") == rows[2]
    assert sessions.every(db) == tuple(reversed(rows))
    assert sessions.renew(db, b"\x00", last_seen_at=50, expires_at=500)
    assert sessions.get(db, b"\x00") == replace(rows[0], last_seen_at=50, expires_at=500)
    assert not sessions.renew(db, b"absent", last_seen_at=1, expires_at=1)
    assert sessions.remove_expired(db, at=102) == 2
    assert (sessions.remove(db, b"\x03"), sessions.remove(db, b"\x03")) == (True, False)
    assert sessions.remove_all(db) == 1


def test_failed_logins_are_counted_per_peer_and_forgotten(db):
    sessions.put_failures(db, FailureRow(peer="a", count=1, updated_at=5))
    sessions.put_failures(db, FailureRow(peer="a", count=2, locked_until=9, updated_at=6))
    sessions.put_failures(db, FailureRow(peer="b", count=1, updated_at=7))
    assert sessions.failures_of(db, "a") == FailureRow(peer="a", count=2, locked_until=9, updated_at=6)
    assert sessions.failing_peers(db) == 2
    assert sessions.forget_failures(db, before=7) == 1
    sessions.clear_failures(db, "b")
    assert (sessions.failing_peers(db), sessions.failures_of(db, "b")) == (0, None)


def test_the_audit_log_is_read_newest_first_in_pages(db):
    for number in range(5):
        audit.add(db, at=number, actor="admin", action="test", target=str(number), detail={"n": number})
    first = audit.latest(db, limit=2)
    assert [row.id for row in first] == [5, 4]
    assert audit.latest(db, limit=10, before=4)[0] == AuditRow(
        id=3, at=2, actor="admin", action="test", target="2", detail={"n": 2}
    )
    assert len(audit.latest(db, limit=10, before=4)) == 3


def requests(db, count):
    """Requests r00, r01, ... opened at 0, 0, 1, 1, 2, ... seconds; even ones settle, at twice the time."""
    records = []
    for n in range(count):
        request_id = f"r{n:02}"
        records.append(
            Opened(
                request_id=request_id,
                at=n // 2,
                key_id="k",
                dialect="d",
                operation="chat",
                model="m",
                stream=False,
            )
        )
        if n % 2 == 0:
            records.append(
                Settled(
                    request_id=request_id,
                    at=n,
                    outcome="ok" if n % 4 == 0 else "timeout",
                    status=200,
                    provider="openai",
                    connection_id="c1",
                    model="gpt" if n % 4 == 0 else "mini",
                    input_tokens=10,
                    output_tokens=1,
                    cache_read_tokens=2,
                    cache_write_tokens=3,
                    reasoning_tokens=4,
                    cost_micro_usd=5 if n % 4 == 0 else None,
                    attempts=2,
                )
            )
    usage.put_requests(db, fold(records).requests)


def test_requests_are_paged_newest_first_without_gaps_or_repeats(db):
    requests(db, 11)
    seen, cursor = [], None
    while page := usage.latest(db, limit=3, before=cursor):
        seen += [row.id for row in page]
        cursor = Cursor(page[-1].at, page[-1].id)
    assert seen == [f"r{n:02}" for n in reversed(range(11))]


def test_settled_requests_are_followed_in_the_order_in_which_they_ended(db):
    requests(db, 9)
    seen, cursor = [], Cursor(0, "")
    while page := usage.settled_after(db, cursor, limit=2):
        seen += [row.id for row in page]
        cursor = Cursor(page[-1].settled_at, page[-1].id)
    assert seen == ["r00", "r02", "r04", "r06", "r08"]


def test_totals_count_open_and_failed_requests_and_unknown_costs_as_nothing(db):
    requests(db, 8)
    assert usage.totals(db) == Totals(
        requests=8,
        open=4,
        failed=2,
        input_tokens=40,
        output_tokens=4,
        cache_read_tokens=8,
        cache_write_tokens=12,
        reasoning_tokens=16,
        cost_micro_usd=10,
    )
    assert usage.totals(db, since=1_000, until=3_000).requests == 4
    assert usage.totals(db, since=99_000) == Totals()


def test_totals_by_model_add_up_to_the_totals(db):
    requests(db, 8)
    by_model = usage.totals_by_model(db)
    assert [(one.provider, one.model, one.totals.requests) for one in by_model] == [
        ("", "", 4),
        ("openai", "gpt", 2),
        ("openai", "mini", 2),
    ]
    assert by_model[2] == ModelTotals(
        provider="openai",
        model="mini",
        totals=Totals(
            requests=2,
            failed=2,
            input_tokens=20,
            output_tokens=2,
            cache_read_tokens=4,
            cache_write_tokens=6,
            reasoning_tokens=8,
        ),
    )
    assert sum(one.totals.requests for one in by_model) == usage.totals(db).requests


def test_open_requests_are_interrupted_and_settled_ones_left_alone(db):
    requests(db, 4)
    before = usage.get(db, "r02")
    assert usage.interrupt_open(db, at=77) == 2
    assert usage.interrupt_open(db, at=78) == 0
    row = usage.get(db, "r01")
    assert (row.outcome, row.settled_at) == ("interrupted", 77)
    assert usage.get(db, "r02") == before


def test_attempts_are_listed_in_order(db):
    records = [
        Attempted(request_id="r", number=n, at=n, provider="p", connection_id="c", model="m", outcome="ok")
        for n in (2, 1, 3)
    ]
    usage.put_attempts(db, fold(records).attempts)
    assert [row.number for row in usage.attempts_of(db, "r")] == [1, 2, 3]
    assert usage.attempts_of(db, "absent") == ()
