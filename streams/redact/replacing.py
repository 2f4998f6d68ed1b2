"""What stands in for a find: by its kind and the recipe, never by chance; the same secret is replaced alike."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Mapping
from types import MappingProxyType

import xxhash

from streams.redact.detector import Span

FORMS: Mapping[str, str] = MappingProxyType(
    {
        "email": "<EMAIL>", "key": "<KEY>", "password": "<PASSWORD>", "name": "<NAME>", "username": "<USERNAME>",
        "phone": "<PHONE>", "iban": "<IBAN>", "card": "<CARD>", "ip": "",
    }
)  # fmt: skip
"""By kind. An address of the internet has none: it becomes one of the ranges for documentation, of its own family."""
KINDS = tuple(FORMS)
_FORM = re.compile(r"<[A-Z][A-Z_]{0,30}>|delete|keep")
DELETED = "delete"
"""A form that leaves nothing."""
KEPT = "keep"
"""A form that leaves what was found."""


def forms_of(table: Mapping[str, object], where: str, base: Mapping[str, str] = FORMS) -> Mapping[str, str]:
    """`base` with a recipe's table. Raises ValueError on what is no kind, and on a form that would be found again."""
    for kind, form in table.items():
        if kind not in FORMS:
            raise ValueError(f"{where}: there is no kind {kind!r} of find; known are {', '.join(KINDS)}")
        if not isinstance(form, str) or not _FORM.fullmatch(form):
            raise ValueError(
                f"{where}: {kind} must be delete, keep, or a word in angle brackets such as <{kind.upper()}>"
            )
    return MappingProxyType({**base, **{kind: str(form) for kind, form in table.items()}})


def merge(spans: Iterable[Span]) -> list[Span]:
    """Sorted and disjoint; finds that overlap become one: of a key where there is one, else of the wider one's kind."""
    merged: list[Span] = []
    for start, end, kind in sorted(spans):
        if merged and start < merged[-1][1]:
            first, last, other = merged[-1]
            if kind != other and not (other == "key" or (kind != "key" and last - first >= end - start)):
                other = kind
            merged[-1] = (first, max(last, end), other)
        else:
            merged.append((start, end, kind))
    return merged


def replacement(kind: str, secret: bytes, forms: Mapping[str, str] = FORMS) -> bytes:
    """What stands in for a secret of this kind: depends on the secret and the recipe alone."""
    form = forms.get(kind, FORMS[kind])
    if form == KEPT:
        return secret
    if form == DELETED:
        return b""
    return form.encode() if form else _documented(secret)


def _documented(secret: bytes) -> bytes:
    """One of 762 addresses of RFC 5737, or of 65,535 of RFC 3849."""
    digest = xxhash.xxh3_64_intdigest(secret)
    try:
        is_6 = ipaddress.ip_address(secret.decode()).version == 6
    except ValueError:
        is_6 = b":" in secret
    if is_6:
        return b"2001:db8::%x" % (digest % 0xFFFF + 1)
    network = (b"192.0.2.", b"198.51.100.", b"203.0.113.")[digest % 3]
    return network + b"%d" % (digest // 3 % 254 + 1)
