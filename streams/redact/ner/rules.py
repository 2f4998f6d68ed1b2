"""What a model's find must be beside likely: the rules of StarCoder's authors, and that no mark is found again.

StarCoder (arXiv 2305.06161, section 4) ignored passwords of fewer than 4 characters, names of one word, keys of fewer
than 9 or that are no gibberish, and addresses that are private or a resolver's.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from streams.redact import scan, values
from streams.redact.detector import Text
from streams.redact.ner.spans import SPACED
from streams.redact.replacing import FORMS

MIN_PASSWORD, MIN_KEY, MIN_USERNAME, MIN_ACCOUNT = 4, 9, 3, 8
MARK = re.compile(r"<[A-Z][A-Z_]{0,30}>|&lt;[A-Z][A-Z_]{0,30}&gt;|\busername_\d+\b")
_PLAIN = frozenset(form.strip("<>") for form in FORMS.values())
_AT = re.compile(r"(?i)@|%40|&#64;|\W(?:at|arobase)\W")
_EXAMPLE = re.compile(r"(?i)@(?:[\w-]+\.)*example\.")
_EDGES = " \t\r\n\f\v\"'`,;:()[]{}<>*#|=/\\"
"""Signs around a find that are none of it: without its quotes a text would not parse."""
_KEEPS = {"key": "=/", "password": "*#|=/\\,;:()[]{}<>", "phone": "("}
"""Of these, what may be the begin or the end of a value."""


def trimmed(text: str, start: int, end: int, kind: str) -> tuple[int, int]:
    """The find without the signs around it; empty where there is nothing else."""
    edges = "".join(c for c in _EDGES if c not in _KEEPS.get(kind, ""))
    value = text[start:end]
    start += len(value) - len(value.lstrip(edges))
    return start, start + len(value.strip(edges))


def is_one(text: str, start: int, end: int, kind: str) -> bool:
    """Whether the find may be replaced."""
    value = text[start:end]
    if not value or value in _PLAIN or _is_marked(text, start, end):
        return False
    return _RULES[kind](value)


def _is_marked(text: str, start: int, end: int) -> bool:
    """Whether a mark lies in the find, or the find in one."""
    around = text[max(0, start - 40) : end + 40]
    at = max(0, start - 40)
    return any(at + m.start() < end and at + m.end() > start for m in MARK.finditer(around))


def _digits(value: str) -> int:
    return sum(c.isdigit() for c in value)


def _is_name(value: str) -> bool:
    """A full one: two words with letters, where the script has spaces."""
    if _digits(value) or values.is_placeholder(value):
        return False
    wide = sum(ord(c) >= SPACED for c in value)
    return 2 <= wide <= 8 or sum(any(c.isalpha() for c in word) for word in value.split()) >= 2


def _is_email(value: str) -> bool:
    return _AT.search(value) is not None and _EXAMPLE.search(value) is None


def _is_key(value: str) -> bool:
    return len(value) >= MIN_KEY and values.is_random(value) and not values.is_placeholder(value)


def _is_password(value: str) -> bool:
    return len(value) >= MIN_PASSWORD and not (values.is_placeholder(value) or values.is_nothing(value))


def _is_ip(value: str) -> bool:
    """As the detectors see it where a word says that it is a host's."""
    return any(kind == "ip" for _, _, kind in scan.find(Text(f"host {value} answers".encode())))


def _is_username(value: str) -> bool:
    return len(value) >= MIN_USERNAME and not any(c.isspace() for c in value) and any(c.isalpha() for c in value)


def _is_phone(value: str) -> bool:
    return 7 <= _digits(value) <= 15  # E.164


def _is_account(value: str) -> bool:
    return sum(c.isalnum() for c in value) >= MIN_ACCOUNT and _digits(value) >= MIN_ACCOUNT // 2


_RULES: dict[str, Callable[[str], bool]] = {
    "name": _is_name, "email": _is_email, "key": _is_key, "password": _is_password, "ip": _is_ip,
    "username": _is_username, "phone": _is_phone, "iban": _is_account, "card": _is_account,
}  # fmt: skip
