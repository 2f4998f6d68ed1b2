"""Rounds of a recall: train, score every page, look at domains by hand, take what was marked into the next round.

As DeepSeek-Coder-V2 and OpenCoder do it: a domain of which a tenth of the pages is recalled is shown to a person; what
the person calls good or bad teaches the next round.
"""

from __future__ import annotations

import os
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import xxhash

from streams.recall.classifier import Classifier
from streams.recall.pages import Page, PagesError, files_of, pages, seeds
from streams.statefile import write

ROUNDS = 3
FOLDS, MISSED = 5, 0.1
"""The bar of a round is the score that nine tenths of the good texts reach with a classifier that did not learn from
them: among the others there are many that speak of code, too, so a half would be too high."""
SHARE = 0.1
"""Of a domain's pages, how many must be recalled for it to be shown (DeepSeek-Coder-V2)."""
LEAST_PAGES = 2
MOST_TEXTS = 20_000
"""Of each kind that a round is trained on, by keyed hash."""


class Recall(msgspec.Struct):
    """A recall's folder: what it is made from, and how far it is."""

    seeds: list[str]
    pages: list[str]
    done: int = 0
    """Rounds."""


@dataclass(frozen=True)
class Round:
    number: int
    pages: int
    recalled: int
    domains: int
    """Shown in domains.tsv."""
    left_out: Counter[str]


class RecallError(ValueError):
    """What stands in the way; the message says what to do."""


def begin(folder: Path, seed_paths: Iterable[Path], page_paths: Iterable[Path]) -> Recall:
    """Makes the folder, readable by its owner alone. Raises RecallError."""
    if (folder / "recall.json").exists():
        raise RecallError(f"{folder} holds a recall already: go on with `midstream recall round {folder}`")
    given = [str(path.resolve()) for path in seed_paths]
    if not _seeds(given, Counter()):
        raise RecallError("the seeds hold no text of 200 characters or more")
    crawl = [str(file.resolve()) for path in page_paths for file in files_of(path)]
    if not crawl:
        raise RecallError("the folder of pages holds no file named .jsonl or .jsonl.gz")
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    state = Recall(given, crawl)
    write(folder / "recall.json", msgspec.json.format(msgspec.json.encode(state)))
    return state


def load(folder: Path) -> Recall:
    """Raises RecallError."""
    try:
        return msgspec.json.decode((folder / "recall.json").read_bytes(), type=Recall)
    except (OSError, msgspec.DecodeError) as error:
        raise RecallError(f"{folder} holds no recall: make one with `midstream recall begin`") from error


def advance(folder: Path, say: Callable[[str], None]) -> Round:
    """The next round: what was marked in the last one's domains.tsv teaches it. Raises RecallError."""
    state = load(folder)
    if state.done >= ROUNDS:
        raise RecallError(f"all {ROUNDS} rounds are done: take the pages with `midstream recall write`")
    marks = _marks(folder, state.done)
    if state.done and not read_marks(folder / f"round-{state.done}" / "domains.tsv"):
        raise RecallError(
            f"no domain is marked: write good or bad in the first column of {folder}/round-{state.done}/domains.tsv"
        )
    number = state.done + 1
    work = folder / f"round-{number}"
    work.mkdir(mode=0o700, exist_ok=True)
    paths = [Path(name) for name in state.pages]
    unsure = _scores(folder / f"round-{state.done}") if state.done else ()
    seeds_left_out: Counter[str] = Counter()
    good, bad = _texts(state, paths, marks, unsure, seeds_left_out)
    say(f"round {number}: learning from {len(good):,} texts that speak of code and {len(bad):,} others")
    bar = _bar(good, bad)
    classifier = Classifier.train([text for _, text in good], bad)
    classifier.save(work / "classifier.npz")
    made = _scored(work, number, classifier, bar, paths, say)
    made.left_out.update(seeds_left_out)
    state.done = number
    write(folder / "recall.json", msgspec.json.format(msgspec.json.encode(state)))
    return made


def _marks(folder: Path, done: int) -> dict[str, str]:
    """Of all rounds so far, the last mark of a domain."""
    marks: dict[str, str] = {}
    for number in range(1, done + 1):
        marks |= read_marks(folder / f"round-{number}" / "domains.tsv")
    return marks


def _scores(work: Path) -> dict[str, float]:
    """By a page's id, of those that a round recalled."""
    path = work / "scores.tsv"
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
        return {name: float(score) for score, name, _ in (line.split("\t", 2) for line in lines)}
    except (OSError, ValueError) as error:
        raise RecallError(f"{path} is gone or damaged, put it back or begin a new recall: {error}") from error


def _seeds(given: Iterable[str], left_out: Counter[str]) -> list[str]:
    try:
        return seeds(map(Path, given), left_out)
    except PagesError as error:
        raise RecallError(str(error)) from error


def _pages(paths: Iterable[Path], left_out: Counter[str]) -> Iterator[Page]:
    try:
        yield from pages(paths, left_out)
    except PagesError as error:
        raise RecallError(str(error)) from error


def _texts(
    state: Recall, paths: list[Path], marks: dict[str, str], unsure: Collection[str], seeds_left_out: Counter[str]
) -> tuple[list[tuple[str, str]], list[str]]:
    """Good ones, each behind its group: seeds, and pages of good domains. Bad ones: pages of bad domains, and a sample
    of others by keyed hash, without those that the last round recalled: many of these may be good."""
    good = [(f"seed {number}", text) for number, text in enumerate(_seeds(state.seeds, seeds_left_out))][:MOST_TEXTS]
    bad: list[tuple[int, str]] = []
    marked: list[tuple[int, str, str]] = []
    for page in _pages(paths, Counter()):
        key = xxhash.xxh3_64_intdigest(page.url.encode("utf-8", "replace"))
        mark = marks.get(page.domain)
        if mark == "good":
            marked.append((key, page.domain, page.text))
        elif mark == "bad":
            bad.append((0, page.text))
        elif key % 4 == 0 and page.id not in unsure:
            bad.append((key, page.text))
        bad, marked = _some(bad), _some(marked)
    if not bad:
        raise RecallError("the pages are too few to learn from: give more of them")
    good += [(domain, text) for _, domain, text in sorted(marked)[:MOST_TEXTS]]
    return good, [text for _, text in sorted(bad)[:MOST_TEXTS]]


def _bar(good: list[tuple[str, str]], bad: list[str]) -> float:
    """The score from which a page is recalled; a group (a domain) is held out whole."""
    scores: list[float] = []
    folds = [xxhash.xxh3_64_intdigest(group.encode()) % FOLDS for group, _ in good]
    for fold in sorted(set(folds)):
        rest = [text for (_, text), its in zip(good, folds, strict=True) if its != fold]
        if rest:
            held = Classifier.train(rest, bad)
            scores += [held.score(text) for (_, text), its in zip(good, folds, strict=True) if its == fold]
    return sorted(scores)[int(MISSED * len(scores))] if scores else 0.5


def _scored(
    work: Path, number: int, classifier: Classifier, bar: float, paths: list[Path], say: Callable[[str], None]
) -> Round:
    """Writes scores.tsv (score, address) of what is recalled, and domains.tsv."""
    left_out: Counter[str] = Counter()
    of_domain: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    total = recalled = 0
    with os.fdopen(os.open(work / "scores.tsv", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        for page in _pages(paths, left_out):
            score = classifier.score(page.text)
            counts = of_domain[page.domain]
            counts[0] += 1
            total += 1
            if score >= bar:
                counts[1] += 1
                recalled += 1
                file.write(f"{score:.4f}\t{page.id}\t{_line(page.url)}\n")
            if total % 20_000 == 0:
                say(f"round {number}: {total:,} pages, {recalled:,} recalled")
    shown = [(d, n, r) for d, (n, r) in of_domain.items() if n >= LEAST_PAGES and r >= SHARE * n]
    shown.sort(key=lambda row: (-row[2], row[0]))
    rows = [f"\t{_line(domain)}\t{n}\t{r}\t{r / n:.3f}" for domain, n, r in shown]
    write(work / "domains.tsv", "\n".join(["mark\tdomain\tpages\trecalled\tshare", *rows, ""]).encode())
    return Round(number, total, recalled, len(shown), left_out)


def _some(rows: list[Any]) -> list[Any]:
    """Those with the smallest keys, when there are twice as many as are wanted."""
    return sorted(rows)[:MOST_TEXTS] if len(rows) > 2 * MOST_TEXTS else rows


def read_marks(path: Path) -> dict[str, str]:
    """From domain to `good` or `bad`. Raises RecallError on any other word in the first column."""
    marks: dict[str, str] = {}
    try:
        lines = path.read_text(encoding="utf-8").splitlines()[1:]
    except (OSError, UnicodeDecodeError) as error:
        raise RecallError(f"{path} cannot be read, save it as UTF-8 text: {error}") from error
    for number, line in enumerate(lines, 2):
        mark, _, rest = line.partition("\t")
        if not (mark := mark.strip().lower()):
            continue
        if mark not in ("good", "bad"):
            raise RecallError(f"{path}, line {number}: the mark must be good, bad or nothing, not {mark!r}")
        marks[rest.split("\t")[0]] = mark
    return marks


def recalled(folder: Path) -> Iterable[tuple[Page, float]]:
    """The pages that the last round recalled, those of domains that are marked bad left out. Raises RecallError."""
    state = load(folder)
    if not state.done:
        raise RecallError(f"no round is done: run `midstream recall round {folder}`")
    work = folder / f"round-{state.done}"
    marks = _marks(folder, state.done)
    scores = _scores(work)
    for page in _pages([Path(name) for name in state.pages], Counter()):
        if page.id in scores and marks.get(page.domain) != "bad":
            yield page, scores.pop(page.id)


def _line(text: str) -> str:
    return " ".join(text.split())
