"""What the score says in examples: misses and false finds, a few of each sort, with shapes in place of values."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator

from common.pii.score import Score
from common.pii.windows import Truth, Window

EACH, MOST = 3, 80
WIDTH, BESIDE = 60, 70


def telling(result: Score) -> Iterator[str]:
    """Misses by kind and form or syntax, then false finds by kind and trap; the most frequent sorts first."""
    yield f"# {len(result.misses)} misses"
    yield from _few((f"{t.kind}, {_sort(w, t)}", w, t.start, t.end, t.form) for w, t in result.misses)
    yield f"# {len(result.false)} false finds"
    rows = (
        (f"{kind} in {w.trap or 'a window with a value'}, {w.syntax}", w, a, b, "") for w, (a, b, kind) in result.false
    )
    yield from _few(rows)


def _sort(window: Window, truth: Truth) -> str:
    """What tells most of it: of keys the form, of names, which nothing but their place gives away, nothing more."""
    return truth.form if truth.kind == "key" else "any" if truth.kind in ("name", "username") else window.syntax


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
