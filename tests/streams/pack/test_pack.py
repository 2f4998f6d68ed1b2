"""Pack: nothing is lost, every piece fits and ends well, and a piece's form depends on the document alone."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from model.fim.choice import UnfitTokenizer
from model.fim.fim import Mark, Mix, parse
from model.fim.formats import FORMATS, STARCODER
from streams.pack.body import Body
from streams.pack.pack import Packer
from tests.support.documents.kinds import KINDS, document
from tests.support.models.tiny import tokenizer

WIDTHS = np.array([len(b) for b in tokenizer().bytes_of], np.int64)


def packer(context: int, rate: float = 0.6) -> Packer:
    return Packer(tokenizer(), STARCODER, Mix(fim_rate=rate), context)


lines = st.lists(st.text(st.characters(codec="utf-8"), max_size=60), max_size=40).map("\n".join)


@settings(deadline=None)
@given(st.sampled_from(list(KINDS)), lines, st.sampled_from([48, 128, 512]))
def test_every_piece_fits_and_ends_with_end_of_text(kind: str, text: str, context: int) -> None:
    examples = packer(context).pack(document(kind, text))
    end = tokenizer().special(STARCODER.end)
    assert examples and all(0 < e.tokens <= context for e in examples)
    assert all(list(e.array()).count(end) == 1 and e.array()[-1] == end for e in examples)
    assert [e.piece for e in examples] == list(range(len(examples))) and {e.pieces for e in examples} == {len(examples)}


@settings(deadline=None)
@given(lines, st.sampled_from([48, 128]))
def test_the_pieces_of_a_file_hold_all_of_its_text(text: str, context: int) -> None:
    text_of_pieces = ""
    for e in packer(context, rate=1.0).pack(document("file", text)):
        part = parse(STARCODER, tokenizer(), [int(i) for i in e.array()])
        text_of_pieces += part.prefix.split("\n", 1)[1] + part.middle + part.suffix
    assert text_of_pieces == text


@settings(deadline=None)
@given(lines)
def test_the_same_document_is_packed_alike(text: str) -> None:
    one, other = packer(64).pack(document("file", text)), packer(64).pack(document("file", text))
    assert [e.ids for e in one] == [e.ids for e in other]


@pytest.mark.parametrize(("context", "free"), [(256, 8), (512, 8), (2048, 12)])
def test_the_pieces_of_a_long_document_fill_the_context(context: int, free: int) -> None:
    """All but the last; what they leave free would be lost to every row that is as long as the context."""
    text = "".join(f"    value_{n} = load({n * n}, 'naïve')\n" for n in range(1500))
    examples = packer(context).pack(document("file", text))
    assert len(examples) > 3 and all(context - free <= e.tokens <= context for e in examples[:-1])
    assert len({e.order for e in examples}) > 1, "pieces of one document draw apart"


def test_both_orders_and_plain_occur() -> None:
    orders = {packer(512).pack(document("file", f"def f{n}():\n    return {n}\n" * 5))[0].order for n in range(60)}
    assert orders == {"plain", "psm", "spm"}


def test_names_of_people_become_numbers() -> None:
    e = packer(512).pack(document("issue", "It is broken."))[0]
    text = tokenizer().decode([int(i) for i in e.array()])
    assert "ann" not in text and "username_0: It is broken." in text and "username_1: Fixed." in text


@given(lines, st.integers(0, 200), st.integers(1, 40))
def test_a_body_is_cut_where_it_says(text: str, start: int, room: int) -> None:
    body = Body([Mark("<a>"), "x = 1\n", Mark("<b>"), text], tokenizer(), WIDTHS)
    start = min(start, body.size - 1)
    end, used = body.end(start, room, 2)
    assert start < end <= body.size and (used <= room or end - start == 1)
    assert "".join((*body.between(0, start), *body.between(start, end), *body.between(end, body.size))) == "".join(
        body.between(0, body.size)
    )
    assert end == body.size or end - start == 1 or not isinstance(body.between(start, end)[-1], Mark)


def test_a_tokenizer_of_another_format_is_refused() -> None:
    with pytest.raises(UnfitTokenizer, match=r"no <fim-prefix>, .*the format santacoder"):
        Packer(tokenizer(), FORMATS["santacoder"], Mix(), 512)
