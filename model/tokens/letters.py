"""GPT-2's printable letter for each byte, in which byte-level vocabularies are written."""

from __future__ import annotations


def _letters() -> tuple[str, ...]:
    """Bytes that print stand for themselves, the others for U+0100 and up, in their order."""
    printable = {*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)}
    hidden = [b for b in range(256) if b not in printable]
    return tuple(chr(b) if b in printable else chr(256 + hidden.index(b)) for b in range(256))


BYTE_LETTERS: tuple[str, ...] = _letters()
"""The letter of byte b at index b (openai/gpt-2, encoder.py, bytes_to_unicode)."""
