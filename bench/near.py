"""What the index drops, against exact Jaccard similarity by brute force.

Documents are judged one after the other, as dedup does it: the files of consecutive releases, the changed files of
their commits, and texts in other scripts (the translations of Django, joined to paragraphs, and variants of these). For
every document the greatest Jaccard similarity of its shingles to those that the index kept before it is computed
exactly. It should be dropped when that is at least the index's threshold (for another version of its own path: the
higher one).

recall: of those that should be dropped, the share that was. precision: of those that were dropped as near duplicates or
as versions, the share that should be. innocents: how many were dropped though none that was kept is similar enough.
Exact copies are left out of all three. `scripts`: recall and innocents, by script. `set_bytes`: of a kept document's
set of shingles, the mean over files and changed files. The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import re
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import xxhash
from common.histories import histories
from common.machine import machine
from common.translations import paragraphs

from midstream.settings import cache_home
from streams.document import Document, Part, Source
from streams.event import encode
from streams.frame import Frame, Tally
from streams.index.index import Index
from streams.index.letters import ALONE, CLASSES, WORD
from streams.index.minhash import NGRAM, sketch
from streams.prepare.expand import expand
from streams.prepare.prepare import identity
from streams.prepare.texts import compared
from streams.recipe import Thresholds
from streams.sources.git.cursors import Cursor
from streams.sources.git.history import History

FILES, COMMITS = 8_000, 8_000
"""Documents of each kind that are judged at most, from all repositories together."""
SOURCE = Source("files", "0" * 32, 0)


@dataclass
class Count:
    """Of documents that are no exact copies."""

    documents: int = 0
    similar: int = 0
    """That should be dropped."""
    dropped: int = 0
    right: int = 0
    """That should be and were."""
    innocents: list[float] = field(default_factory=list)
    """The greatest similarity of each that was dropped and should not be."""

    @property
    def recall(self) -> float:
        return round(self.right / self.similar, 4) if self.similar else 1.0

    @property
    def precision(self) -> float:
        return round(1 - len(self.innocents) / self.dropped, 4) if self.dropped else 1.0


class Brute:
    """The kept documents' shingles, by kind."""

    def __init__(self) -> None:
        self._holders: dict[tuple[str, int], list[int]] = defaultdict(list)
        self._sizes: list[int] = []
        self._paths: list[tuple[str, str]] = []

    def similar(self, document: Document, shingles: set[int], bars: Thresholds) -> tuple[bool, float]:
        """Whether it is to be dropped, and its greatest similarity."""
        common = Counter(n for shingle in shingles for n in self._holders.get((document.kind, shingle), ()))
        own, greatest, drop = (document.repository, document.path), 0.0, False
        for number, both in common.items():
            jaccard = both / (len(shingles) + self._sizes[number] - both)
            greatest = max(greatest, jaccard)
            is_version = document.kind == "file" and self._paths[number] == own
            drop |= jaccard >= (bars.version if is_version else bars.near)
        return drop, greatest

    def keep(self, document: Document, shingles: set[int]) -> None:
        for shingle in shingles:
            self._holders[document.kind, shingle].append(len(self._sizes))
        self._sizes.append(len(shingles))
        self._paths.append((document.repository, document.path))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="*", type=Path, help="Clones of git; else releases of packages.")
    arguments, bars = parser.parse_args(), Thresholds()
    with tempfile.TemporaryDirectory() as work:
        origin, clones = ("given", arguments.folders) if arguments.folders else histories(cache_home(), Path(work))
        files, commits = Count(), Count()
        index = judge(documents(clones), {"file": files, "commit": commits}, bars)
    scripts = {name: Count() for name in paragraphs(cache_home())}
    for name, texts in paragraphs(cache_home()).items():
        judge(plain(name, texts), {"file": scripts[name]}, bars)
    every = [files, *scripts.values()]
    print(json.dumps({
        "bench": "near", "histories": origin, **report(every), "scripts": {n: shown(c) for n, c in scripts.items()},
        "files": shown(files), "commits": shown(commits), "commits_innocent": len(commits.innocents),
        "set_bytes": round(index.sets_nbytes / len(index)),
        "nearest_innocents": sorted(x for c in (*every, commits) for x in c.innocents)[:5], "machine": machine(),
    }))  # fmt: skip


def report(counts: list[Count]) -> dict[str, object]:
    total = Count(
        sum(c.documents for c in counts), sum(c.similar for c in counts), sum(c.dropped for c in counts),
        sum(c.right for c in counts), [x for c in counts for x in c.innocents],
    )  # fmt: skip
    return {**shown(total), "precision": total.precision}


def shown(count: Count) -> dict[str, object]:
    return {"recall": count.recall, "innocents": len(count.innocents), "documents": count.documents,
            "similar": count.similar}  # fmt: skip


def judge(given: Iterable[Document], counts: dict[str, Count], bars: Thresholds) -> Index:
    """Each document in turn, by the index, which is returned, and by brute force against what the index kept."""
    index, brute = Index(bars, {SOURCE.key: 0}), Brute()
    for number, document in enumerate(given):
        text = compared(document)
        document.offset, document.index = number, 0
        document.id = identity(document)
        document.exact = xxhash.xxh3_128_digest(text.encode("utf-8", "replace"))
        document.signature, document.shingles = sketch(text)
        frame = Frame(source=SOURCE, start=number, upto=number + 1, tallies=[Tally(number, 1)], documents=[document])
        judged = index.judge(frame, number)
        rule = judged.rejections[0].rule if judged.rejections else ""
        if rule == "exact_duplicate":
            continue
        shingles, count = shingled(text), counts[document.kind]
        should, greatest = brute.similar(document, shingles, bars)
        count.documents += 1
        count.similar += should
        count.dropped += bool(rule)
        count.right += bool(rule) and should
        if rule and not should:
            count.innocents.append(round(greatest, 4))
        if not rule:
            brute.keep(document, shingles)
    return index


_ASCII = re.compile(r"[A-Za-z0-9_]+")


def words(text: str) -> Iterator[str]:
    """The tokens that signatures are made of, by another way than theirs."""
    if text.isascii():
        yield from _ASCII.findall(text)
        return
    word = ""
    for character in text:
        kind = CLASSES[ord(character)] if ord(character) < len(CLASSES) else 0
        if kind == WORD:
            word += character
            continue
        if word:
            yield word
            word = ""
        if kind == ALONE:
            yield character
    if word:
        yield word


def shingled(text: str) -> set[int]:
    tokens = list(words(text))
    return {hash(tuple(tokens[i : i + NGRAM])) for i in range(len(tokens) - NGRAM + 1)}


def documents(clones: list[Path]) -> Iterator[Document]:
    """Of each repository's history its share: files as they stood after a commit, and its changed files."""
    limits = {"file": FILES // len(clones), "commit": COMMITS // len(clones)}
    left = {kind: dict.fromkeys(clones, most) for kind, most in limits.items()}
    for clone in clones:
        for step in History.open(clone).live(Cursor(), Counter()):
            for event in step.events:
                for document in expand(encode(event), 0).documents:
                    if document.kind in left and left[document.kind][clone] > 0:
                        left[document.kind][clone] -= 1
                        yield document
            if not any(of[clone] for of in left.values()):
                break


def plain(name: str, texts: Iterable[str]) -> Iterator[Document]:
    for number, text in enumerate(texts):
        yield Document(offset=0, index=0, kind="file", parts=[Part("text", text)], path=f"{number}.md", repository=name)


if __name__ == "__main__":
    main()
