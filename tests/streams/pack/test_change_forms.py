"""A changed file: both of its forms, no more tokens than its bound, and where the middle of an example begins."""

from __future__ import annotations

import pytest

from model.fim.cut import choose
from model.fim.fim import Mix
from model.fim.formats import FORMATS, STARCODER
from model.tokens.tokenizer import train
from streams.document import Document, Part
from streams.pack.pack import Packer, text_bytes
from streams.pack.render import change
from streams.recipe import Shares
from tests.support.models.tiny import texts, tokenizer

LINES = [f"line {n} of the file, some words long\n" for n in range(120)]
OLD = "".join(LINES)
NEW = "".join([*LINES[:60], "a changed line\n", "and one more\n", *LINES[61:]])
SIDES = ((OLD, NEW), (OLD, NEW * 20), ("", NEW * 30), (OLD * 30, ""), (OLD * 40, NEW + OLD * 39), ("", ""), (OLD, OLD))


def commit(before: str, after: str, n: int = 0) -> Document:
    parts = [Part("message", "say what changed"), Part("before", before), Part("after", after)]
    return Document(offset=n, index=0, kind="commit", parts=parts, id=n.to_bytes(16, "big"), path="a.py",
                    language="python")  # fmt: skip


def packer(context: int = 1024, **shares: float) -> Packer:
    return Packer(tokenizer(), STARCODER, Mix(), context, Shares(**shares))  # type: ignore[arg-type]


def decoded(ids: list[int]) -> str:
    return tokenizer().decode(ids)


def test_a_change_is_shown_as_the_change_and_as_the_file_after_it() -> None:
    for n in range(20):
        after, *rest = packer().pack(commit(OLD, NEW, n))
        assert after.order in ("psm", "spm") and {e.order for e in rest} == {"plain"}
        assert [(e.piece, e.pieces) for e in (after, *rest)] == [(k, 1 + len(rest)) for k in range(1 + len(rest))]
        assert "a changed line\nand one more" in decoded([int(i) for i in after.array()])
        shown = "".join(decoded([int(i) for i in e.array()]) for e in rest)
        assert "say what changed" in shown and "line 60 " in shown and "a changed line" in shown


def test_the_shares_say_which_forms_are_shown() -> None:
    counts = {"both": 0, "after": 0, "change": 0}
    made = packer(both=0.5, hunk=0.4)
    for n in range(1500):
        orders = [e.order for e in made.pack(commit(OLD[:400], NEW[:60] + "changed\n", n))]
        counts["both" if len(set(orders)) > 1 else "change" if orders[0] == "plain" else "after"] += 1
    shares = {name: count / 1500 for name, count in counts.items()}
    assert shares == pytest.approx({"both": 0.5, "after": 0.2, "change": 0.3}, abs=0.04)


@pytest.mark.parametrize("bound", [64, 200, 1024])
@pytest.mark.parametrize("sides", SIDES)
def test_no_change_takes_more_tokens_than_its_bound_and_what_is_left_out_is_counted(
    sides: tuple[str, str], bound: int
) -> None:
    for n in range(8):
        document = commit(*sides, n)
        examples = packer(commit_tokens=bound).pack(document)
        assert sum(e.tokens for e in examples) <= bound
        left = [e.capped_bytes for e in examples]
        assert not any(left[:-1])
        free = packer(commit_tokens=0).pack(document)
        assert not any(e.capped_bytes for e in free)
        if left[-1]:
            bare = change(document, STARCODER, 0)
            shown = [e for e in examples if e.order == "plain"]
            head = text_bytes(bare.head)
            assert left[-1] == text_bytes(bare.body) - sum(e.text_bytes - head for e in shown)


def test_fewer_lines_are_shown_before_anything_is_left_out() -> None:
    for n in range(30):
        examples = packer(commit_tokens=160, whole=1.0, both=0.0, hunk=0.0).pack(commit(OLD, NEW, n))
        text = decoded([int(i) for i in examples[0].array()])
        assert len(examples) == 1 and not examples[0].capped_bytes
        assert "a changed line" in text and "line 0 " not in text


@pytest.mark.parametrize("name", sorted(FORMATS))
def test_the_middle_begins_where_parsing_finds_it(name: str) -> None:
    """Of every format and order: from that token on stand the middle and the sentinels at the end."""
    fmt = FORMATS[name]
    own = train(texts(), 340, fmt)
    made = Packer(own, fmt, Mix(fim_rate=1.0), 4096)
    files = [Document(offset=n, index=0, kind="file", parts=[Part("text", text)], id=n.to_bytes(16, "big"), path="a.py",
                      language="python") for n, text in enumerate(texts()[:40])]  # fmt: skip
    seen = 0
    for document in files:
        (example,) = made.pack(document)
        cut = choose(document.parts[0].text, "python", document.id + bytes(4), made.mix, fmt)
        if cut is None or cut.more or not cut.middle:
            assert example.middle == 0 or cut
            continue
        layout = fmt.layout(cut.order)
        ids = [int(i) for i in example.array()]
        ids = ids[: len(ids) - (len(layout) - layout.index("M") - 1)]
        tail = b"".join(own.bytes_of[i] for i in ids[example.middle :])
        assert tail.endswith(cut.middle.encode())
        assert len(tail) - len(cut.middle.encode()) < len(own.bytes_of[ids[example.middle]])
        seen += 1
    assert seen > 10 or not fmt.orders


def test_bulk_is_what_needs_not_be_fresh() -> None:
    live, past = commit(OLD, NEW), commit(OLD, NEW)
    past.line = 7
    file = Document(offset=0, index=0, kind="file", parts=[Part("text", NEW)], id=b"f" * 16, path="a.py")
    bulk = [{e.bulk for e in packer().pack(d)} for d in (live, past, file)]
    assert bulk == [{False}, {True}, {True}]
    assert {e.language for e in packer().pack(live)} == {"python"}
