"""What `midstream up` says before it starts: what a model that begins from nothing will do here, and when."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from midstream.machine.rate import measure, rounded
from midstream.machine.trial import never
from midstream.settings import Settings
from midstream.status.page import duration
from model import families

BYTES_A_TOKEN = 3.3
"""Of code, with a tokenizer that was trained on it."""
CHINCHILLA = 20
"""Tokens a parameter with which a model has learnt most of what its size holds (arXiv 2203.15556)."""
LARGEST_BYTES = 1024 * 1024
"""Of a file that is read."""


def parameters(settings: Settings) -> int:
    """Of a new decoder."""
    m = settings.model
    return families.new(vocab=m.vocab, context=m.context, width=m.width, layers=m.layers, heads=m.heads).parameters


def tree_bytes(paths: Sequence[Path]) -> int:
    """Of the present trees' files, those above the limit left out; 0 for what cannot be read."""
    from streams.sources.git.objects import Git, GitError

    total = 0
    for path in paths:
        try:
            git = Git(path)
            if git.commit("HEAD"):
                sizes = git.run("ls-tree", "-r", "-l", "HEAD").split(b"\n")
                total += sum(s for s in (_size(line) for line in sizes) if s <= LARGEST_BYTES)
        except GitError:
            continue
    return total


def _size(line: bytes) -> int:
    fields = line.split(maxsplit=4)
    return int(fields[3]) if len(fields) > 3 and fields[3].isdigit() else 0


def promise(settings: Settings, paths: Sequence[Path], is_to_end: Callable[[], bool] = never) -> list[str]:
    """Sentences for a person; the figures are estimates, and said to be."""
    size, rate = parameters(settings), measure(settings, is_to_end)
    tokens = tree_bytes(paths) / BYTES_A_TOKEN
    began = f"There is no checkpoint yet: a new model of {size / 1e6:.1f} million parameters begins from nothing."
    able = "It will pick up names and idioms of these repositories and complete short lines; it writes no functions."
    if not rate:
        return [began, able]
    return [
        began,
        f"This machine trains it on some {rounded(rate):,} tokens a second: once through the present trees, "
        f"{tokens / 1e6:.1f} million tokens at most, takes up to {duration(tokens / rate)}; new commits go before.",
        f"{able} A model of this size has learnt most of what it can hold after {CHINCHILLA * size / 1e6:,.0f} million "
        f"tokens, here after {duration(CHINCHILLA * size / rate)}.",
    ]
