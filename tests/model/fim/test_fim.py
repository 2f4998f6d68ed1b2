"""FIM: what is rendered can be parsed, and what is served is what was trained on."""

from dataclasses import replace

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from model.fim.fim import Cut, Mark, Mix, choose, encode, file_head, parse, prompt, segments, star_bucket
from model.fim.formats import FORMATS, PLAIN, QWEN25_CODER, SANTACODER, STARCODER
from model.fim.syntax import node_span
from tests.support.models.tiny import texts, tokenizer

TEXT = st.text(st.one_of(st.characters(codec="utf-8"), st.sampled_from("\r\n\t <>|_{}aé漢😀")), max_size=60)
ORDER = st.sampled_from(["psm", "spm"])
HEAD = st.sampled_from([[], file_head("a/ü.py"), file_head("b.py", "github.com/x/y", "10-100")])
ALWAYS = Mix(fim_rate=1.0)


def shown(head: list[str]) -> str:
    return "".join(head)


def merged(parts: list[str]) -> list[str]:
    """Texts side by side as one, none of them empty: two lists that tokenise alike are equal."""
    out: list[str] = []
    for part in parts:
        if out and not isinstance(part, Mark) and not isinstance(out[-1], Mark):
            out[-1] += part
        elif part:
            out.append(part)
    return out


@given(TEXT, TEXT, TEXT, ORDER, HEAD)
def test_parse_gives_back_what_segments_was_given(p: str, m: str, s: str, order: str, head: list[str]) -> None:
    assume(order == "spm" or head or p)
    ids = encode(tokenizer(), segments(STARCODER, head, p + m + s, Cut(p, m, s, order)))
    parsed = parse(STARCODER, tokenizer(), ids)
    assert parsed.order == order and parsed.suffix == s
    if order == "psm":
        assert (parsed.prefix, parsed.middle) == (shown(head) + p, m)
    else:
        assert parsed.prefix == shown(head) + p + m


@given(TEXT, HEAD)
def test_a_plain_sequence_is_its_text_and_the_end(text: str, head: list[str]) -> None:
    ids = encode(tokenizer(), segments(STARCODER, head, text, None))
    assert ids[-1] == tokenizer().special("<|endoftext|>")
    if not text.startswith("<fim_prefix>"):
        assert parse(STARCODER, tokenizer(), ids).prefix == shown(head) + text


@given(TEXT, TEXT, TEXT, ORDER, HEAD)
def test_the_prompt_is_the_training_sequence_up_to_its_middle(
    p: str, m: str, s: str, order: str, head: list[str]
) -> None:
    trained = segments(STARCODER, head, p + m + s, Cut(p, m, s, order))
    assert merged([*prompt(STARCODER, order, head, p, s), m, Mark("<|endoftext|>")]) == merged(trained)


@given(TEXT, TEXT, TEXT)
def test_a_format_that_does_not_join_has_equal_prompt_ids(p: str, m: str, s: str) -> None:
    class Names:
        """The byte tokenizer under SantaCoder's names."""

        def encode(self, text: str) -> list[int]:
            return tokenizer().encode(text)

        def decode(self, ids: list[int]) -> str:
            return tokenizer().decode(ids)

        def special(self, text: str) -> int:
            return tokenizer().special(text.replace("-", "_"))

    whole = encode(Names(), segments(SANTACODER, [], p + m + s, Cut(p, m, s, "spm")))
    fed = encode(Names(), prompt(SANTACODER, "spm", [], p, s))
    assert whole[: len(fed)] == fed


@given(st.sampled_from(STARCODER.sentinels), TEXT, TEXT)
def test_a_sentinel_in_user_text_is_text(sentinel: str, before: str, after: str) -> None:
    ids = tokenizer().encode(before + sentinel + after)
    assert not set(ids) & set(tokenizer().specials.values())
    assert tokenizer().decode(ids) == before + sentinel + after


@settings(max_examples=200)
@given(TEXT, st.binary(max_size=16), st.sampled_from(["python", "Go", "no such language", ""]))
def test_a_cut_is_a_cut_of_its_text_and_depends_on_its_key_alone(text: str, key: bytes, language: str) -> None:
    cut = choose(text, language, key, ALWAYS)
    assert cut == choose(text, language, key, ALWAYS)
    assert cut is None if not text else cut is not None and cut.prefix + cut.middle + cut.suffix == text


def test_rates_are_those_of_the_mix() -> None:
    text = texts()[8]
    cuts = [choose(text, "python", str(n).encode(), Mix()) for n in range(2000)]
    infills = [c for c in cuts if c]
    assert 0.56 < len(infills) / len(cuts) < 0.64
    assert 0.45 < sum(c.order == "spm" for c in infills) / len(infills) < 0.55
    assert cuts != [choose(text, "python", str(n).encode(), Mix(seed=1)) for n in range(2000)]


def test_an_order_that_the_format_lacks_is_not_chosen() -> None:
    keys = [str(n).encode() for n in range(60)]
    cuts = [choose("some text", "", key, ALWAYS, QWEN25_CODER) for key in keys]
    assert {cut.order for cut in cuts if cut} == {"psm"} and all(cuts)
    assert [choose("some text", "", key, ALWAYS, PLAIN) for key in keys] == [None] * 60


def test_a_line_cut_ends_at_the_end_of_a_line() -> None:
    only_lines = replace(ALWAYS, random=0.0, line=1.0, syntax=0.0)
    text = "".join(texts()[:9]).replace("\n", "\r\n")
    for n in range(300):
        cut = choose(text, "python", str(n).encode(), only_lines)
        assert cut is not None and (cut.suffix[:1] in ("\r", "\n", ""))


def test_a_syntax_cut_is_one_named_node() -> None:
    text = "# é😀\ndef f(a, b):\n    return a + b\n"
    spans = {text[slice(*span)] for i in range(100) if (span := node_span(text, "Python", text.index("a +"), i / 100))}
    assert spans == {"a", "a + b", "return a + b", "def f(a, b):\n    return a + b"}
    assert node_span(text, "Klingon", 3, 0.5) is None
    assert node_span("x" * 300_000, "python", 3, 0.5) is None
    only_syntax = replace(ALWAYS, random=0.0, line=0.0, syntax=1.0)
    assert choose("def (((", "python", b"k", only_syntax) is not None


def test_an_order_that_was_not_trained_is_refused() -> None:
    with pytest.raises(ValueError, match=r"trained on the orders psm, not on spm"):
        prompt(QWEN25_CODER, "spm", [], "a", "b")


@pytest.mark.parametrize("fmt", FORMATS.values(), ids=lambda fmt: fmt.name)
def test_names_in_a_head_are_one_line(fmt) -> None:
    assert file_head("a\nb.py", "r\r\nx", "0", fmt) == file_head("a b.py", "r x", "0", fmt)


def test_star_buckets() -> None:
    assert [star_bucket(n) for n in (0, 1, 10, 11, 100, 1000, 1001)] == [
        "0", "1-10", "1-10", "10-100", "10-100", "100-1000", "1000+",
    ]  # fmt: skip


@pytest.mark.parametrize("ids", [[], [9], "unordered"])
def test_what_is_no_sequence_is_refused(ids) -> None:
    tok = tokenizer()
    if ids == "unordered":
        ids = [tok.special("<fim_prefix>"), tok.special("<fim_middle>"), tok.special("<|endoftext|>")]
    with pytest.raises(ValueError, match=r"end-of-text|order"):
        parse(STARCODER, tok, ids)
