"""Takes apart a prompt that a client has already put into a format's template, as text or as token ids.

Editors ask servers of many models so: `<fim_prefix>…<fim_suffix>…<fim_middle>`. In text a sentinel and a mention of it
look the same: a template begins with its first sentinel, or with a head, and its last sentinel is the last one there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import chain, groupby, pairwise

from model.fim.format import Format
from model.fim.formats import REGISTRY
from model.fim.heads import PATH, Head, before_first, inside, outside
from model.fim.segment import Encoder, decode_bare


@dataclass(frozen=True)
class Templated:
    """What a template holds."""

    format: Format
    order: str
    """psm, spm, or plain: a head and a text, without a suffix."""
    prefix: str
    suffix: str = ""
    middle: str = ""
    """What of the middle is there already: it follows the prefix."""
    path: str = ""
    repository: str = ""
    files: tuple[tuple[str, str], ...] = ()
    """Other files of the repository, (path, text), in their order."""


@dataclass(frozen=True)
class _Template:
    """Literals and the fields (`P`, `S`, `M`) between them."""

    order: str
    literals: tuple[str, ...]
    fields: tuple[str, ...]
    """One after each literal; where the text begins with one, it comes first."""

    @property
    def is_anchored(self) -> bool:
        """A literal comes first."""
        return len(self.fields) == len(self.literals)

    @property
    def size(self) -> int:
        return sum(map(len, self.literals))


def parse(text: str, own: Format | None = None) -> Templated | None:
    """`own` is looked for first, then the format of the registry whose sentinels are longest. None: it is a plain text,
    whatever it mentions."""
    if own is not None and (result := _parsed(text, own, _spelled(own))):
        return result
    found = [_parsed(text, fmt, _spelled(fmt), foreign=True) for fmt in REGISTRY if fmt.name != (own and own.name)]
    return max((result for result in found if result), key=_weight, default=None)


def parse_ids(ids: Sequence[int], tokenizer: Encoder, fmt: Format) -> Templated | None:
    """The same of token ids, in which sentinels cannot be mistaken. None: there are none of the format's."""
    sentinels = {tokenizer.special(s): s for s in fmt.sentinels}
    if not any(i in sentinels for i in ids):
        return None
    runs = _runs(ids, sentinels, tokenizer, fmt)
    marks = _unused(sentinels.values(), "".join(text for _, text in runs))
    text = "".join(marks[run] if is_mark else run for is_mark, run in runs)
    changed = replace_marks(fmt, lambda mark: marks.get(mark, mark))
    result = _parsed(text, changed, _exact(changed))
    return result and _restored(result, fmt, {mark: sentinel for sentinel, mark in marks.items()})


def replace_marks(fmt: Format, change: Callable[[str], str]) -> Format:
    """The format with other strings for its sentinels."""
    from msgspec.structs import replace as with_fields

    names = ("prefix", "middle", "suffix", "end", "begin", "close", "between", "repository", "file", "stars")
    return with_fields(fmt, **{name: change(getattr(fmt, name)) for name in names})


def _runs(ids: Sequence[int], sentinels: dict[int, str], tokenizer: Encoder, fmt: Format) -> list[tuple[bool, str]]:
    """Sentinels, and the texts between them."""
    runs: list[tuple[bool, str]] = []
    bare = {fmt.suffix} if "S" in fmt.bare else set[str]()
    if "M" in fmt.bare and (tokenizer.special(fmt.prefix), tokenizer.special(fmt.suffix)) not in pairwise(ids):
        bare.add(fmt.middle)  # suffix first, the prefix follows that sentinel
    for is_mark, group in groupby(ids, key=sentinels.__contains__):
        run = list(group)
        if is_mark:
            runs += [(True, sentinels[i]) for i in run]
            continue
        is_bare = bool(runs) and runs[-1][1] in bare
        runs.append((False, decode_bare(tokenizer, run) if is_bare else tokenizer.decode(run)))
    return runs


def _unused(sentinels: Iterable[str], text: str) -> dict[str, str]:
    """A character of its own for each sentinel, private ones that the text does not have."""
    free = (chr(point) for point in chain(range(0x10F000, 0x10FFFE), range(0xE000, 0xF900)) if chr(point) not in text)
    return dict(zip(sentinels, free, strict=False))


def _restored(result: Templated, fmt: Format, sentinels: dict[str, str]) -> Templated:
    """What was no part of the template is text again."""
    table = {ord(mark): sentinel for mark, sentinel in sentinels.items()}

    def text(value: str) -> str:
        return value.translate(table)

    files = tuple((text(path), text(file)) for path, file in result.files)
    names = ("prefix", "suffix", "middle", "path", "repository")
    return replace(result, format=fmt, files=files, **{name: text(getattr(result, name)) for name in names})


def _weight(result: Templated) -> int:
    return max((t.size for t in _spelled(result.format) if t.order == result.order), default=0)


@cache
def _spelled(fmt: Format) -> tuple[_Template, ...]:
    """With the sentinels as they are, and as clients write those that begin with a SentencePiece blank: `<PRE> `,
    ` <SUF>`, ` <MID>` in Code Llama's template, nothing in others."""
    exact = _exact(fmt)
    if not fmt.prefix.startswith("▁"):
        return exact
    bare = _exact(replace_marks(fmt, lambda mark: mark.removeprefix("▁")))
    names = {fmt.prefix: "<PRE> ", fmt.suffix: " <SUF>", fmt.middle: " <MID>"} if fmt.name == "codellama" else {}
    spaced = _exact(replace_marks(fmt, lambda mark: names.get(mark, mark))) if names else ()
    blanks = [replace(t, literals=tuple(s.replace("  ", " ") for s in t.literals)) for t in spaced]
    return (*exact, *dict.fromkeys((*spaced, *blanks)), *bare)


@cache
def _exact(fmt: Format) -> tuple[_Template, ...]:
    """Suffix first before prefix first: only its literal of two sentinels tells them apart."""
    return tuple(_template(fmt, order) for order in ("spm", "psm") if order in fmt.orders)


def _template(fmt: Format, order: str) -> _Template:
    layout = fmt.layout(order)
    literals, fields = list[str](), list[str]()
    for is_field, places in groupby(layout[: layout.index("M") + 1], key=str.isupper):
        if is_field:
            fields.append(next(places))  # of P and M side by side, all is prefix
        else:
            literals.append("".join(getattr(fmt, place) for place in places))
    return _Template(order, tuple(literals), tuple(fields))


def _parsed(text: str, fmt: Format, templates: Sequence[_Template], foreign: bool = False) -> Templated | None:
    """`foreign`: what has no sentinel at its beginning must have one at its end."""
    text = text.removeprefix(fmt.begin) if fmt.begin else text
    for template in templates:
        if template.is_anchored or not foreign or text.endswith(template.literals[-1]):
            result = _filled(text, fmt, template)
            if result is not None:
                return result
    head = outside(fmt, text)
    if head is None or not head.path or not PATH.fullmatch(head.path):
        return None
    return Templated(fmt, "plain", head.rest, "", "", head.path, head.repository, head.files)


def _filled(text: str, fmt: Format, template: _Template) -> Templated | None:
    """The text's fields, if it is of the template."""
    ends = _places(text, template)
    if ends is None:
        return None
    head = Head()
    before = text[: ends[0]]
    if template.is_anchored and before:
        head = before_first(fmt, before)
        if head is None:
            return None
    starts = [at + len(literal) for at, literal in zip(ends, template.literals, strict=True)]
    pieces = [text[one:two] for one, two in zip(starts, [*ends[1:], len(text)], strict=True)]
    if not template.is_anchored:
        pieces.insert(0, before)
    fields = dict(zip(template.fields, pieces, strict=True))
    own = inside(fmt, fields.get("P", ""), head)
    return Templated(
        fmt, template.order, own.rest, fields.get("S", ""), fields.get("M", ""), own.path, own.repository, own.files
    )


def _places(text: str, template: _Template) -> list[int] | None:
    """Where each literal stands: the last one as late as it can where the middle follows it, the others as early."""
    late = template.fields[-1] == "M"
    places, at = list[int](), 0
    for number, literal in enumerate(template.literals):
        is_last = number == len(template.literals) - 1
        place = text.rfind(literal, at) if is_last and late and number else text.find(literal, at)
        if place < 0:
            return None
        places.append(place)
        at = place + len(literal)
    return places
