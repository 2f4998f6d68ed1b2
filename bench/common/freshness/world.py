"""What the product would train on of these commits: its own stages in memory, up to examples."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import accumulate
from math import ceil

from common.freshness.commits import Arrived, Read
from common.freshness.lines import known_lines, lines_of
from common.freshness.sizes import Sizes
from model.example import Example
from model.fim.fim import Mix
from model.fim.formats import STARCODER
from model.tokens.tokenizer import Tokenizer, train
from streams.document import Document, Source
from streams.draw import unit
from streams.event import TOPIC_OF
from streams.index.index import Index
from streams.pack.pack import Packer
from streams.pack.render import render
from streams.pipeline import Prepare, Record
from streams.prepare.recipes.reading import resolve
from streams.recipe import RecipeSettings, Shares, Thresholds
from streams.redact.stage import Redact
from streams.sources.record import records

CHARACTERS_A_TOKEN = 3.0
"""To cut histories to a size before there is a tokenizer."""
ONE_FORM = Shares(both=0.0, commit_tokens=0)
"""Of a changed file: the bench itself says when it is trained on in both, and bounds commits, not files."""


@dataclass(eq=False)
class Arrival:
    """One commit, as the stages leave it."""

    number: int
    """Its place among all arrivals, in the order of time."""
    time: int
    repository: int
    key: bytes
    """Of the commit, for keyed choices."""
    documents: list[Document]
    examples: list[Example] = field(default_factory=list)
    known: list[frozenset[str]] = field(default_factory=list)
    """By document: its lines that stood in the repository before this commit."""
    made_by: list[int] = field(default_factory=list)
    """By example: the number of its document."""


@dataclass
class World:
    """Past and stream."""

    past: list[Arrival]
    held_out: list[Arrival]
    stream: list[Arrival]
    tokenizer: Tokenizer
    packer: Packer
    dropped: dict[str, int]
    """Documents that the stages dropped, by rule."""


class Stages:
    """Prepare, dedup and redact over one log in memory."""

    def __init__(self) -> None:
        self._sources = {t: Source(t, f"{n:032x}", 0) for n, t in enumerate(sorted(set(TOPIC_OF.values())))}
        self._index = Index(Thresholds(), {s.key: 0 for s in self._sources.values()})
        self._prepare, self._redact = Prepare(resolve(RecipeSettings())), Redact()
        self._next = dict.fromkeys(self._sources, 0)
        self._frames = 0
        self.dropped: Counter[str] = Counter()

    def documents(self, commit: Arrived) -> Iterator[Document]:
        for event in commit.events:
            topic = TOPIC_OF[type(event)]
            start = self._next[topic]
            several = [Record(start + n, b"", v, {}) for n, v in enumerate(records(event, Counter()))]
            self._next[topic] += len(several)
            for outcome in self._prepare(self._sources[topic], start, several):
                self.dropped.update(rejection.rule for rejection in outcome.rejections)
                judged = self._index.judge(outcome.frame, self._frames)
                self._frames += 1
                self.dropped.update(rejection.rule for rejection in judged.rejections)
                assert judged.frame is not None
                yield from self._redact(judged.frame).frame.documents


def build(read: Read, sizes: Sizes) -> World:
    """Each repository has the same share of the tokens, and is cut at its own middle."""
    stages = Stages()
    arrivals = [
        Arrival(n, commit.time, commit.repository, commit.sha.encode(), list(stages.documents(commit)))
        for n, commit in enumerate(read.commits)
    ]
    _mark_known(arrivals, read)
    past, stream = _halves([a for a in arrivals if a.documents], sizes, len(read.trees))
    tokenizer = train((part.text for a in past for d in a.documents for part in d.parts), sizes.vocab)
    packer = Packer(tokenizer, STARCODER, Mix(), sizes.context, ONE_FORM)
    for arrival in (*past, *stream):
        arrival.examples, arrival.made_by = capped(arrival, packer, sizes.commit_tokens)
    past, stream = ([a for a in side if a.examples] for side in (past, stream))
    drawn = sorted(past, key=lambda a: unit(a.key, "held out", 0))[: ceil(sizes.held_out * len(past))]
    held_out = sorted(drawn, key=lambda a: a.number)
    return World([a for a in past if a not in drawn], held_out, stream, tokenizer, packer, dict(stages.dropped))


def capped(arrival: Arrival, packer: Packer, most: int) -> tuple[list[Example], list[int]]:
    """Examples of `most` tokens at most, in order, and the documents that they are of; documents by a keyed choice."""
    chosen: list[tuple[int, Example]] = []
    left = most
    for number in sorted(range(len(arrival.documents)), key=lambda n: unit(arrival.documents[n].id, "cap", 0)):
        for example in packed(arrival.documents[number], packer):
            left -= example.tokens
            if left < 0:
                break
            chosen.append((number, example))
        if left < 0:
            break
    chosen.sort(key=lambda pair: pair[0])
    return [example for _, example in chosen], [number for number, _ in chosen]


def packed(document: Document, packer: Packer) -> list[Example]:
    """A changed file is shown whole only where both sides fit the context."""
    pieces = packer.pack(document)
    if document.kind == "commit" and len(pieces) > 1:
        return replace(packer, shares=replace(packer.shares, whole=0.0)).pack(document)
    return pieces


def both_forms(arrival: Arrival, packer: Packer, most: int) -> list[Example]:
    """The same documents as `capped` took, changed files as a diff and as the file after the change; of at most twice
    as many tokens."""
    examples: list[Example] = []
    for number in sorted(set(arrival.made_by)):
        for hunk in (0.0, 1.0):
            document = arrival.documents[number]
            if hunk and document.kind != "commit":
                continue
            form = replace(packer, shares=replace(ONE_FORM, hunk=hunk))
            if hunk and not render(document, form.format, form.shares).middle:
                continue
            examples += packed(document, form)
    ends = accumulate(example.tokens for example in examples)
    return [example for example, end in zip(examples, ends, strict=True) if end <= 2 * most]


def _mark_known(arrivals: Sequence[Arrival], read: Read) -> None:
    known = [known_lines(texts) for texts in read.trees]
    for arrival in arrivals:
        seen = known[arrival.repository]
        parts = [part for d in arrival.documents for part in d.parts]
        for part in parts:
            if part.role == "before":
                seen.update(lines_of(part.text))
        arrival.known = [
            frozenset(line for part in d.parts for line in lines_of(part.text) if line in seen)
            for d in arrival.documents
        ]
        for part in parts:
            seen.update(lines_of(part.text))


def _halves(arrivals: Sequence[Arrival], sizes: Sizes, repositories: int) -> tuple[list[Arrival], list[Arrival]]:
    """The newest of each repository: first what comes after its middle, to its share of the stream; then the past."""
    wanted = [size * CHARACTERS_A_TOKEN / repositories for size in (sizes.stream, sizes.past)]
    size = [0] * repositories
    past: list[Arrival] = []
    stream: list[Arrival] = []
    for arrival in reversed(arrivals):
        before = size[arrival.repository]
        if before < sum(wanted):
            (stream if before < wanted[0] else past).append(arrival)
            size[arrival.repository] += _characters(arrival, sizes)
    return past[::-1], stream[::-1]


def _characters(arrival: Arrival, sizes: Sizes) -> int:
    """Of what is packed of it, about."""
    longest = int(CHARACTERS_A_TOKEN * sizes.context)
    total = 0
    for document in arrival.documents:
        size = sum(map(len, render(document).body))
        if document.kind == "commit" and size > longest:
            rendering = render(document, shares=replace(ONE_FORM, whole=0.0))
            size = longest if rendering.middle else sum(map(len, rendering.body))
        total += size
    return min(total, int(sizes.commit_tokens * CHARACTERS_A_TOKEN))


def tokens(arrivals: Iterable[Arrival]) -> int:
    return sum(e.tokens for a in arrivals for e in a.examples)
