"""Secrets that are known, wherever they stand in a text: in one pass, however many they are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from streams.redact.detector import Span

PREFIX = 8
"""Bytes by which a place is found; no secret is shorter."""
FEW = 16
"""Secrets that are looked for one by one."""


def occurrences(data: bytes, secrets: Mapping[bytes, str]) -> Iterator[Span]:
    """Wherever the secrets, each with its kind, stand; spans may overlap."""
    if len(secrets) <= FEW:
        yield from _one_by_one(data, secrets)
        return
    lengths: dict[bytes, set[int]] = {}
    for secret in secrets:
        lengths.setdefault(secret[:PREFIX], set()).add(len(secret))
    for at in places(data, list(lengths)):
        for length in lengths[data[at : at + PREFIX]]:
            if (kind := secrets.get(data[at : at + length])) is not None:
                yield at, at + length, kind


def _one_by_one(data: bytes, secrets: Mapping[bytes, str]) -> Iterator[Span]:
    for secret, kind in secrets.items():
        at = data.find(secret)
        while at >= 0:
            yield at, at + len(secret), kind
            at = data.find(secret, at + len(secret))


def places(data: bytes, prefixes: list[bytes]) -> list[int]:
    """Where one of the prefixes, of PREFIX bytes each, begins."""
    wanted = np.frombuffer(b"".join(prefixes), "<u8")
    found: list[int] = []
    for shift in range(PREFIX):
        words = np.frombuffer(data, "<u8", count=max(0, len(data) - shift) // PREFIX, offset=min(shift, len(data)))
        found += (np.flatnonzero(np.isin(words, wanted)) * PREFIX + shift).tolist()
    return sorted(found)
