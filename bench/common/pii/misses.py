"""What the score says in examples: misses and false finds, a few of each sort, with shapes in place of values."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator

from common.pii.score import Score
from common.pii.windows import Window

EACH, MOST = 2, 60
WIDTH, BESIDE = 60, 70


def telling(result: Score) -> Iterator[str]:
    """Misses by kind, form and syntax, then false finds by kind and trap; the most frequent sorts first."""
    yield f"# {len(result.misses)} misses"
    yield from _few(
        (f"{t.kind}, {t.form.partition(':')[0]}, {w.syntax}", w, t.start, t.end, t.form) for w, t in result.misses
    )
    yield f"# {len(result.false)} false finds"
    yield from _few(
        (f"{f[2]} in {w.trap or 'a window with a value'}, {w.syntax if w.trap else ''}", w, f[0], f[1], "")
        for w, f in result.false
    )


def _few(rows: Iterable[tuple[str, Window, int, int, str]]) -> Iterator[str]:
    sorts: Counter[str] = Counter()
    examples: dict[str, list[str]] = defaultdict(list)
    for sort, window, start, end, form in rows:
        sorts[sort] += 1
        if sorts[sort] <= EACH:
            examples[sort].append(f"    {window.path[-WIDTH:]}  {form}  {shown(window.text.encode(), start, end)}")
    for sort, count in sorts.most_common(MOST):
        yield f"{count} times {sort}"
        yield from examples[sort]


def shown(data: bytes, start: int, end: int) -> str:
    """The line, with the shape of the value in brackets."""
    first, last = data.rfind(b"\n", 0, start) + 1, data.find(b"\n", start)
    before = data[max(first, start - BESIDE) : start].decode("utf-8", "ignore")
    behind = data[end : max(end, last if last >= 0 else len(data))][:BESIDE].decode("utf-8", "ignore")
    return f"{before.lstrip()}⟦{shape(data[start:end].decode('utf-8', 'ignore'))}⟧{behind}"


def shape(text: str) -> str:
    """Letters as a and A, digits as 0, the rest as it is; up to WIDTH characters."""
    return "".join(
        "A" if c.isupper() else "a" if c.isalpha() else "0" if c.isdigit() else c for c in text[:WIDTH]
    ).replace("\n", "\\n")
