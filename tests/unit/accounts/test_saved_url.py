"""URLs that may be stored."""

import pytest

from omniroute.accounts.saved_url import checked
from omniroute.errors import InvalidRequest


@pytest.mark.parametrize(
    ("url", "public", "private"),
    [
        ("https://api.example/v1/", True, True),
        ("http://8.8.8.8", True, True),
        ("http://127.0.0.1:9", False, True),
        ("http://localhost:9", False, True),
        ("http://x.localhost", False, True),
        ("http://[::1]", False, True),
        ("http://192.168.1.1", False, True),
        ("http://[fd00::1]", False, True),
        ("http://169.254.169.254", False, False),
        ("http://[fe80::1]", False, False),
        ("http://[fd00:ec2::254]", False, False),
        ("http://100.100.100.200", False, False),
        ("http://0.0.0.0", False, False),
        ("http://[::ffff:169.254.169.254]", False, False),
        ("http://224.0.0.1", False, False),
        ("http://127.1", False, False),
        ("ftp://x.example", False, False),
        ("https://u:p@x.example", False, False),
        ("https://x.example/?a=1", False, False),
        ("https://x.example/#a", False, False),
        ("https://x.example/ a", False, False),
        ("", False, False),
    ],
)
def test_where_it_may_point(url: str, public: bool, private: bool) -> None:
    for allowed, flag in ((public, False), (private, True)):
        if allowed:
            assert checked(url, private=flag) == url.rstrip("/")
        else:
            with pytest.raises(InvalidRequest):
                checked(url, private=flag)


def test_a_refusal_repeats_no_credential() -> None:
    with pytest.raises(InvalidRequest) as caught:
        checked("https://user:hunter2@x.example", private=False)
    assert "hunter2" not in caught.value.message
