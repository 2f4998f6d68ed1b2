"""A tokenizer with fewer ids than [model] vocab asks for: what `tokenizer train` and `midstream up` say about it."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from midstream.settings import Settings


def sentence(ids: int, vocab: int) -> str:
    """What a person can do about it; empty where nothing is short."""
    if ids >= vocab:
        return ""
    return (
        f"the tokenizer has {ids:,} ids of {vocab:,} asked for: there is too little text for more. Name more "
        "repositories, or ask for fewer with [model] vocab; the model is that much smaller"
    )


def of_tokenizer(settings: Settings) -> str:
    """The same for the tokenizer of these settings; empty where there is none yet, or where it came with weights."""
    path = settings.paths.tokenizer
    if settings.model.weights or path is None:
        return ""
    try:
        return sentence(_ids(path, path.stat().st_mtime_ns), settings.model.vocab)
    except (OSError, ValueError):
        return ""  # who needs the tokenizer says what is wrong with it


@lru_cache(maxsize=1)
def _ids(path: Path, changed: int) -> int:
    """Raises OSError and ValueError. `changed`: a file that was written anew is read anew."""
    from model.tokens.tokenizer import Tokenizer

    return Tokenizer.load(path).vocab_size
