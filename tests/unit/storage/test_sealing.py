"""Sealed secrets open under their own key, at their own place, unchanged; in every other case they fail closed."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omniroute.storage.sealing import Sealer, Unsealable, place

KEY = bytes(range(32))
PLACE = place("connections", "secret_sealed", "c1")


@given(st.text(), st.text())
def test_what_is_sealed_comes_back_and_does_not_show(plain, aad):
    sealer = Sealer(KEY)
    sealed = sealer.seal(plain, aad=aad)
    assert Sealer(KEY).unseal(sealed, aad=aad) == plain
    assert sealed.startswith("v1:")
    assert sealed.isascii()


def test_the_same_secret_never_looks_the_same_twice():
    sealer = Sealer(KEY)
    assert len({sealer.seal("sk-secret", aad=PLACE) for _ in range(100)}) == 100


def test_the_plain_text_is_not_in_the_sealed_bytes():
    sealed = Sealer(KEY).seal("sk-canary-canary", aad=PLACE)
    raw = base64.urlsafe_b64decode(sealed.removeprefix("v1:"))
    assert b"canary" not in raw


def test_another_key_does_not_open_it():
    sealed = Sealer(KEY).seal("sk-secret", aad=PLACE)
    with pytest.raises(Unsealable, match="another key"):
        Sealer(bytes(32)).unseal(sealed, aad=PLACE)


@pytest.mark.parametrize(
    "elsewhere",
    [
        place("connections", "secret_sealed", "c2"),
        place("connections", "provider_secrets_sealed", "c1"),
        place("nodes", "secret_sealed", "c1"),
    ],
)
def test_a_secret_moved_to_another_row_or_column_does_not_open(elsewhere):
    sealed = Sealer(KEY).seal("sk-secret", aad=PLACE)
    with pytest.raises(Unsealable):
        Sealer(KEY).unseal(sealed, aad=elsewhere)


def test_no_changed_byte_goes_unnoticed():
    sealer = Sealer(KEY)
    raw = bytearray(base64.urlsafe_b64decode(sealer.seal("sk-secret", aad=PLACE).removeprefix("v1:")))
    for index in range(len(raw)):
        changed = bytearray(raw)
        changed[index] ^= 1
        with pytest.raises(Unsealable):
            sealer.unseal("v1:" + base64.urlsafe_b64encode(changed).decode(), aad=PLACE)


@given(st.text(max_size=80))
def test_any_other_text_is_refused_without_showing_it(text):
    for candidate in (text, "v1:" + text):
        with pytest.raises(Unsealable) as caught:
            Sealer(KEY).unseal(candidate, aad=PLACE)
        assert PLACE in str(caught.value)


def test_every_shortening_is_refused():
    sealer = Sealer(KEY)
    sealed = sealer.seal("sk-secret", aad=PLACE)
    for length in range(len(sealed)):
        with pytest.raises(Unsealable):
            sealer.unseal(sealed[:length], aad=PLACE)


@pytest.mark.parametrize("length", [0, 16, 31, 33])
def test_a_key_of_another_length_is_a_mistake(length):
    with pytest.raises(ValueError, match="32 bytes"):
        Sealer(bytes(length))
