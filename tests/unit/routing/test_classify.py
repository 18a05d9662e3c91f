"""Every failure has one class, and the class says what may help and who is left alone."""

import math
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omniroute.ir.failure import Failure, FailureKind
from omniroute.routing.classify import OWN_DEADLINE, RECHECK_S, classify

NEVER = math.inf
TABLE = {
    # kind, status, code, message: class, remedy, reach, fixed_s
    ("invalid_request", 400, None, "max_tokens must be positive"): ("invalid_request", "nowhere", "nothing", None),
    ("invalid_request", 422, None, "messages: field required"): ("invalid_request", "nowhere", "nothing", None),
    ("invalid_request", 400, "context_length_exceeded", "too long"): (
        "context_overflow",
        "another model",
        "nothing",
        None,
    ),
    ("invalid_request", 400, None, "prompt is too long: 210000 tokens > 200000 maximum"): (
        "context_overflow",
        "another model",
        "nothing",
        None,
    ),
    ("invalid_request", 413, None, "too large"): ("context_overflow", "another model", "nothing", None),
    ("invalid_request", 415, None, "no"): ("unsupported", "another model", "nothing", None),
    ("invalid_request", 400, None, "This model does not support images"): (
        "unsupported",
        "another model",
        "nothing",
        None,
    ),
    ("invalid_request", 400, "content_filter", "no"): ("content_filter", "nowhere", "nothing", None),
    ("invalid_request", 410, None, "gone"): ("deprecated", "another model", "model", 86400.0),
    ("invalid_request", 498, None, "flex"): ("capacity", "elsewhere", "capacity", None),
    ("not_found", 404, None, "The model `x` has been deprecated"): (
        "deprecated",
        "another model",
        "model",
        86400.0,
    ),
    ("not_found", 404, "model_not_found", "no model `x`"): ("not_found", "elsewhere", "connection+model", 600.0),
    ("not_found", 404, "previous_response_not_found", "no"): ("invalid_request", "nowhere", "nothing", None),
    ("not_found", 404, None, "No such file: file-1"): ("invalid_request", "nowhere", "nothing", None),
    ("authentication", 401, None, "no"): ("auth_invalid", "elsewhere", "connection", NEVER),
    ("authentication", 401, None, "Your account has been deactivated"): (
        "account_dead",
        "elsewhere",
        "connection",
        NEVER,
    ),
    ("payment", 402, None, "no"): ("credits", "elsewhere", "connection", RECHECK_S),
    ("permission", 403, None, "not for your region"): ("permission", "elsewhere", "connection+model", 600.0),
    ("permission", 403, "invalid_api_key", "no"): ("auth_invalid", "elsewhere", "connection", NEVER),
    ("permission", 403, None, "Your credit balance is too low"): ("credits", "elsewhere", "connection", RECHECK_S),
    ("rate_limit", 429, None, "slow down"): ("rate_limit", "elsewhere", "limits", None),
    ("rate_limit", 429, "insufficient_quota", "You exceeded your current quota"): (
        "credits",
        "elsewhere",
        "connection",
        RECHECK_S,
    ),
    ("rate_limit", 429, "RESOURCE_EXHAUSTED", "You exceeded your current quota, check your plan and billing"): (
        "rate_limit",
        "elsewhere",
        "limits",
        None,
    ),
    ("rate_limit", 429, None, "You have used up today's free allowance; try again tomorrow"): (
        "quota_window",
        "elsewhere",
        "limits",
        3600.0,
    ),
    ("overloaded", 529, None, "overloaded"): ("capacity", "elsewhere", "capacity", None),
    ("overloaded", 503, None, "busy"): ("capacity", "elsewhere", "capacity", None),
    ("server", 500, None, "no"): ("server", "elsewhere", "connection+model", None),
    ("server", 524, None, "no"): ("server", "elsewhere", "connection+model", None),
    ("timeout", 504, "upstream_timeout", "no"): ("timeout", "elsewhere", "connection+model", None),
    ("timeout", 504, OWN_DEADLINE, "no"): ("timeout", "elsewhere", "nothing", None),
    ("connect", 502, None, "no"): ("network", "elsewhere", "connection", None),
    ("cut", 502, None, "no"): ("stream_cut", "elsewhere", "nothing", None),
    ("protocol", 502, None, "no"): ("bad_response", "elsewhere", "nothing", None),
    ("empty", 502, None, "no"): ("empty_response", "elsewhere", "nothing", None),
    ("cancelled", 499, None, "no"): ("cancelled", "nowhere", "nothing", None),
}


@pytest.mark.parametrize(("told", "meaning"), TABLE.items())
def test_the_table(told: tuple[str, int, str | None, str], meaning: tuple[str, str, str, float | None]) -> None:
    kind, status, code, message = told
    verdict = classify(Failure(kind=kind, status=status, code=code, message=message))
    assert (verdict.error, verdict.remedy, verdict.reach, verdict.fixed_s) == meaning


def test_defect_16_a_body_that_is_too_large_cools_nobody_down_and_529_is_known() -> None:
    for status in (400, 413, 422):
        assert classify(Failure(kind="invalid_request", status=status, message="no")).reach == "nothing"
    assert classify(Failure(kind="overloaded", status=529, message="no")).error == "capacity"


def test_defect_17_a_403_for_one_model_leaves_the_account_alone() -> None:
    verdict = classify(Failure(kind="permission", status=403, message="this model is not in your plan"))
    assert (verdict.reach, verdict.terminal) == ("connection+model", False)


def test_defect_21_a_wrong_max_tokens_is_no_overflow() -> None:
    assert classify(Failure(kind="invalid_request", status=400, message="max_tokens is not a number")).error == (
        "invalid_request"
    )


def test_a_day_of_google_is_a_quota_and_a_minute_is_none() -> None:
    def limited(quota: str, wait_s: float) -> str:
        details = [{"violations": [{"quotaId": quota}]}]
        return classify(
            Failure(
                kind="rate_limit",
                status=429,
                message="You exceeded your current quota",
                retry_after=wait_s,
                raw={"status": "RESOURCE_EXHAUSTED", "details": details},
            )
        ).error

    assert limited("GenerateRequestsPerDayPerProjectPerModel-FreeTier", 30.0) == "quota_window"
    assert limited("GenerateRequestsPerMinutePerProjectPerModel-FreeTier", 30.0) == "rate_limit"


def test_a_limit_of_hours_is_a_quota_whatever_it_is_called() -> None:
    five_hours = Failure(kind="rate_limit", status=429, message="slow down", retry_after=5 * 3600.0)
    assert classify(five_hours).error == "quota_window"


def test_a_credential_that_is_renewed_by_itself_is_not_given_up() -> None:
    refused = Failure(kind="authentication", status=401, message="expired")
    assert (classify(refused, renewable=True).error, classify(refused, renewable=True).terminal) == (
        "auth_expired",
        False,
    )


def test_a_model_that_is_missing_on_a_server_of_ones_own_may_be_there_soon() -> None:
    missing = Failure(kind="not_found", status=404, message="model not found")
    assert classify(missing, local=True).fixed_s == 5.0


KINDS = get_args(FailureKind)


@given(
    st.sampled_from(KINDS), st.integers(400, 599), st.text(max_size=40), st.one_of(st.none(), st.text(max_size=9))
)
def test_every_failure_has_a_class(kind: str, status: int, message: str, code: str | None) -> None:
    verdict = classify(Failure(kind=kind, status=status, message=message, code=code, raw={"type": message}))
    assert verdict.firm or not verdict.terminal
    assert verdict.elsewhere or verdict.reach == "nothing"
