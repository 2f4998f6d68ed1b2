"""Redaction: e-mail addresses, IP addresses and keys, replaced by what depends only on the text.

Detection runs in linear time: one hyperscan pass says where, a short anchored check says whether.
Spans are merged before any is replaced, so overlapping finds are replaced once. The replacement of
the same text is the same everywhere, and redacting twice changes nothing.
"""

from __future__ import annotations

import ipaddress
import math
import re
from collections import Counter
from dataclasses import dataclass
from functools import cache

import hyperscan
import xxhash

Span = tuple[int, int, str]
"""Start and end in bytes of UTF-8, and the kind: email, ip or key. Half open."""


@dataclass(frozen=True)
class Pattern:
    kind: str
    trigger: bytes
    """Hyperscan finds where this begins."""
    whole: re.Pattern[bytes]
    """Matched there; its group `secret` is what is replaced. Every repeat is bounded."""


def _pattern(kind: str, trigger: str, whole: str | None = None) -> Pattern:
    return Pattern(kind, trigger.encode(), re.compile((whole or f"(?P<secret>{trigger})").encode()))


_NAMES = r"(?i)(api_?key|secret|token|passw(or)?d|auth_?key|access_?key|private_?key)"
_ASSIGNED = _pattern(
    "key", _NAMES + r"[\"']?\s{0,4}[:=]",
    _NAMES + r"[\"']?\s{0,4}(:=|=>|:|=)\s{0,4}[\"'](?P<secret>[A-Za-z0-9+/_.=~-]{16,128})[\"']",
)  # fmt: skip
PATTERNS: tuple[Pattern, ...] = (
    _pattern("email", r"[A-Za-z0-9._%+-]@[A-Za-z0-9]", r"(?P<secret>)"),
    _pattern("ip", r"\b\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}", r"(?P<secret>\d{1,3}(\.\d{1,3}){3})"),
    _pattern("ip", r"[0-9A-Fa-f]{1,4}:[0-9A-Fa-f:]{2}", r"(?P<secret>([0-9A-Fa-f]{0,4}:){2,7}[0-9A-Fa-f]{0,4})"),
    _pattern("key", r"AKIA[0-9A-Z]{16}"),
    _pattern("key", r"gh[pousr]_[A-Za-z0-9]{8}", r"(?P<secret>gh[pousr]_[A-Za-z0-9]{36,64})"),
    _pattern("key", r"github_pat_[A-Za-z0-9_]{8}", r"(?P<secret>github_pat_[A-Za-z0-9_]{22,100})"),
    _pattern("key", r"glpat-[A-Za-z0-9_-]{8}", r"(?P<secret>glpat-[A-Za-z0-9_-]{20,40})"),
    _pattern("key", r"xox[abpors]-[A-Za-z0-9-]{8}", r"(?P<secret>xox[abpors]-[A-Za-z0-9-]{10,80})"),
    _pattern("key", r"[sr]k_(live|test)_[A-Za-z0-9]", r"(?P<secret>[sr]k_(live|test)_[A-Za-z0-9]{16,64})"),
    _pattern("key", r"AIza[0-9A-Za-z_-]{8}", r"(?P<secret>AIza[0-9A-Za-z_-]{35})"),
    _pattern("key", r"\bsk-[A-Za-z0-9_-]{8}", r"(?P<secret>sk-[A-Za-z0-9_-]{32,160})"),
    _pattern("key", r"npm_[A-Za-z0-9]{8}", r"(?P<secret>npm_[A-Za-z0-9]{36})"),
    _pattern("key", r"pypi-[A-Za-z0-9_-]{8}", r"(?P<secret>pypi-[A-Za-z0-9_-]{50,200})"),
    _pattern("key", r"eyJ[A-Za-z0-9_-]{8}",
             r"(?P<secret>eyJ[A-Za-z0-9_-]{10,500}\.eyJ[A-Za-z0-9_-]{10,1000}\.[A-Za-z0-9_-]{10,500})"),
    _pattern("key", r"-----BEGIN [A-Z ]{0,20}PRIVATE KEY-----",
             r"-----BEGIN [A-Z ]{0,20}PRIVATE KEY-----(?P<secret>[A-Za-z0-9+/=\s\\\"',:.-]{20,8000}?)-----END"),
    _ASSIGNED,
)  # fmt: skip
_WINDOW = 9000
"""Bytes after a trigger that `whole` may look at."""
_LOCAL = re.compile(rb"[A-Za-z0-9._%+-]{1,64}$")
_DOMAIN = re.compile(rb"@[A-Za-z0-9][A-Za-z0-9-]{0,62}(\.[A-Za-z0-9-]{1,63}){1,5}")

_SAFE_HOSTS = (b"@example.", b"@localhost", b"@users.noreply.")
_GIT_USER = re.compile(rb"^(git|svn|hg|ssh|root)@")
_ENTROPY = 3.0
"""Bits a character below which an assigned secret is taken for a word or a placeholder."""


@cache
def _database() -> hyperscan.Database:
    database = hyperscan.Database()
    database.compile(
        expressions=[p.trigger for p in PATTERNS],
        ids=list(range(len(PATTERNS))),
        elements=len(PATTERNS),
        flags=[hyperscan.HS_FLAG_SOM_LEFTMOST] * len(PATTERNS),
    )
    return database


def redact(text: str) -> tuple[str, int]:
    """The text with every find replaced, and the number of replacements."""
    clean_text, kinds = replace(text)
    return clean_text, len(kinds)


def replace(text: str) -> tuple[str, list[str]]:
    """The text with every find replaced, and the kind of each replacement in their order."""
    data = text.encode("utf-8", "surrogatepass")
    spans = merge(find(data))
    if not spans:
        return text, []
    out: list[bytes] = []
    at = 0
    for start, end, kind in spans:
        out += [data[at:start], replacement(kind, data[start:end])]
        at = end
    out.append(data[at:])
    return b"".join(out).decode("utf-8", "surrogatepass"), [kind for _, _, kind in spans]


def find(data: bytes) -> list[Span]:
    """All confirmed finds, in any order; they may overlap."""
    triggers: set[tuple[int, int]] = set()

    def on_match(number: int, start: int, end: int, flags: int, context: object) -> None:
        triggers.add((number, start))

    _database().scan(data, match_event_handler=on_match)
    spans = (_confirm(PATTERNS[number], data, start) for number, start in triggers)
    return [span for span in spans if span is not None]


def merge(spans: list[Span]) -> list[Span]:
    """Sorted and disjoint; overlapping finds become one of the wider one's kind, keys before the rest."""
    merged: list[Span] = []
    for start, end, kind in sorted(spans):
        if merged and start < merged[-1][1]:
            first, last, other = merged[-1]
            kind = other if other == "key" or (kind != "key" and last - first >= end - start) else kind
            merged[-1] = (first, max(last, end), kind)
        else:
            merged.append((start, end, kind))
    return merged


def replacement(kind: str, secret: bytes) -> bytes:
    """What stands in for a secret: of the same kind, recognisably false, by a hash of the secret alone."""
    digest = xxhash.xxh3_64_intdigest(secret)
    if kind == "email":
        return b"user%d@example.com" % (digest % 1000)
    if kind == "ip":
        if b":" in secret:
            return b"2001:db8::%x" % (digest % 0xFFFF)
        return b"192.0.2.%d" % (digest % 254 + 1)
    return b"<KEY>"


def _confirm(pattern: Pattern, data: bytes, start: int) -> Span | None:
    if pattern.kind == "email":
        return _email(data, start + 1)
    whole = pattern.whole.match(data[start : start + _WINDOW])
    if whole is None:
        return None
    first, last = start + whole.start("secret"), start + whole.end("secret")
    if pattern.kind == "ip":
        return _ip(data, first, last)
    secret = data[first:last]
    if pattern is _ASSIGNED and (_bits(secret) < _ENTROPY or not re.search(rb"\d", secret)):
        return None
    return first, last, "key"


def _email(data: bytes, at: int) -> Span | None:
    """An address around the `@` that could reach somebody: not example.com, not `git@host:path`."""
    local, domain = _LOCAL.search(data[max(0, at - 64) : at]), _DOMAIN.match(data[at : at + 400])
    if local is None or domain is None:
        return None
    name, host = local.group().lstrip(b".-%+"), domain.group().rstrip(b".-")
    tail = host.rsplit(b".", 1)[-1]
    if not name or len(tail) < 2 or not tail.isalpha():
        return None
    if _GIT_USER.match(name + host) or any((name + host).find(h) >= 0 for h in _SAFE_HOSTS):
        return None
    return at - len(name), at + len(host), "email"


def _ip(data: bytes, start: int, end: int) -> Span | None:
    """A global address with nothing of a longer number or version around it."""
    before, after = data[start - 1 : start], data[end : end + 2]
    if start and (before.isalnum() or before in (b".", b":", b"_", b"-", b"/")):
        return None
    if after[:1].isalnum() or after[:1] in (b":", b"_", b"-") or (after[:1] == b"." and after[1:].isdigit()):
        return None
    try:
        address = ipaddress.ip_address(data[start:end].decode())
    except ValueError:
        return None
    if not address.is_global or not (
        _looks_v4(address.packed) if address.version == 4 else address.packed[0] >> 5 == 1
    ):
        return None
    return start, end, "ip"


def _looks_v4(packed: bytes) -> bool:
    """Four numbers below 25 are a version more often than an address."""
    return any(p >= 25 for p in packed)


def _bits(secret: bytes) -> float:
    """Shannon entropy, bits a character."""
    n = len(secret)
    return -sum(c / n * math.log2(c / n) for c in Counter(secret).values())
