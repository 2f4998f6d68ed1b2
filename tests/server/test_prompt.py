"""The prompt: as in training, within its room, and growing at its end while the user types."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.fim.fim import encode, file_head, prompt
from model.fim.formats import PLAIN, QWEN25_CODER, SANTACODER, STARCODER
from model.tokens.tokenizer import train
from server.heal import Spellings
from server.prompt import build, order_for
from tests.support.models.tiny import texts, tokenizer

CODE = "".join(texts())
LINES = st.text(st.sampled_from("ab\n é"), max_size=300)
SPECIALS = set(tokenizer().specials.values())


@given(LINES, LINES, st.integers(20, 400))
def test_the_prompt_fits_its_room(prefix: str, suffix: str, room: int) -> None:
    assert len(build(STARCODER, tokenizer(), "a.py", prefix, suffix, room).ids) <= room


@given(LINES, LINES)
def test_with_room_enough_it_is_the_training_sequence(prefix: str, suffix: str) -> None:
    made = build(STARCODER, tokenizer(), "a.py", prefix, suffix, 4096)
    trained = encode(tokenizer(), prompt(STARCODER, "spm", file_head("a.py"), prefix, suffix))
    assert trained[: len(made.ids)] == made.ids
    assert b"".join(tokenizer().bytes_of[i] for i in trained[len(made.ids) :]) == made.healed


@given(st.sampled_from(STARCODER.sentinels), st.sampled_from(STARCODER.sentinels))
def test_sentinels_in_user_text_do_not_change_the_structure(one: str, two: str) -> None:
    prompt = build(STARCODER, tokenizer(), f"{two}.py", f"x = '{one}' + ", f"{two}\n", 400)
    sentinels = [i for i in prompt.ids if i in SPECIALS]
    assert sentinels == [tokenizer().special(s) for s in ("<fim_prefix>", "<fim_suffix>", "<fim_middle>", "<filename>")]


def test_typing_appends_to_the_prompt() -> None:
    """Beyond its room too: the cut moves in strides, so most keys keep nearly all of the tokens."""
    suffix = CODE[3000:5000]
    before = build(STARCODER, tokenizer(), "a.py", CODE[:2000], suffix, 500).ids
    recomputed: list[int] = []
    for end in range(2001, 2101):
        ids = build(STARCODER, tokenizer(), "a.py", CODE[:end], suffix, 500).ids
        same = next(
            (i for i, (a, b) in enumerate(zip(ids, before, strict=False)) if a != b), min(len(ids), len(before))
        )
        recomputed.append(len(ids) - same)
        before = ids
    assert sorted(recomputed)[len(recomputed) // 2] <= 4
    assert sum(n > 100 for n in recomputed) <= 3


def test_a_long_prefix_is_cut_at_a_line_and_a_long_suffix_too() -> None:
    ids = build(STARCODER, tokenizer(), "a.py", CODE[:4000], CODE[4000:], 300).ids
    hole, rest = (tokenizer().special(s) for s in ("<fim_middle>", "<fim_suffix>"))
    suffix = tokenizer().decode(ids[ids.index(rest) + 1 : ids.index(hole)])
    prefix = tokenizer().decode(ids[ids.index(hole) + 1 :]).removeprefix("<filename>a.py\n")
    assert suffix and CODE[4000:].startswith(suffix) and suffix.endswith("\n")
    at = CODE[:4000].rindex(prefix)
    assert len(prefix) > 100 and CODE[at - 1] == "\n"


def test_the_order_is_one_that_was_trained() -> None:
    assert [order_for(f) for f in (STARCODER, SANTACODER, QWEN25_CODER)] == ["spm", "spm", "psm"]


@pytest.mark.parametrize("prefix", ["", "d", "def", "\n"])
def test_a_plain_buffer_s_first_word_is_a_prompt(prefix: str) -> None:
    """There is always something to go on from, and nothing comes twice."""
    own = train(texts(), 320, PLAIN)
    made = build(PLAIN, own, "", prefix, "", 400)
    assert made.ids and b"".join(own.bytes_of[i] for i in made.ids) + made.healed == prefix.encode()


def test_no_room_for_the_path_is_refused() -> None:
    with pytest.raises(ValueError, match="no room"):
        build(STARCODER, tokenizer(), "x" * 300, "a", "b", 20)


def test_only_tokens_that_agree_with_what_is_written() -> None:
    spellings = Spellings([b"", b"re", b"r", b"return", b"x", b"retu", b"rx"])
    assert sorted(spellings.agreeing(b"ret")) == [1, 2, 3, 5]
    assert spellings.agreeing(b"zz") == []
