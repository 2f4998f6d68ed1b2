"""Infilling: whether the shares that `[fim]` asks for come out, and how fast `choose` and `segments` are.

300,000 pairs of a real file's first 6,000 characters and a seed. Shares of kinds are counted among the pairs whose
text has a syntax node (elsewhere a syntax cut becomes a line cut, told apart as `without_node`). Speed is CPU time of
choice and rendering, no tokenisation. What `faults` counts, it counts for two peers too. The last line is one JSON
object.
"""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from common.files import documents, learned, parser
from common.machine import machine
from common.texts import Text, text
from faults import beside

from model.fim.fim import Cut, Mix, choose, segments
from model.fim.format import Format
from model.fim.formats import INCODER, STARCODER

PAIRS = 300_000
FILES = 3000
LONGEST, SHORT = 6000, 1500
"""Characters of a text; short ones where every text is parsed three times."""
MIX = Mix()
SEVERAL = Mix(random=0.3, line=0.3, syntax=0.0, several=0.4)
SIBLINGS = Mix(fim_rate=1.0, random=0.0, line=0.0, syntax=1.0, siblings=0.2)


def main() -> None:
    arguments = parser(__doc__, FILES)
    arguments.add_argument("--pairs", type=int, default=PAIRS)
    options = arguments.parse_args()
    sample = documents(options)
    long = [text(d, LONGEST) for d in sample]
    seeds = range(max(1, options.pairs // len(long)))
    mean = sum(len(t.text) for t in long) // len(long)
    say(f"{len(seeds)} seeds for {len(long)} texts of {mean} characters on average")
    asked, kinds, fast = main_mix(long, seeds)
    say(f"shares {asked}, speed {fast}")
    asked |= {"several": several(long, seeds[: len(seeds) // 3 + 1])}
    asked |= {"siblings": siblings([text(d, SHORT) for d in sample], seeds[: len(seeds) // 3 + 1])}
    say(f"several {asked['several']}, siblings {asked['siblings']}")
    print(json.dumps({
        **fast, "documents": len(seeds) * len(long),
        "worst_share_error": max(share["error"] for share in asked.values()), "shares": asked, "kinds": kinds,
        "peers": beside(sample, long, learned(sample)), "texts": len(long), "machine": machine(),
    }))  # fmt: skip


def main_mix(texts: Sequence[Text], seeds: Iterable[int]) -> tuple[dict[str, Any], dict[str, Any], dict[str, float]]:
    """The shares, what kinds there were, and the speed with and without syntax cuts."""
    count: Counter[str] = Counter()
    kinds: Counter[str] = Counter()
    spent = plain = size = 0.0
    for seed in seeds:
        cuts, seconds = rendered(texts, replace(MIX, seed=seed))
        spent += seconds
        plain += rendered(texts, replace(MIX, seed=seed, syntax=0.0))[1]
        size += sum(len(t.text.encode()) for t in texts) / 1e6
        count.update(cut.order if cut else "plain" for cut in cuts)
        kinds.update(kinds_of(texts, cuts, seed))
    placed = sum(kinds[f"{kind} on a node"] for kind in ("random", "line", "syntax"))
    cut = count["psm"] + count["spm"]
    shares = {
        "fim_rate": share(cut, cut + count["plain"], MIX.fim_rate),
        "spm_share": share(count["spm"], cut, MIX.spm_share),
        **{
            kind: share(kinds[f"{kind} on a node"], placed, getattr(MIX, kind) / (MIX.random + MIX.line + MIX.syntax))
            for kind in ("random", "line", "syntax")
        },
    }  # fmt: skip
    of_all = {kind: round(kinds[kind] / max(1, cut), 5) for kind in ("random", "line", "syntax")}
    return (
        shares,
        {"of_all_cuts": of_all, "without_node": round(1 - placed / max(1, cut), 5)},
        {"mb_s": round(size / spent, 1), "mb_s_without_syntax": round(size / plain, 1)},
    )


def rendered(texts: Sequence[Text], mix: Mix, fmt: Format = STARCODER) -> tuple[list[Cut | None], float]:
    """Every text's cut, and the CPU seconds of choosing and rendering all of them."""
    began = time.process_time()
    cuts = [choose(t.text, t.language, t.key, mix, fmt) for t in texts]
    for t, cut in zip(texts, cuts, strict=True):
        segments(fmt, t.head, t.text, cut)
    return cuts, time.process_time() - began


def kinds_of(texts: Sequence[Text], cuts: Sequence[Cut | None], seed: int) -> Iterator[str]:
    """Every cut's kind, and once more where its place has a node: the same draws in a mix of syntax cuts alone tell."""
    mix = replace(MIX, seed=seed, random=0.0, line=0.0, syntax=1.0)
    for t, cut in zip(texts, cuts, strict=True):
        if cut is not None:
            yield cut.span
            alone = cut if cut.span == "syntax" else choose(t.text, t.language, t.key, mix, STARCODER)
            if alone is not None and alone.span == "syntax":
                yield f"{cut.span} on a node"


def several(texts: Sequence[Text], seeds: Iterable[int]) -> dict[str, float]:
    counts: Counter[str] = Counter()
    for seed in seeds:
        counts.update(c.span for c in rendered(texts, replace(SEVERAL, seed=seed), INCODER)[0] if c is not None)
    return share(counts["several"], sum(counts.values()), SEVERAL.several)


def siblings(texts: Sequence[Text], seeds: Iterable[int]) -> dict[str, float]:
    """Among syntax cuts whose node has siblings behind it: where a mix that always goes on ends somewhere else."""
    eligible = on = 0
    for seed in seeds:
        for t in texts:
            one, other, always = (
                choose(t.text, t.language, t.key, replace(SIBLINGS, seed=seed, siblings=rate), STARCODER)
                for rate in (0.0, SIBLINGS.siblings, 1.0)
            )
            if one and other and always and one.span == "syntax" and always.middle != one.middle:
                eligible += 1
                on += other.middle != one.middle
    return share(on, eligible, SIBLINGS.siblings)


def share(part: int, of: int, wanted: float) -> dict[str, float]:
    """`error` in percentage points."""
    measured = part / max(1, of)
    return {
        "wanted": round(wanted, 4), "measured": round(measured, 5), "of": of,
        "error": round(100 * abs(measured - wanted), 3),
    }  # fmt: skip


def say(what: str) -> None:
    print(what, flush=True)


if __name__ == "__main__":
    main()
