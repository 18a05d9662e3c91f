"""What is written into the audit log."""

from omniroute.access.actor import REDACTED, redacted


def test_values_under_names_of_credentials_are_replaced_however_deep() -> None:
    detail = {
        "name": "n",
        "apiKey": "secret",
        "nested": {"refresh_token": "secret", "count": 3, "list": [{"Password": "secret"}, "plain"]},
        "cookies": ["secret", "secret"],
        "tokens": 5,
        "authorization": "",
    }
    assert redacted(detail) == {
        "name": "n",
        "apiKey": REDACTED,
        "nested": {"refresh_token": REDACTED, "count": 3, "list": [{"Password": REDACTED}, "plain"]},
        "cookies": [REDACTED, REDACTED],
        "tokens": 5,
        "authorization": "",
    }
