"""Redaction: what is found, what is left alone, and the properties that must always hold."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.redact import find, merge, redact, replacement
from streams.redact.detector import Detector
from streams.redact.scan import DETECTORS

KEY = "AKIA" + "Q2W3E4R5T6Y7U8I9"
TOKEN = "ghp_" + "aB3dE5fG7h" * 4

FOUND = [
    ("write to ann.lee@mail.org today", "ann.lee@mail.org"),
    ("at offset 0", None),
    ("ann@mail.org", "ann@mail.org"),
    ("<ann@mail.org>,`bob@mail.org`/", "bob@mail.org"),
    ("host 93.184.216.34 answers", "93.184.216.34"),
    ("host 2606:2800:220:1:248:1893:25c8:1946.", "2606:2800:220:1:248:1893:25c8:1946"),
    (f"key = {KEY}", KEY),
    (f"token: {TOKEN}", TOKEN),
    ("api_key = 'f3Kd92mPq7Zx81LvT0aW'", "f3Kd92mPq7Zx81LvT0aW"),
]
LEFT = [
    "git@github.com:org/repo.git", "user@example.com", "version 1.2.3.4", "10.2.3.14 and 192.168.0.1 and 127.0.0.1",
    "std::vector<int> a::b C::D", "token = 'aaaaaaaaaaaaaaaaaaaaaaaa'", "password = os.environ['PASSWORD_FILE']",
    "@decorator.name", "5.10.15.20.25", "secret: 'correct_horse_battery'",
]  # fmt: skip


@pytest.mark.parametrize(("text", "secret"), [f for f in FOUND if f[1]])
def test_what_is_found_is_gone(text: str, secret: str) -> None:
    clean_text, count = redact(text)
    assert secret not in clean_text and count >= 1


@pytest.mark.parametrize("text", LEFT)
def test_what_is_no_secret_stays(text: str) -> None:
    assert redact(text) == (text, 0)


def test_a_private_key_is_one_span() -> None:
    body = "MIIEowIBAAKCAQEA" + "x7Kq" * 40
    clean_text, count = redact(f"-----BEGIN RSA PRIVATE KEY-----\n{body}\n-----END RSA PRIVATE KEY-----\n")
    assert count == 1 and body not in clean_text and clean_text.startswith("-----BEGIN")


def test_overlapping_finds_are_replaced_once() -> None:
    assert merge([(0, 10, "email"), (5, 20, "key"), (30, 31, "ip")]) == [(0, 20, "key"), (30, 31, "ip")]


def test_the_same_secret_is_replaced_alike_everywhere() -> None:
    one, _ = redact("a ann@mail.org b")
    other, _ = redact("something else\n\n ann@mail.org")
    assert replacement("email", b"ann@mail.org").decode() in one
    assert replacement("email", b"ann@mail.org").decode() in other


pieces = st.sampled_from([f[0] for f in FOUND] + LEFT + ["é𝄞\r\n", "\0", "@", "....", "::", "-----BEGIN "])
texts = st.lists(st.one_of(st.text(max_size=20), pieces), max_size=12).map(" ".join)


@given(texts)
def test_redaction_is_idempotent(text: str) -> None:
    once, _ = redact(text)
    assert redact(once) == (once, 0)


@given(texts, texts)
def test_lines_do_not_reach_into_each_other(one: str, other: str) -> None:
    """Secrets that do not span lines are replaced the same alone and together."""
    if "BEGIN" in one + other or "=" in one + other or ":" in one + other:
        return
    assert redact(one + "\n\n" + other)[0] == redact(one)[0] + "\n\n" + redact(other)[0]


@given(st.binary(max_size=300))
def test_any_bytes_are_scanned(data: bytes) -> None:
    assert all(0 <= start < end <= len(data) for start, end, _ in merge(find(data)))


@pytest.mark.timeout(60)
@pytest.mark.parametrize(
    "text", ["a@" * 50_000, "eyJ" + "a" * 100_000, "1." * 50_000, "token='" * 20_000, ":" * 100_000]
)
def test_a_hostile_text_is_left_alone_in_bounded_time(text: str) -> None:
    assert redact(text) == (text, 0)


ROWS = [
    (d, text, fires)
    for d in DETECTORS.values()
    for fires in (True, False)
    for text in (d.fires if fires else d.ignores)
]


@pytest.mark.parametrize(("detector", "text", "fires"), ROWS, ids=lambda value: getattr(value, "name", None))
def test_a_detector_does_what_its_row_says(detector: Detector, text: str, fires: bool) -> None:
    clean_text, count = redact(text)
    assert (count > 0) == fires
    assert redact(clean_text) == (clean_text, 0)


def test_every_detector_has_examples_both_ways() -> None:
    assert all(d.fires and d.ignores for d in DETECTORS.values())
