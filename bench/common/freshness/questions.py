"""What the models are asked about each commit of a stream: its text, its changed lines, the rest of one, signatures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from common.freshness import signatures
from common.freshness.lines import bare_line, copied, new_tokens, tail_tokens, text_tokens
from common.freshness.scoring import Scored, of_tail, of_whole, sized
from common.freshness.signatures import Signature
from common.freshness.sizes import Sizes
from common.freshness.world import ONE_FORM, Arrival, World
from streams.document import Document
from streams.draw import unit
from streams.pack import changes
from streams.pack.pack import Packer

KINDS = ("all", "new", "changed", "changed_new")
"""What bits are counted of: all that arrives; without lines that the repository had; the changed lines of a sample of
changed files; these without lines that the repository had."""
LEAST = 8
"""Characters of a line that is completed, its indent left out."""
GIVEN, ASKED = 3, 3
"""Characters before the cut, and behind it, at least."""


@dataclass(frozen=True)
class Rest:
    """The rest of a changed line."""

    path: str
    prefix: str
    suffix: str
    rest: str
    is_new: bool
    """The line did not stand in the repository before."""
    copied: bool
    """Copying from the buffer gives it."""


@dataclass
class Asked:
    """About one commit."""

    whole: list[Scored]
    hunks: list[Scored] = field(default_factory=list)
    rests: list[Rest] = field(default_factory=list)
    signatures: list[Signature] = field(default_factory=list)

    @property
    def bytes_K(self) -> NDArray[np.float64]:
        """By KINDS."""
        return np.concatenate([sized(self.whole), sized(self.hunks)])


def questions(world: World, sizes: Sizes) -> list[Asked]:
    """About each arrival of the stream that has examples."""
    asked = [Asked([_whole(arrival, n, world) for n in range(len(arrival.examples))]) for arrival in world.stream]
    packer = world.packer
    hunks = Packer(packer.tokenizer, packer.format, packer.mix, packer.context, replace(ONE_FORM, hunk=1.0))
    changed = [(n, at) for n, a in enumerate(world.stream) for at, d in enumerate(a.documents) if _sides(d)]
    order = sorted(changed, key=lambda pair: unit(world.stream[pair[0]].documents[pair[1]].id, "asked", 0))
    for n, at in order[: sizes.hunks]:
        document, known = world.stream[n].documents[at], world.stream[n].known[at]
        if (hunk := _hunk(document, known, hunks)) is not None:
            asked[n].hunks.append(hunk)
        if (rest := _rest(document, known)) is not None:
            asked[n].rests.append(rest)
    left = sizes.signatures
    for n, at in order:
        found = _signatures(world.stream[n].documents[at])[:left]
        asked[n].signatures += found
        left -= len(found)
    return asked


def _whole(arrival: Arrival, number: int, world: World) -> Scored:
    example, tokenizer = arrival.examples[number], world.tokenizer
    known = arrival.known[arrival.made_by[number]]
    return of_whole(example, text_tokens(example, tokenizer), new_tokens(example, tokenizer, known))


def of_arrivals(arrivals: Sequence[Arrival], world: World) -> list[Scored]:
    """Whole examples."""
    return [_whole(arrival, n, world) for arrival in arrivals for n in range(len(arrival.examples))]


def _sides(document: Document) -> tuple[str, str, tuple[int, int]] | None:
    """Before, after, and where the changed lines are in what is after."""
    if document.kind != "commit":
        return None
    by_role = {part.role: part.text for part in document.parts}
    before, after = by_role.get("before", ""), by_role.get("after", "")
    middle = changes.hunk(before, after)
    return (before, after, middle) if middle else None


def _hunk(document: Document, known: frozenset[str], packer: Packer) -> Scored | None:
    """None: the changed lines alone do not fit the context."""
    sides = _sides(document)
    assert sides is not None
    _, after, (start, end) = sides
    examples = packer.pack(document)
    if len(examples) != 1 or examples[0].order == "plain":
        return None
    widths = text_tokens(examples[0], packer.tokenizer)
    tail = tail_tokens(widths, len(after[start:end].encode("utf-8", "replace")))
    return of_tail(examples[0], widths, tail, new_tokens(examples[0], packer.tokenizer, known))


def _rest(document: Document, known: frozenset[str]) -> Rest | None:
    """One line by a keyed choice, cut at a keyed place; the changed lines below it are not written yet."""
    sides = _sides(document)
    assert sides is not None
    _, after, (start, end) = sides
    lines = after[start:end].split("\n")
    fit = [n for n, line in enumerate(lines) if len(line.strip()) >= LEAST]
    if not fit:
        return None
    chosen = fit[int(unit(document.id, "line", 0) * len(fit))]
    line = lines[chosen].rstrip()
    indent = len(line) - len(line.lstrip())
    cut = indent + GIVEN + int(unit(document.id, "cut", 0) * (len(line) - indent - GIVEN - ASKED + 1))
    prefix = after[:start] + "".join(f"{one}\n" for one in lines[:chosen]) + line[:cut]
    suffix, rest = after[end:], line[cut:]
    return Rest(
        document.path, prefix, suffix, rest, bare_line(line) not in known, copied(prefix, suffix).rstrip() == rest
    )  # fmt: skip


def _signatures(document: Document) -> list[Signature]:
    """Each place once."""
    sides = _sides(document)
    assert sides is not None
    before, after, _ = sides
    found = signatures.changed(document.language, document.path, before, after)
    found += signatures.calls(document.path, before, after)
    return list({len(one.prefix): one for one in found}.values())
