"""Golden ids of every format: orders, joins, begin, end and the leading space, in tokenizers of the seeds' kinds."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from model.fim.fim import Cut, Parsed, file_head, parse, prompt, repository, segments
from model.fim.format import Format
from model.fim.formats import FORMATS, STARCODER2
from model.fim.segment import Mark, encode, encode_bare
from model.tokens.tokenizer import Tokenizer
from tests.support.tokens.seeds import PIECES, seed_tokenizer

GOLDEN = {
    ("starcoder", "psm"): "1 275 239 278 102 3 217 21 239 146 121 220 217 2 103 280 239 106 0",
    ("starcoder", "spm"): "1 3 217 21 239 146 121 220 217 2 275 239 286 239 106 0",
    ("starcoder", "plain"): "275 239 286 239 106 217 21 239 146 121 220 217 0",
    ("santacoder", "psm"): "1 261 225 264 88 3 203 7 225 132 107 206 203 2 89 266 225 92 0",
    ("santacoder", "spm"): "1 3 203 7 225 132 107 206 203 2 261 225 264 88 89 266 225 92 0",
    ("santacoder", "plain"): "261 225 272 225 92 203 7 225 132 107 206 203 0",
    ("starcoder2", "psm"): "1 271 235 274 98 3 213 17 235 142 117 216 213 2 99 276 235 102 0",
    ("starcoder2", "spm"): "1 3 213 17 235 142 117 216 213 2 271 235 274 98 99 276 235 102 0",
    ("starcoder2", "plain"): "271 235 282 235 102 213 17 235 142 117 216 213 0",
    ("codellama", "psm"): "5 1 279 269 274 3 17 42 269 202 176 20 17 2 267 273 270 4",
    ("codellama", "spm"): "5 1 3 17 42 269 202 176 20 17 2 279 277 270 4",
    ("codellama", "plain"): "5 279 277 270 17 42 269 202 176 20 17 0",
    ("deepseek", "psm"): "4 1 261 225 264 88 3 203 7 225 132 107 206 203 2 89 266 225 92 0",
    ("deepseek", "plain"): "4 261 225 272 225 92 203 7 225 132 107 206 203 0",
    ("qwen2.5-coder", "psm"): "1 263 227 266 90 3 205 9 227 134 109 208 205 2 91 268 227 94 0",
    ("qwen2.5-coder", "plain"): "263 227 274 227 94 205 9 227 134 109 208 205 0",
    ("aixcoder", "psm"): "4 1 278 268 273 3 16 41 268 201 175 19 16 2 266 272 269 0",
    ("aixcoder", "spm"): "4 1 3 16 41 268 201 175 19 16 2 278 276 269 0",
    ("aixcoder", "plain"): "4 278 276 269 16 41 268 201 175 19 16 0",
    ("pre-suf-mid", "psm"): "1 277 267 272 3 267 15 40 267 200 174 18 15 2 267 265 271 268 0",
    ("pre-suf-mid", "spm"): "3 267 15 40 267 200 174 18 15 1 277 267 272 2 267 265 271 268 0",
    ("pre-suf-mid", "plain"): "277 275 268 15 40 267 200 174 18 15 0",
    ("incoder", "psm"): "0 268 232 271 95 1 210 14 232 139 114 213 210 4 1 96 273 232 99 3 0",
    ("incoder", "plain"): "0 268 232 279 232 99 210 14 232 139 114 213 210 0",
    ("codegen2", "psm"): "260 224 263 87 1 202 6 224 131 106 205 202 0 3 1 88 265 224 91 2",
    ("codegen2", "plain"): "260 224 271 224 91 202 6 224 131 106 205 202 0",
    ("codestral", "spm"): "3 2 15 40 267 200 174 18 15 1 277 267 272 265 271 268 0",
    ("codestral", "plain"): "3 277 275 268 15 40 267 200 174 18 15 0",
    ("plain", "plain"): "257 221 268 221 88 199 3 221 128 103 202 199 0",
}  # fmt: skip
CUT = [(fmt, order) for fmt in FORMATS.values() for order in fmt.orders]
EVERY = [*CUT, *((fmt, "plain") for fmt in FORMATS.values())]
FOLDER = os.environ.get("MIDSTREAM_SEED_TOKENIZERS", "")
"""Holds the seeds' own files: `starcoder2.json` is StarCoder2's tokenizer.json, and so on."""
SENTINELS = sorted({s for fmt in FORMATS.values() for s in fmt.sentinels})
TEXT = st.text(
    st.one_of(st.characters(codec="utf-8", exclude_characters="▁☺\0"), st.sampled_from("\r\n\t <>|{}aé漢😀")),
    max_size=40,
)
ANY = st.lists(st.one_of(TEXT, st.sampled_from([s for s in SENTINELS if "▁" not in s])), max_size=3).map("".join)


def trained(fmt: Format, order: str, prefix: str, middle: str, suffix: str, head: list[str] | None = None) -> list[str]:
    cut = None if order == "plain" else Cut(prefix, middle, suffix, order)  # pyright: ignore
    return segments(fmt, head or [], prefix + middle + suffix, cut)


def ids_of(fmt: Format, order: str) -> list[int]:
    return encode(seed_tokenizer(fmt.name), trained(fmt, order, *PIECES))


def test_every_trained_order_has_golden_ids() -> None:
    assert sorted(GOLDEN) == sorted((fmt.name, order) for fmt, order in EVERY)


@pytest.mark.parametrize("name", GOLDEN, ids="-".join)
def test_golden_ids(name: tuple[str, str]) -> None:
    assert " ".join(map(str, ids_of(FORMATS[name[0]], name[1]))) == GOLDEN[name]


@pytest.mark.parametrize(("name", "order"), [("codellama", "psm"), ("codellama", "spm"), ("codestral", "spm")])
def test_the_leading_space_is_that_of_the_published_code(name: str, order: str) -> None:
    """Code Llama's infilling_prompt_tokens and mistral-common's encode_fim, in so many words."""
    tok = seed_tokenizer(name)
    mark = tok.special
    prefix, _, suffix = PIECES
    begun, rest = tok.encode(prefix), tok.encode("☺" + suffix)[len(tok.encode("☺")) :]
    expected = {
        ("codellama", "psm"): lambda: [mark("<s>"), mark("▁<PRE>"), *begun, mark("▁<SUF>"), *rest, mark("▁<MID>")],
        ("codellama", "spm"): lambda: [mark("<s>"), mark("▁<PRE>"), mark("▁<SUF>"), *rest, mark("▁<MID>"), *begun],
        ("codestral", "spm"): lambda: [mark("<s>"), mark("[SUFFIX]"), *rest, mark("[PREFIX]"), *begun],
    }[name, order]()
    assert encode(tok, prompt(FORMATS[name], order, [], prefix, suffix)) == expected
    assert tok.decode(begun) == prefix and tok.decode(tok.encode(" " + suffix)) == " " + suffix


def unambiguous(fmt: Format, order: str, prefix: str, middle: str) -> bool:
    """A psm that begins as the format's spm does is one; a bare middle alone after [PREFIX] may have lost a space."""
    if order == "psm" and "spm" in fmt.orders and not prefix:
        return fmt.spm[:2] != ("prefix", "suffix")
    return fmt.joint or not fmt.bare or order == "psm" or bool(prefix) or not middle.startswith(" ")


@settings(deadline=None, max_examples=250)
@given(st.sampled_from(CUT), ANY, ANY, ANY)
def test_parse_gives_back_what_was_cut(which: tuple[Format, str], prefix: str, middle: str, suffix: str) -> None:
    """Sentinel strings of every format among the texts, Unicode and both ends of line."""
    fmt, order = which
    assume(unambiguous(fmt, order, prefix, middle))
    tok = seed_tokenizer(fmt.name)
    parsed = parse(fmt, tok, encode(tok, trained(fmt, order, prefix, middle, suffix)))
    told = order == "psm" or fmt.name == "pre-suf-mid"
    assert (parsed.order, parsed.suffix) == (order, suffix)
    assert (parsed.prefix, parsed.middle) == ((prefix, middle) if told else (prefix + middle, ""))


@settings(deadline=None, max_examples=100)
@given(st.sampled_from(list(FORMATS.values())), ANY)
def test_what_is_not_cut_parses_as_plain(fmt: Format, text: str) -> None:
    tok = seed_tokenizer(fmt.name)
    assert parse(fmt, tok, encode(tok, trained(fmt, "plain", text, "", ""))) == Parsed("plain", text, "", "")


@settings(deadline=None, max_examples=150)
@given(st.sampled_from(CUT), ANY, ANY, ANY)
def test_no_sentinel_but_the_formats_own(which: tuple[Format, str], prefix: str, middle: str, suffix: str) -> None:
    fmt, order = which
    tok = seed_tokenizer(fmt.name)
    parts = trained(fmt, order, prefix, middle, suffix, file_head("a/b.py", "o/r", "0", fmt))
    marks = [tok.special(part) for part in parts if isinstance(part, Mark) and part]
    every = {tok.special(sentinel) for sentinel in fmt.sentinels}
    assert [i for i in encode(tok, parts) if i in every] == marks


@pytest.mark.parametrize(("fmt", "order"), CUT, ids=lambda v: getattr(v, "name", v))
def test_the_prompt_is_the_sequence_up_to_its_middle_and_a_middle_ends_in_a_stop(fmt: Format, order: str) -> None:
    tok = seed_tokenizer(fmt.name)
    prefix, middle, suffix = "x = ", "1", "\n"
    fed = encode(tok, prompt(fmt, order, [], prefix, suffix))
    whole = encode(tok, trained(fmt, order, prefix, middle, suffix))
    joint = fmt.joint and order == "spm"
    assert joint or whole[: len(fed)] == fed
    stops = {tok.special(stop) for stop in fmt.stops}
    after = next(i for i in whole[len(fed) - 1 :] if i in stops)
    assert after == tok.special(getattr(fmt, fmt.layout(order)[fmt.layout(order).index("M") + 1]))


@pytest.mark.parametrize(("fmt", "order"), CUT, ids=lambda v: getattr(v, "name", v))
def test_a_head_belongs_to_the_prefix(fmt: Format, order: str) -> None:
    tok, head = seed_tokenizer(fmt.name), file_head("a/b.py", "github.com/o/r", "0", fmt)
    parsed = parse(fmt, tok, encode(tok, trained(fmt, order, "x", "y", "z", head)))
    assert (parsed.prefix + parsed.middle, parsed.suffix) == ("".join(head) + "xy", "z")


def test_shuffled_sentinels_are_no_sequence() -> None:
    """Codestral apart: what does not begin as one of its cuts does is not a cut."""
    for fmt, order in ((fmt, order) for fmt, order in CUT if fmt.name != "codestral"):
        tok, ids = seed_tokenizer(fmt.name), ids_of(fmt, order)
        marks = [i for i, id_ in enumerate(ids) if id_ in {tok.special(s) for s in fmt.sentinels}]
        one, two = marks[-2], marks[-3]
        ids[one], ids[two] = ids[two], ids[one]
        with pytest.raises(ValueError, match="known order"):
            parse(fmt, tok, ids)


def test_a_repositorys_files_share_one_end() -> None:
    tok = seed_tokenizer("starcoder2")
    parts = repository(STARCODER2, "o/r", [("a.py", "1\n", None), ("b.py", "xyz", Cut("x", "y", "z", "spm"))])
    ids = encode(tok, parts)
    assert ids.count(tok.special("<file_sep>")) == 2 and ids.count(tok.special("<|endoftext|>")) == 1
    assert ids[-2] == tok.encode("y")[0]


def test_a_tokenizer_that_joins_the_anchor_is_refused() -> None:
    class Greedy:
        spaced = True

        def encode(self, text: str) -> list[int]:
            return [len(text)]

    with pytest.raises(ValueError, match="joins"):
        encode_bare(Greedy(), "a")  # pyright: ignore


@pytest.mark.seed_files
@pytest.mark.parametrize("fmt", FORMATS.values(), ids=lambda fmt: fmt.name)
def test_the_seeds_own_tokenizer_files(fmt: Format) -> None:
    """Every sentinel of a layout is one id of the real file, and what is cut can be parsed."""
    path = Path(FOLDER) / f"{fmt.name}.json"
    if not path.exists():
        pytest.skip(f"no {path.name}")
    tok = Tokenizer.load(path)
    for order in fmt.orders:
        parsed = parse(fmt, tok, encode(tok, trained(fmt, order, *PIECES)))
        assert (parsed.prefix + parsed.middle, parsed.suffix) == (PIECES[0] + PIECES[1], PIECES[2])
