"""Known secrets are found wherever they stand, in one pass however many they are."""

from __future__ import annotations

from hashlib import sha256

import pytest

from streams.redact import clean, everywhere
from streams.redact.everywhere import FEW, occurrences, places
from streams.redact.place import Place


def secret(number: int, length: int = 16) -> bytes:
    return sha256(number.to_bytes(4, "big")).hexdigest()[:length].encode()


@pytest.mark.parametrize("count", [1, FEW, FEW + 1, 300])
def test_many_at_once_are_found_as_one_by_one(count: int) -> None:
    secrets = {secret(n, 10 + n % 9): "key" for n in range(count)}
    secrets |= {secret(0, length): "password" for length in (12, 20)}  # that begin alike
    data = b"".join(b"x" * (n % 11) + one + b"-" + one[:9] for n, one in enumerate(secrets)) + secret(0, 20)
    found = {
        (at, at + len(one), kind)
        for one, kind in secrets.items()
        for at in range(len(data))
        if data[at:].startswith(one)
    }
    assert set(occurrences(data, secrets)) == found and len(found) > count


@pytest.mark.parametrize("data", [b"", b"short", b"12345678", b"x12345678"])
def test_short_texts(data: bytes) -> None:
    assert places(data, [b"12345678"]) == ([data.find(b"12345678")] if b"12345678" in data else [])


def test_twice_the_secrets_are_twice_the_work(monkeypatch) -> None:
    """The places that are compared, of texts whose every line has a secret of its own."""
    looked: list[int] = []

    def counted(data: bytes, prefixes: list[bytes]) -> list[int]:
        looked.append(len(found := places(data, prefixes)))
        return found

    monkeypatch.setattr(everywhere, "places", counted)
    for count in (500, 1_000):
        text = "".join(f"password = '{secret(n).decode()}Zq'\n" for n in range(count))
        assert len(clean(text, Place("a.toml")).kinds) == count
    assert 300 < looked[0] <= 500 and looked[0] < looked[1] <= 2.2 * looked[0], looked


def test_a_word_with_a_sign_before_it_is_a_reference_in_yaml_alone() -> None:
    assert not clean("password: !Ref DbPassword", Place("a.yml")).kinds
    assert clean("PASSWORD=!Sommer2019x", Place("a.env")).kinds == ["password"]
