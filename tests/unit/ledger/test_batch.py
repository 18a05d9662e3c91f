"""What journal records become in the tables."""

from omniroute.ledger.batch import Batch, fold, milliseconds, orphan
from omniroute.ledger.budgets import Charge
from tests.support.records import attempted, opened, progress, settled

ATTEMPT = {
    "request_id": "r1",
    "number": 1,
    "at": 2000,
    "provider": "openai",
    "connection_id": "c1",
    "model": "gpt-x",
    "outcome": "ok",
    "status": 200,
    "duration_ms": 0,
    "message": "",
    "input_tokens": 0,
    "output_tokens": 0,
    "cache_read_tokens": 0,
    "cache_write_tokens": 0,
    "cost_micro_usd": None,
    "price_source": None,
}
SETTLED = {
    "id": "r1",
    "settled_at": 4000,
    "outcome": "ok",
    "status": 200,
    "provider": "openai",
    "connection_id": "c1",
    "model": "gpt-x",
    "input_tokens": 10,
    "output_tokens": 20,
    "cache_read_tokens": 0,
    "cache_write_tokens": 0,
    "reasoning_tokens": 0,
    "usage_source": "reported",
    "cost_micro_usd": None,
    "first_event_ms": 0,
    "duration_ms": 0,
    "attempts": 1,
    "losses": 0,
    "message": "",
    "price_source": None,
    "audio_input_tokens": 0,
    "audio_output_tokens": 0,
    "image_input_tokens": 0,
    "image_output_tokens": 0,
}
OPENED = {
    "id": "r1",
    "at": 1000,
    "key_id": "k1",
    "dialect": "openai_chat",
    "operation": "chat",
    "model_asked": "gpt",
    "stream": True,
    "session_id": None,
    "client_request_id": None,
    "combo": "",
}


def test_a_request_that_began_and_ended_in_a_batch_is_one_row():
    assert fold([opened(), attempted(), progress(), settled()]) == Batch(
        [OPENED | SETTLED], [], [], [ATTEMPT], [], {"k1": 1000}
    )


def test_an_open_request_names_no_provider_yet():
    (row,) = fold([opened()]).requests
    assert (row["outcome"], row["settled_at"], row["model_asked"], row["model"], row["provider"]) == (
        "open",
        None,
        "gpt",
        "",
        "",
    )


def test_a_request_that_opened_earlier_is_changed():
    assert fold([attempted(), settled()]) == Batch([], [], [SETTLED], [ATTEMPT], [], {})


def test_progress_is_an_estimate_until_the_request_settles():
    assert fold([progress(output_tokens=1), progress(output_tokens=2)]).progressed == [
        {
            "id": "r1",
            "input_tokens": 7,
            "output_tokens": 2,
            "cache_read_tokens": 0,
            "cache_write_tokens": 0,
            "usage_source": "estimated",
            "provider": "openai",
            "connection_id": "c1",
            "model": "gpt-x",
            "cost_micro_usd": 5,
            "price_source": "own",
        }
    ]
    (row,) = fold([opened(), progress(output_tokens=2)]).requests
    assert (row["output_tokens"], row["usage_source"], row["outcome"]) == (2, "estimated", "open")


def test_the_only_attempt_may_go_unreported():
    (row,) = fold([settled(status=201, duration_ms=5)]).attempts
    assert row == ATTEMPT | {"at": 4000, "status": 201, "duration_ms": 5}


def test_a_request_that_reached_nobody_has_no_attempt():
    assert fold([settled(outcome="not_found", attempts=0, connection_id="")]).attempts == []


def test_several_attempts_are_never_implied():
    assert fold([settled(attempts=2)]).attempts == []


def test_a_count_too_large_for_a_column_is_cut_to_the_largest():
    (row,) = fold([settled(input_tokens=2**64 - 1)]).settled
    assert row["input_tokens"] == 2**63 - 1


def test_a_request_whose_opening_was_lost_still_has_its_usage():
    row = orphan(SETTLED)
    assert row.keys() == (OPENED | SETTLED).keys()
    assert (row["at"], row["key_id"], row["input_tokens"]) == (4000, "", 10)


def test_times_are_kept_in_milliseconds():
    assert milliseconds(1_753_000_000.1234) == 1_753_000_000_123


def test_sound_and_pictures_read_from_a_cache_count_as_input():
    (row,) = fold([settled(media=(1, 20, 300, 4, 50, 600))]).settled
    assert (row["audio_input_tokens"], row["audio_output_tokens"]) == (21, 300)
    assert (row["image_input_tokens"], row["image_output_tokens"]) == (54, 600)


def test_a_failed_attempt_keeps_what_it_used_and_charges_it():
    failed = attempted(
        outcome="empty", input_tokens=9, cost_micro_usd=7, price_source="own", charges=(Charge("b1", 60, 7),)
    )
    found = fold([failed, attempted(number=2), settled(attempts=2, charges=(Charge("b1", 60, 5),))])
    assert [(row["input_tokens"], row["cost_micro_usd"]) for row in found.attempts] == [(9, 7), (0, None)]
    assert found.charges == [Charge("b1", 60, 12)]


def test_charges_of_a_batch_are_one_sum_for_each_window_of_a_budget():
    records = [
        progress(charges=(Charge("b1", 60, 5), Charge("b2", 60, 5, 5))),
        settled(charges=(Charge("b1", 60, -2), Charge("b1", 120, 7))),
    ]
    assert fold(records).charges == [Charge("b1", 60, 3), Charge("b2", 60, 5, 5), Charge("b1", 120, 7)]


def test_a_key_was_last_used_when_its_latest_request_of_the_batch_began():
    records = [opened("r1", at=5.0), opened("r2", at=3.0), opened("r3", at=4.0, key_id="k2")]
    assert fold(records).used == {"k1": 5000, "k2": 4000}
