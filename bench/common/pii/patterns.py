"""What is usually done to code corpora: patterns for e-mails, addresses and keys, the latter with an entropy bound."""

from __future__ import annotations

import ipaddress
import math
import re
from collections import Counter
from collections.abc import Iterator

from common.pii.score import Find

_EMAIL = re.compile(rb"[\w.!#$%&'*+/=?^`{|}~-]+@[\w-]+(?:\.[\w-]+)+")
_IPV4 = re.compile(rb"(?<![\w.])(?:\d{1,3}\.){3}\d{1,3}(?![\w.])")
_IPV6 = re.compile(rb"(?<![\w:.])(?:[0-9a-fA-F]{1,4}:){2,7}(?::?[0-9a-fA-F]{1,4}|:)(?![\w:])")
_KEY = re.compile(rb"""(?<=["'=:\s])[A-Za-z0-9+/=_-]{16,}(?=["'\s,;]|$)""")
BITS = 3.7
"""Of entropy a character; identifiers and paths have less."""


def find(text: str) -> list[Find]:
    data = text.encode()
    found = [(m.start(), m.end(), "email") for m in _EMAIL.finditer(data)]
    found += _addresses(data)
    found += [
        (m.start(), m.end(), "key")
        for m in _KEY.finditer(data)
        if any(48 <= c < 58 for c in m[0]) and entropy(m[0]) >= BITS
    ]
    return found


def _addresses(data: bytes) -> Iterator[Find]:
    for pattern in (_IPV4, _IPV6):
        for match in pattern.finditer(data):
            try:
                if ipaddress.ip_address(match[0].decode()).is_global:
                    yield match.start(), match.end(), "ip"
            except ValueError:
                continue


def entropy(text: bytes) -> float:
    return -sum(n / len(text) * math.log2(n / len(text)) for n in Counter(text).values())
