"""Packing: what decides the token ids of an example, as a text that Frames and checkpoints carry and compare."""

from __future__ import annotations

from hashlib import sha256

import msgspec

from model.fim.format import Format

SETTINGS = {"context": "[model] context", "format": "[model] format", "tokenizer": "[paths] tokenizer"}
"""A part of the text to the setting that it comes from."""
DIGITS = 12
"""Hex digits of a hash: enough to tell a handful of tokenizers apart."""


def packing(tokenizer: str, fmt: Format, context: int) -> str:
    """`context=1024 format=starcoder:<hash> tokenizer=<hash>`; `tokenizer` is the tokenizer's hash.

    A field that a later version gives Format does not change the text as long as it has its default.
    """
    defaults = dict(zip(reversed(fmt.__struct_fields__), reversed(fmt.__struct_defaults__), strict=False))
    said = {name: value for name in fmt.__struct_fields__ if (value := getattr(fmt, name)) != defaults.get(name)}
    digest = sha256(msgspec.json.encode(dict(sorted(said.items())))).hexdigest()
    return f"context={context} format={fmt.name}:{digest[:DIGITS]} tokenizer={tokenizer[:DIGITS]}"


def differences(other: str, own: str) -> str:
    """The settings in which two packings differ, with both values, for a message."""
    theirs, ours = _parts(other), _parts(own)
    return ", ".join(
        f"{setting} ({theirs.get(part, 'unknown')}, the checkpoint has {ours.get(part, 'unknown')})"
        for part, setting in SETTINGS.items()
        if theirs.get(part) != ours.get(part)
    )


def _parts(text: str) -> dict[str, str]:
    split = (part.partition("=") for part in text.split())
    return {name: value for name, _, value in split}
