"""What two recipes do to the same documents: counts, overlap, and samples of what only one drops."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from streams.document import Document
    from streams.prepare.recipes.recipe import Recipe


@dataclass(order=True)
class Sample:
    """A document that only one of the recipes drops."""

    key: int
    """Its negated hash: the smallest hashes are kept, so the same documents always are."""
    path: str = field(compare=False)
    language: str = field(compare=False)
    rule: str = field(compare=False)
    reason: str = field(compare=False)


@dataclass
class Comparison:
    names: tuple[str, str]
    documents: int = 0
    kept: tuple[int, int] = (0, 0)
    both_drop: int = 0
    only: tuple[int, int] = (0, 0)
    """Dropped by one of them alone."""
    rules: tuple[Counter[str], Counter[str]] = field(default_factory=lambda: (Counter(), Counter()))
    languages: Counter[tuple[str, int]] = field(default_factory=Counter)
    """Documents that only one drops, by (language or kind, which)."""
    samples: tuple[list[Sample], list[Sample]] = field(default_factory=lambda: ([], []))

    @property
    def overlap(self) -> float:
        """Of what either drops, the share that both do."""
        return self.both_drop / max(1, self.both_drop + sum(self.only))

    def table(self) -> dict[str, Any]:
        return {
            "recipes": list(self.names), "documents": self.documents, "kept": list(self.kept),
            "both_drop": self.both_drop, "only": list(self.only), "overlap": round(self.overlap, 4),
            "rules": [dict(rules.most_common()) for rules in self.rules],
            "languages": [
                {name: n for (name, which), n in self.languages.most_common() if which == side} for side in (0, 1)
            ],
            "samples": [
                [
                    {"path": s.path, "language": s.language, "rule": s.rule, "reason": s.reason}
                    for s in sorted(samples, reverse=True)
                ]
                for samples in self.samples
            ],
        }  # fmt: skip


def compare(documents: Iterable[Document], recipes: tuple[Recipe, Recipe], samples: int) -> Comparison:
    """Each recipe judges a copy of its own: the lengths that texts are cut to may differ."""
    from copy import deepcopy

    from streams.prepare.identity import identity
    from streams.prepare.prepare import rule_input

    made = Comparison((recipes[0].name, recipes[1].name))
    for document in documents:
        key = int.from_bytes(identity(document)[:8], "big")
        seen = [rule_input(deepcopy(document), recipe) for recipe in recipes]
        verdicts = [recipe.judge(each) for recipe, each in zip(recipes, seen, strict=True)]
        made.documents += 1
        made.kept = _added(made.kept, [verdict is None for verdict in verdicts])
        for rules, verdict in zip(made.rules, verdicts, strict=True):
            if verdict is not None:
                rules[verdict.rule] += 1
        made.both_drop += all(verdicts)
        for side, (verdict, other) in enumerate((verdicts, verdicts[::-1])):
            if verdict is not None and other is None:
                made.only = _added(made.only, [side == 0, side == 1])
                shown = seen[side].document
                named = (shown.language or "unknown") if shown.kind in ("file", "commit") else shown.kind
                made.languages[named, side] += 1
                where = f"{shown.repository} {shown.path or shown.thread}".strip()
                _keep(made.samples[side], Sample(-key, where, named, verdict.rule, verdict.reason), samples)
    return made


def _added(counts: tuple[int, int], more: list[bool]) -> tuple[int, int]:
    return counts[0] + more[0], counts[1] + more[1]


def _keep(samples: list[Sample], sample: Sample, most: int) -> None:
    if len(samples) < most:
        heapq.heappush(samples, sample)
    elif most:
        heapq.heappushpop(samples, sample)
