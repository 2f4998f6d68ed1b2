"""Finds against truths: precision, recall and F1, together, by kind and by syntax."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from common.pii.windows import Truth, Window

Find = tuple[int, int, str]
"""Start and end in bytes, half open, and the kind."""
SECRETS = ("key", "password")
"""Kinds that may stand for each other."""


@dataclass
class Count:
    truths: int = 0
    hit: int = 0
    """Truths that were found."""
    finds: int = 0
    right: int = 0
    """Finds of a truth."""

    def figures(self) -> dict[str, float]:
        precision = self.right / self.finds if self.finds else 1.0
        recall = self.hit / self.truths if self.truths else 1.0
        f1 = 2 * precision * recall / (precision + recall) if precision + recall else 0.0
        return {"f1": round(f1, 4), "precision": round(precision, 4), "recall": round(recall, 4)}


@dataclass
class Score:
    total: Count = field(default_factory=Count)
    kinds: dict[str, Count] = field(default_factory=lambda: defaultdict(Count))
    """Truths by their kind, finds by theirs."""
    syntaxes: dict[str, Count] = field(default_factory=lambda: defaultdict(Count))
    confused: Counter[str] = field(default_factory=Counter)
    """`truth as find`, where the kinds differ."""
    misses: list[tuple[Window, Truth]] = field(default_factory=list)
    false: list[tuple[Window, Find]] = field(default_factory=list)
    touched: Counter[str] = field(default_factory=Counter)
    """Clean windows in which something is found, by trap."""
    clean: int = 0
    spilled: int = 0
    """Bytes of right finds outside of truths, of `covered`."""
    covered: int = 0

    @property
    def clean_touched(self) -> float:
        return round(self.touched.total() / self.clean, 4) if self.clean else 0.0


def score(
    windows: Sequence[Window], finds: Sequence[Sequence[Find]], kinds: Collection[str] = (), *, lines: bool = False
) -> Score:
    """A truth is found when finds of its kind cover half of its bytes; a find is right when it holds half of a truth,
    or lies to its half in one. Truths of other kinds than `kinds`, if given, are neither: what meets them is left out.
    With `lines`, finds are whole lines, and meeting a truth is enough.
    """
    result = Score()
    for window, several in zip(windows, finds, strict=True):
        wanted = [t for t in window.truths if not kinds or t.kind in kinds]
        others = [t for t in window.truths if t not in wanted]
        counted = [f for f in several if not any(_overlap(f, t) for t in others) or any(_overlap(f, t) for t in wanted)]
        _truths(result, window, wanted, counted, lines=lines)
        _finds(result, window, wanted, counted, kinds=kinds, lines=lines)
        if not window.truths:
            result.clean += 1
            result.touched[window.trap] += bool(several)
    return result


def fits(find: Find, truth: Truth, *, lines: bool) -> bool:
    return lines or find[2] == truth.kind or (find[2] in SECRETS and truth.kind in SECRETS)


def _overlap(find: Find, truth: Truth) -> int:
    return max(0, min(find[1], truth.end) - max(find[0], truth.start))


def _truths(result: Score, window: Window, truths: Sequence[Truth], finds: Sequence[Find], *, lines: bool) -> None:
    for truth in truths:
        met = [f for f in finds if _overlap(f, truth)]
        fitting = [f for f in met if fits(f, truth, lines=lines)]
        bytes_ = {at for f in fitting for at in range(max(f[0], truth.start), min(f[1], truth.end))}
        is_hit = bool(fitting) and (lines or 2 * len(bytes_) >= truth.end - truth.start)
        for count in (result.total, result.kinds[truth.kind], result.syntaxes[window.syntax]):
            count.truths += 1
            count.hit += is_hit
        for kind in {f[2] for f in met} - {truth.kind} if not lines else ():
            result.confused[f"{truth.kind} as {kind}"] += 1
        if not is_hit:
            result.misses.append((window, truth))


def _finds(
    result: Score,
    window: Window,
    truths: Sequence[Truth],
    finds: Sequence[Find],
    *,
    kinds: Collection[str],
    lines: bool,
) -> None:
    for find in finds:
        if kinds and not lines and find[2] not in kinds:
            continue
        is_right = any(
            fits(find, t, lines=lines)
            and (overlap := _overlap(find, t))
            and (lines or 2 * overlap >= t.end - t.start or 2 * overlap >= find[1] - find[0])
            for t in truths
        )
        for count in (result.total, result.kinds[find[2]], result.syntaxes[window.syntax]):
            count.finds += 1
            count.right += is_right
        if is_right:
            result.covered += find[1] - find[0]
            result.spilled += find[1] - find[0] - min(find[1] - find[0], sum(_overlap(find, t) for t in truths))
        else:
            result.false.append((window, find))
