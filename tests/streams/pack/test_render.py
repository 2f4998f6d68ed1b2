"""Every kind of document in every format: its form, its shares, and pieces that fit and end well."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from model.fim.fim import Mark, Mix, parse
from model.fim.format import Format
from model.fim.formats import FORMATS, STARCODER
from model.tokens.tokenizer import train
from streams.document import Document, Part
from streams.draw import unit
from streams.pack.cells import script
from streams.pack.changes import MARGIN, diff, hunk, lines_around, window
from streams.pack.pack import Packer
from streams.pack.render import render
from streams.prepare.prepare import identity
from streams.recipe import Shares
from tests.support.documents.kinds import KINDS, document
from tests.support.models.tiny import texts, tokenizer
from tests.support.tokens.seeds import SENTENCEPIECE

BYTE_LEVEL = [fmt for fmt in FORMATS.values() if fmt.name not in SENTENCEPIECE]
OLD = "".join(f"line {n}\n" for n in range(200))
NEW = OLD.replace("line 100\n", "changed\nand more\n")


def commit(before: str, after: str, number: int = 0) -> Document:
    parts = [Part("message", f"Say why {number}"), Part("before", before), Part("after", after)]
    document = Document(offset=0, index=0, kind="commit", parts=parts, path="a/b.py", language="python")
    document.id = identity(document)
    return document


def files(count: int) -> Iterator[Document]:
    for n in range(count):
        document = Document(offset=0, index=n, kind="file", parts=[Part("text", f"x = {n}\n")], path="a.py", stars=50)
        document.repository, document.id = "github.com/o/r", identity(document)
        yield document


@pytest.mark.parametrize(("fmt", "kind"), list(product(BYTE_LEVEL, KINDS)), ids=lambda v: getattr(v, "name", v))
def test_every_kind_fits_and_ends_well_in_every_format(fmt: Format, kind: str) -> None:
    tok = train(texts(), 340, fmt)
    ends = {tok.special(fmt.end), *(tok.special(stop) for stop in fmt.stops)}
    for context, shares in product((64, 512), (Shares(), Shares(hunk=1.0, script=1.0), Shares(hunk=0.0, script=0.0))):
        for text in (OLD, "é = 'ö'\r\n" * 9, ""):
            examples = Packer(tok, fmt, Mix(fim_rate=0.5), context, shares).pack(document(kind, text))
            assert examples and all(0 < e.tokens <= context and e.array()[-1] in ends for e in examples)
            first = {int(e.array()[0]) for e in examples}
            assert not fmt.begin or first == {tok.special(fmt.begin)}
            assert all(e.order in (*fmt.orders, "plain") for e in examples)


def test_the_shares_of_a_head_are_those_of_the_settings() -> None:
    shares = Shares(path=0.7, repository=0.4, stars=0.1)
    heads = [render(d, STARCODER, shares).head for d in files(6000)]
    for mark, share, of in (("<filename>", 0.7, 1.0), ("<reponame>", 0.4, 0.7), ("<gh_stars>", 0.1, 0.7)):
        found = sum(Mark(mark) in head for head in heads) / len(heads)
        assert found == pytest.approx(share * of, abs=0.015)
    assert heads == [render(d, STARCODER, shares).head for d in files(6000)]
    assert heads != [render(d, STARCODER, shares, seed=1).head for d in files(6000)]


def test_a_hunk_becomes_the_middle() -> None:
    examples = Packer(tokenizer(), STARCODER, Mix(), 2048, Shares(both=0.0, hunk=1.0)).pack(commit(OLD, NEW))
    assert len(examples) == 1 and examples[0].order in ("psm", "spm")
    parsed = parse(STARCODER, tokenizer(), [int(i) for i in examples[0].array()])
    if parsed.order == "psm":
        assert parsed.middle == "changed\nand more"
    assert parsed.prefix.endswith("line 99\n" + ("" if parsed.middle else "changed\nand more"))
    assert parsed.suffix.startswith("\nline 101\n")
    orders = {
        Packer(tokenizer(), STARCODER, Mix(), 2048, Shares(both=0.0, hunk=1.0)).pack(commit(OLD, NEW, n))[0].order
        for n in range(20)
    }
    assert orders == {"psm", "spm"}


def test_a_hunk_keeps_as_many_lines_as_fit_and_gives_way_when_it_does_not() -> None:
    small = Packer(tokenizer(), STARCODER, Mix(), 128, Shares(both=0.0, hunk=1.0)).pack(commit(OLD, NEW))
    assert len(small) == 1 and 64 < small[0].tokens <= 128
    assert "changed\nand more" in tokenizer().decode([int(i) for i in small[0].array()])
    rewritten = Packer(tokenizer(), STARCODER, Mix(), 128, Shares(both=0.0, hunk=1.0)).pack(commit(OLD, NEW * 3))
    assert len(rewritten) > 1 and {e.order for e in rewritten} == {"plain"}


def test_commit_windows_and_whole_files_have_their_shares() -> None:
    shares = Shares(hunk=0.25, whole=0.2)
    examples = [render(commit(OLD, NEW, n), STARCODER, shares) for n in range(3000)]
    hunks = [m for m in examples if m.middle]
    rest = [m for m in examples if not m.middle]
    assert len(hunks) / len(examples) == pytest.approx(0.25, abs=0.025)
    assert sum(m.body[-1] == NEW for m in rest) / len(rest) == pytest.approx(0.2, abs=0.025)
    lengths = {m.body[-1].count("\n") for m in rest if m.body[-1] != NEW}
    assert lengths == {2 + 2 * n for n in range(MARGIN)}


@settings(deadline=None)
@given(st.lists(st.sampled_from(["a\n", "b\n", "c\r\n", "d"]), max_size=12), st.data())
def test_changes_are_found(lines: list[str], data: st.DataObject) -> None:
    before = "".join(lines)
    after = "".join(data.draw(st.lists(st.sampled_from(["a\n", "b\n", "x\n"]), max_size=12)))
    span = hunk(before, after)
    if span:
        start, end = span
        assert before.startswith(after[:start]) and before.endswith(after[end:].lstrip("\r\n"))
        first, last = lines_around(after, start, end, data.draw(st.integers(0, 30)))
        assert 0 <= first <= start and end <= last <= len(after)
        assert first in (0, start) or after[first - 1] == "\n"
    assert window(before, after, None) == (before, after)
    shown = diff("a.py", "why", before, after, None).split("\n")[5:]
    assert [s[1:] for s in shown if s[:1] in ("-", " ")] == before.splitlines()
    assert [s[1:] for s in shown if s[:1] in ("+", " ")] == after.splitlines()


def test_a_window_keeps_the_change_and_some_lines() -> None:
    old, new = window(OLD, OLD.replace("line 100\n", "changed\n"), 32)
    assert "line 100\n" in old and "changed\n" in new
    assert len(new.splitlines()) == 65 == len(old.splitlines())


def test_notebooks_are_scripts_in_their_share() -> None:
    parts = [Part("markdown", "# Plot\n\nit"), Part("code", "x = 1\n"), Part("output", "1"), Part("raw", "r")]
    document = Document(offset=0, index=0, kind="notebook", parts=parts, path="n/a.ipynb", language="python")
    assert script(document) == "# %% [markdown]\n# # Plot\n#\n# it\n\n# %%\nx = 1\n\n# %% [raw]\n# r\n"
    scripts = 0
    for n in range(2000):
        document.id = n.to_bytes(16, "little")
        scripts += render(document, STARCODER, Shares(script=0.3)).infill
    assert scripts / 2000 == pytest.approx(0.3, abs=0.03)
    document.language = "javascript"
    assert script(document).startswith("// %% [markdown]\n// # Plot")
    assert render(document, FORMATS["qwen2.5-coder"]).head == ("<|file_sep|>", "n/a.js", "\n")


def test_a_question_says_tags_and_votes_and_who_was_right() -> None:
    parts = [Part("title", "T"), Part("question", "Q", "python kafka\n-2"), Part("answer", "A", "\n250\naccepted")]
    document = Document(offset=0, index=0, kind="question", parts=parts)
    assert render(document).body == (
        "Title: T\n\nTags: python, kafka\nVotes: <0\n\nQ\n\nAnswer (votes 100+, accepted):\n\nA\n",
    )
    assert "<| q tags=python,kafka votes=<0 |>\nQ" in render(document, FORMATS["incoder"]).body[0]


def test_draws_are_uniform_and_apart() -> None:
    units = [(unit(n.to_bytes(8, "little"), "a", 0), unit(n.to_bytes(8, "little"), "b", 0)) for n in range(4000)]
    assert sum(a for a, _ in units) / 4000 == pytest.approx(0.5, abs=0.02)
    assert sum((a < 0.5) == (b < 0.5) for a, b in units) / 4000 == pytest.approx(0.5, abs=0.03)
