"""Nothing that looks like a credential gets through."""

import pytest

from omniroute.telemetry.redact import redacted

SECRETS = [
    "sk-proj-abcdefghijklmnop",
    "sk-ant-api03-AbC_dEf-123456",
    "sk-omni-0123456789abcdef",
    "gsk_0123456789abcdefghij",
    "AIzaSyA0123456789abcdefghijklmno",
    "ya29.a0AfH6SMBexample",
    "ghp_0123456789abcdefghijABCDEFGHIJ012345",
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.abcDEF123",
]


@pytest.mark.parametrize("secret", SECRETS)
def test_a_vendors_key_is_cut_to_its_first_characters(secret: str) -> None:
    shown = redacted(f"the key {secret} is wrong")
    assert secret not in shown
    assert secret[6:] not in shown
    assert shown.startswith("the key ")
    assert shown.endswith(" is wrong")


def test_a_bearer_token_and_a_key_in_a_query_are_cut_too() -> None:
    assert "0123456789" not in redacted("Authorization: Bearer 0123456789abcdef")
    assert "0123456789" not in redacted("https://x.test/v1?key=0123456789abcdef&a=b")


def test_ordinary_words_stay() -> None:
    text = "task-oriented risk assessment: skill desk; key: value; monkey-patching"
    assert redacted(text) == text
