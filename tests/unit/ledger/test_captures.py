"""What was said, word by word: cut, without secrets, a file a day."""

import stat
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omniroute.ledger.captures import Captures, Said
from omniroute.ledger.excerpt import Excerpt

AT = 1_800_000_000_000  # 2027-01-15T08:00Z
DAY_MS = 86_400_000
SECRET = "sk-proj-0123456789abcdef"


def excerpt(*pieces: bytes, limit: int = 1024) -> Excerpt:
    found = Excerpt(limit)
    for piece in pieces:
        found.add(piece)
    return found


def said(request_id: str = "r1", at_ms: int = AT, request: bytes = b"{}", response: bytes = b"ok", **more) -> Said:
    return Said(
        **{
            "request_id": request_id,
            "at_ms": at_ms,
            "method": "POST",
            "path": "/v1/chat/completions",
            "request_headers": {},
            "request": excerpt(request),
            "status": 200,
            "response_headers": (),
            "response": excerpt(response),
        }
        | more
    )


@pytest.fixture
def captures(tmp_path):
    captures = Captures(tmp_path / "captures")
    yield captures
    captures.close()


@given(st.lists(st.binary(max_size=9000).map(lambda piece: piece.hex().encode()), max_size=6))
def test_a_body_is_kept_whole_or_by_its_two_ends(pieces):
    whole = b"".join(pieces)
    found = excerpt(*pieces, limit=4096)
    kept = found.kept()
    assert found.held <= 4096 + 2 * 4096 + max(map(len, pieces), default=0)
    assert kept.size == len(whole)
    if kept.left_out:
        head, tail = kept.text.split(f"\n[... {kept.left_out} bytes left out ...]\n")
        assert whole.startswith(head.encode())
        assert whole.endswith(tail.encode())
        assert len(head) + len(tail) + kept.left_out == len(whole)
        assert len(head) + len(tail) <= 4096
    else:
        assert kept.text == whole.decode()


@given(st.integers(0, 12_000), st.integers(0, 12_000), st.sampled_from(['"', '\\"', '\\\\"']))
def test_no_cut_lets_a_secret_through(before, after, quote):
    member = f"{quote}password{quote}: {quote}correct horse battery{quote}, "
    body = f"{'x ' * (before // 2)}{member}{SECRET} {'y ' * (after // 2)}{member}".encode()
    text = excerpt(body, limit=2048).kept().text
    for part in ("correct", "horse", "battery", "0123456789abcdef", SECRET):
        assert part not in text


def test_what_is_no_text_is_only_measured():
    kept = excerpt(b"RIFF\0\0\0").kept()
    assert (kept.text, kept.size) == (None, 7)


def test_credentials_are_taken_out_of_everything(captures):
    key = "sk-omni-" + "k" * 30
    captures.keep(
        said(
            path=f"/v1beta/models/x:generateContent?key={key}",
            request_headers={"authorization": f"Bearer {key}", "user-agent": "test", "x-custom-token": "abcdef"},
            request=(b'{"model":"m","metadata":{"api_key":"plainword"},"note":"my own words"}'),
            response_headers=((b"Set-Cookie", b"session=1"), (b"content-type", b"text/plain")),
            response=(f"you said plain-credential and {SECRET}".encode()),
            secrets=("plain-credential",),
        )
    )
    captures.close()
    found = captures.find("r1", at_ms=AT)
    assert key not in found.path
    assert found.request_headers == {
        "authorization": "[redacted]",
        "user-agent": "test",
        "x-custom-token": "[redacted]",
    }
    assert found.response_headers == {"set-cookie": "[redacted]", "content-type": "text/plain"}
    assert found.request.text == '{"model":"m","metadata":{"api_key":"[redacted]"},"note":"my own words"}'
    assert found.response.text == "you said [redacted] and sk-p…"


def test_each_day_is_a_file_that_only_its_owner_reads(captures, tmp_path):
    for number in range(3):
        captures.keep(said(f"r{number}", AT + number * DAY_MS))
    captures.close()
    files = sorted((tmp_path / "captures").glob("*.db"))
    assert [file.stem for file in files] == ["2027-01-15", "2027-01-16", "2027-01-17"]
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}
    assert captures.known([("r1", AT + DAY_MS), ("r9", AT), ("r0", AT)]) == {"r0", "r1"}
    assert captures.find("r1", at_ms=AT + DAY_MS).request.text == "{}"
    assert captures.find("r1", at_ms=AT + 5 * DAY_MS) is None


def test_old_days_go_as_whole_files_and_so_do_those_that_are_too_much(captures, tmp_path):
    for number in range(5):
        captures.keep(said(f"r{number}", AT + number * DAY_MS))
    captures.close()

    def days():
        return sorted({file.name.partition(".")[0] for file in (tmp_path / "captures").iterdir()})

    assert captures.forget(before=None, most_bytes=10**9) == 0
    assert captures.forget(before=date(2027, 1, 17), most_bytes=10**9) == 2
    assert days() == ["2027-01-17", "2027-01-18", "2027-01-19"]
    assert captures.forget(before=None, most_bytes=1) == 2
    assert days() == ["2027-01-19"]


def test_what_comes_after_the_close_or_cannot_be_written_is_counted(tmp_path):
    (tmp_path / "captures").write_text("in the way")
    captures = Captures(tmp_path / "captures")
    captures.keep(said())
    captures.close()
    captures.keep(said())
    assert captures.dropped == 2
