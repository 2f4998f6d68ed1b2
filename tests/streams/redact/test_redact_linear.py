"""Redaction of hostile texts: the work grows with the text. Bytes that validators look at are counted, not seconds."""

from __future__ import annotations

import pytest

from streams.redact.detector import Text
from streams.redact.place import Place
from streams.redact.scan import find, triggered

UNITS = (
    "-----BEGIN PRIVATE KEY-----",
    "-----BEGIN PRIVATE KEY-----\nMIIE" + "A" * 60 + "\n",
    "a@a@",
    "x@a.b",
    "x@a.bc ",
    "a:a:",
    "::1:",
    "a:b:c:",
    "sk-",
    "eyJ",
    "eyJhIjoi.",
    "1.1.",
    "1.2.3.4 ",
    "password:",
    "password: a1 ",
    "password='a1b2c3' ",
    "token=",
    'secret="x',
    "pass=",
    "<password>",
    "password\n",
    "passwordpassword",
    "${PASSWORD:-a}",
    '\\"password\\":',
    "auth: ",
    "://a:b@",
    "https://a:b1c2@h ",
    'key="AAAAAAAAAAAAAAAA',
    "(at)",
    "%40a.bc",
    "/home/a/",
    "TODO(a",
    "4111 1111 1111 1",
    "+49 30 12",
    "DE89 3704 0044 0532",
    "author: A B\n",
    "mysql ",
    "mysql -p",
    "login a password b ",
    "Basic aaaaaa",
    "--password abc ",
    "bearer aaaaaaaaaaaaaaaa ",
    "kind: Secret\n",
    "kind: Secret\ndata:\n  a: YWRtaW46cGFzc3dvcmQ=\n",
    "AKIAQ2W3E4R5T6Y7U2I5 ",
    "identified by 'a",
    "'" * 3,
    "\\",
    "<<",
    "((",
    "é@é.",
    "密码: ",
)
SIZE = 40_000
MOST = 60
"""Bytes looked at for each byte of the text; code takes less than one."""


def work(text: str) -> int:
    made = Text(text.encode(), Place())
    find(made)
    return made.work + sum(map(len, triggered(made.data).values()))


@pytest.mark.parametrize("unit", UNITS)
def test_the_work_grows_with_the_text(unit: str) -> None:
    text = unit * (4 * SIZE // len(unit))
    small, large = work(text[:SIZE]), work(text)
    assert large <= 4.4 * small + 100_000 and large <= MOST * len(text.encode()) + 500_000


@pytest.mark.parametrize(
    "fill", ["password: {}\n", "x{}@mail.org ", "token='{}' ", "-----BEGIN PRIVATE KEY-----{}", "{}.1.2.3 "]
)
def test_surroundings_that_differ_are_looked_at_once_each(fill: str) -> None:
    text = "".join(fill.format(f"a{number}b") for number in range(8_000))
    small, large = work(text[: len(text) // 4]), work(text)
    assert large <= 4.6 * small + 100_000


def test_many_manifests_are_all_looked_at() -> None:
    text = "---\n".join(f"kind: Secret\ndata:\n  a{n}: V29sa2U3{n:04d}\n" for n in range(300))
    assert len(find(Text(text.encode(), Place("a.yaml", "yaml")))) == 300
