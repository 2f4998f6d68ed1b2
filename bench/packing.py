"""How full rows are: `model.training.bins` on the pieces that pack makes of real files, for rows of 1,024 to 16,384.

The context is as long as the row, the hardest case. Peers pack the token counts of the same documents in the same run.
`use` counts rows that were filled; those that a flush closes, at the end of the log or to bound the wait, stand apart.
Times are CPU time, the best of five passes. The last line is one JSON object.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from common.files import documents, learned, parser
from common.machine import machine
from common.packers import Packed, concatenate, crop, decreasing, truncating

from model.fim.fim import Mix
from model.fim.formats import STARCODER
from model.tokens.tokenizer import Tokenizer
from model.training.bins import Bins
from streams.document import Document
from streams.pack.pack import Packer

DOCUMENTS = 9000
ROWS = (1024, 2048, 4096, 8192, 16384)
OPEN_BINS = 64
WAITS = (64, 256, 1024, 4096)
"""Documents that may arrive before one that waits is handed on."""
BATCH_ROWS = 8
PASSES = 5

Result = TypeVar("Result")


def main() -> None:
    arguments = parser(__doc__, DOCUMENTS)
    options = arguments.parse_args()
    sample = documents(options)
    say(f"{len(sample)} documents, {sum(d.size for d in sample) / 1e6:.1f} million characters")
    tokenizer = learned(sample)
    whole, _ = packed(sample, tokenizer, 1 << 40)
    sizes = [size for pieces in whole for size in pieces]
    ours: dict[int, dict[str, Any]] = {}
    peers: dict[str, dict[int, dict[str, Any]]] = {}
    for row in ROWS:
        pieces, line_ends = packed(sample, tokenizer, row)
        ours[row] = {**filled(pieces, row), "cut_at_line_ends": line_ends}
        for name, figures in beside(sizes, pieces, row).items():
            peers.setdefault(name, {})[row] = figures
        say(f"rows of {row}: {ours[row]}")
    print(json.dumps(report(ours, peers, sizes)))


def report(
    ours: dict[int, dict[str, Any]], peers: dict[str, dict[int, dict[str, Any]]], sizes: list[int]
) -> dict[str, Any]:
    return {
        **worst(ours), "documents": len(sizes), "tokens": sum(sizes), "open_bins": OPEN_BINS,
        "peers": {name: {**worst(figures), "lengths": figures} for name, figures in peers.items()},
        "lengths": ours, "machine": machine(),
    }  # fmt: skip


def worst(figures: dict[int, dict[str, Any]]) -> dict[str, Any]:
    """Use and time of the worst length, and what all of them discard."""
    return {
        "use": min(f["use"] for f in figures.values()),
        "discarded": sum(f["discarded"] for f in figures.values()),
        "us_per_document": max(f["us_per_document"] for f in figures.values()),
    }


def packed(found: Sequence[Document], tokenizer: Tokenizer, context: int) -> tuple[list[list[int]], float]:
    """The tokens of every piece of every document, and which share of the cuts is at a line's end.

    The share is that of the pieces that infilling left in their order, where the last token before the end tells.
    """
    packer = Packer(tokenizer, STARCODER, Mix(), context)
    sizes: list[list[int]] = []
    ends: list[bool] = []
    for document in found:
        pieces = packer.pack(document)
        sizes.append([example.tokens for example in pieces])
        last = [tokenizer.bytes_of[e.array()[-2]] for e in pieces[:-1] if e.order == "plain"]
        ends += [token.endswith(b"\n") for token in last]
    return sizes, ratio(sum(ends), len(ends))


def filled(pieces: list[list[int]], row: int) -> dict[str, Any]:
    bins, seconds = best(lambda: through_bins(pieces, row))
    full, used = len(bins.rows), sum(map(sum, bins.rows))
    total = sum(map(sum, pieces))
    bins.flush()
    tail = list(bins.rows)[full:]
    split = sum(len(p) > 1 for p in pieces)
    return {
        "use": ratio(used, full * row), "discarded": total - sum(map(sum, bins.rows)), "rows": full,
        "tail": {"rows": len(tail), "use": ratio(sum(map(sum, tail)), len(tail) * row)},
        "us_per_document": round(seconds / len(pieces) * 1e6, 2),
        "us_per_piece": round(seconds / sum(map(len, pieces)) * 1e6, 2),
        "pieces": sum(map(len, pieces)), "split": ratio(split, len(pieces)), "split_needlessly": 0,
        "flush": {wait: flushed(pieces, row, wait) for wait in WAITS},
    }  # fmt: skip


def through_bins(pieces: list[list[int]], row: int) -> Bins[int]:
    bins: Bins[int] = Bins(row, OPEN_BINS)
    for sizes in pieces:
        for size in sizes:
            bins.add(size, size)
    return bins


def flushed(pieces: list[list[int]], row: int, wait: int) -> dict[str, float]:
    """As the feed does it, a document being the unit of time: an open row is handed on when it has waited so long, and
    the oldest others with it until the Batch is full.

    `use` counts all rows, `of_all_at_once` is the use where all open rows are handed on when the first is due.
    """
    bins: Bins[int] = Bins(row, OPEN_BINS)
    together: Bins[int] = Bins(row, OPEN_BINS)
    closed = 0
    for now, sizes in enumerate(pieces):
        for size in sizes:
            bins.add(size, size, now)
            together.add(size, size, now)
        if now - bins.oldest >= wait - 1:
            closed += bins.flush(before=now - wait + 2, least=BATCH_ROWS - len(bins.rows) % BATCH_ROWS)
        if now - together.oldest >= wait - 1:
            together.flush()
    return {
        "use": used(bins), "flushed_rows": ratio(closed, len(bins.rows)), "of_all_at_once": used(together),
    }  # fmt: skip


def used(bins: Bins[int]) -> float:
    return ratio(sum(map(sum, bins.rows)), len(bins.rows) * bins.row_tokens)


def beside(sizes: list[int], pieces: list[list[int]], row: int) -> dict[str, dict[str, Any]]:
    flat = [size for document in pieces for size in document]
    split = sum(len(p) > 1 for p in pieces)
    calls: dict[str, Callable[[], Packed]] = {
        "concatenate_and_chunk": lambda: concatenate(sizes, row),
        "best_fit_crop": lambda: crop(sizes, row),
        "truncating_best_fit_decreasing": lambda: truncating(sizes, row),
        "offline_best_fit_decreasing": lambda: decreasing(flat, row),
    }
    report: dict[str, dict[str, Any]] = {}
    for name, call in calls.items():
        packed, seconds = best(call)
        apart = split if call is calls["offline_best_fit_decreasing"] else packed.split
        report[name] = {
            "use": ratio(packed.used, packed.rows * row), "discarded": packed.discarded,
            "discarded_share": ratio(packed.discarded, sum(sizes)), "split": ratio(apart, len(sizes)),
            "split_needlessly": ratio(packed.needlessly, len(sizes)),
            "us_per_document": round(seconds / len(sizes) * 1e6, 2),
        }  # fmt: skip
    return report


def best(call: Callable[[], Result]) -> tuple[Result, float]:
    """What it returns, and the CPU seconds of the fastest pass."""
    spent: list[float] = []
    while True:
        began = time.process_time()
        result = call()
        spent.append(time.process_time() - began)
        if len(spent) == PASSES:
            return result, min(spent)


def ratio(part: int, of: int) -> float:
    return round(part / of, 5) if of else 0.0


def say(what: str) -> None:
    print(what, flush=True)


if __name__ == "__main__":
    main()
