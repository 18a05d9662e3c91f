"""Client keys as text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omniroute.access.grant import ENV_KEY_ID, Grant
from omniroute.access.keys import PREFIX_LENGTH, Keyring, digest, mint, well_formed

PEPPER = b"p" * 32
randomness = st.binary(min_size=32, max_size=32)


@given(randomness)
def test_every_minted_key_is_well_formed(random: bytes) -> None:
    key = mint(random)
    assert well_formed(key.text)
    assert len(key.text) == 57
    assert key.text.startswith("sk-omni-")
    assert key.prefix == key.text[:PREFIX_LENGTH]


@given(randomness, randomness)
def test_different_randomness_makes_different_keys(one: bytes, other: bytes) -> None:
    assert (mint(one).text == mint(other).text) == (one == other)


@given(randomness, st.integers(0, 56), st.characters(codec="ascii", categories=("L", "N")))
def test_one_mistyped_character_is_noticed_without_any_lookup(random: bytes, at: int, letter: str) -> None:
    text = mint(random).text
    mistyped = text[:at] + letter + text[at + 1 :]
    # The checksum is read without regard to case; the digest then tells the two apart.
    if mistyped != text and not (at >= 51 and letter.lower() == text[at].lower()):
        assert not well_formed(mistyped)


@given(st.text(max_size=70))
def test_other_text_is_not_well_formed(text: str) -> None:
    assert not well_formed(text)


@pytest.mark.parametrize("tail", ["      ", "______", "-00001", "+00001", "1_0_0_", "\u0661" * 6])
def test_a_checksum_is_made_of_letters_and_digits(tail: str) -> None:
    assert not well_formed(mint(b"r" * 32).text[:51] + tail)


def test_a_key_is_made_of_32_random_bytes() -> None:
    with pytest.raises(ValueError, match="32 random bytes, not 16"):
        mint(b"r" * 16)


@given(st.binary(min_size=1, max_size=100), st.text(max_size=80))
def test_the_keyring_digests_as_the_domain_writes_do(pepper: bytes, key: str) -> None:
    key = key.encode("utf-8", "replace").decode()
    assert Keyring(pepper).digest(key) == digest(pepper, key)


def test_a_key_is_found_by_its_digest_only() -> None:
    text = mint(b"a" * 32).text
    grant = Grant(key_id="k1", name="laptop")
    grants = {digest(PEPPER, text): grant}
    assert Keyring(PEPPER).find(text, grants) == grant
    assert Keyring(PEPPER).find(mint(b"b" * 32).text, grants) is None
    assert Keyring(b"other pepper").find(text, grants) is None


def test_the_environment_key_has_any_form_and_no_scope() -> None:
    ring = Keyring(PEPPER, env_key="anything goes")
    found = ring.find("anything goes", {})
    assert found is not None
    assert (found.key_id, found.scopes) == (ENV_KEY_ID, ())
    assert ring.find("anything else", {}) is None
    assert Keyring(PEPPER).find("anything goes", {}) is None
