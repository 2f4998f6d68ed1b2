"""Rows of Examples as the arrays of one Batch."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from model.example import PADDING, About, Batch, Example


def collate(
    rows: Sequence[Sequence[Example]], row_tokens: int, replayed: Sequence[Sequence[bool]] = (), flushed: bool = False,
    capacity: int = 0,
) -> Batch:  # fmt: skip
    """One Batch of B = len(rows) rows, padded on the right. `replayed`: by row and example; empty: none is. Raises
    ValueError when a row holds more than its tokens."""
    shape = (len(rows), row_tokens)
    ids_BT = np.zeros(shape, np.int64)
    positions_BT = np.zeros(shape, np.int64)
    documents_BT = np.full(shape, PADDING, np.int32)
    for b, row in enumerate(rows):
        at = 0
        for number, example in enumerate(row):
            end = at + example.tokens
            if end > row_tokens:
                raise ValueError(f"a row of {row_tokens} tokens was given {sum(e.tokens for e in row)}")
            ids_BT[b, at:end] = example.array()
            positions_BT[b, at:end] = np.arange(example.tokens)
            documents_BT[b, at:end] = number
            at = end
    again = replayed or [[False] * len(row) for row in rows]
    about = tuple(
        tuple(About(e.kind, e.language, e.text_bytes, e.middle, r) for e, r in zip(row, marks, strict=True))
        for row, marks in zip(rows, again, strict=True)
    )
    return Batch(
        ids_BT=ids_BT,
        positions_BT=positions_BT,
        documents_BT=documents_BT,
        text_bytes=sum(a.text_bytes for row in about for a in row if not a.replayed),
        examples=sum(map(len, rows)),
        about=about,
        replayed=sum(a.replayed for row in about for a in row),
        replayed_tokens=sum(
            e.tokens for row, of in zip(rows, about, strict=True) for e, a in zip(row, of, strict=True) if a.replayed
        ),
        flushed=flushed,
        capacity=capacity,
    )
