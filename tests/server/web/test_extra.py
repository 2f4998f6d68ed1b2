"""Other files before the prompt: as a format's repository context, or as comments, in half of the room at most."""

from __future__ import annotations

from functools import cache

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.fim.fim import Cut, encode, repository
from model.fim.formats import FORMATS, QWEN25_CODER, REGISTRY, STARCODER, STARCODER2
from model.tokens.tokenizer import Tokenizer, train
from server.app import Server
from server.prompt import build, order_for
from server.request import MOST_EXTRA, Extra, Request
from tests.support.models.tiny import texts

LINES = st.text(st.sampled_from("ab\n é"), max_size=200)
FILES = st.lists(st.builds(Extra, st.sampled_from(["", "a.py", "b/c d.rs"]), LINES), max_size=4)
OLD, NEW = Extra("old.py", "x = 1\n" * 300), Extra("util.py", "def load():\n\n    return 7")


@cache
def tokenizer(name: str) -> Tokenizer:
    return train(texts(), 400, FORMATS[name])


def shown(name: str, ids: list[int]) -> str:
    """Ids as text, sentinels by their strings."""
    tok = tokenizer(name)
    sentinels = {i: s for s, i in tok.specials.items()}
    return "".join(sentinels.get(i) or tok.bytes_of[i].decode() for i in ids)


@pytest.mark.parametrize("fmt", REGISTRY, ids=lambda fmt: fmt.name)
@given(LINES, LINES, FILES, st.integers(90, 400))
def test_the_prompt_fits_its_room(fmt, prefix: str, suffix: str, files: list[Extra], room: int) -> None:
    assert len(build(fmt, tokenizer(fmt.name), "a.py", prefix, suffix, room, files).ids) <= room


@pytest.mark.parametrize("fmt", [STARCODER2, QWEN25_CODER], ids=lambda fmt: fmt.name)
def test_repository_context_is_as_it_was_trained(fmt) -> None:
    prefix, suffix = "def f(\n", ")\n    pass\n"
    cut = Cut(prefix, "", suffix, order_for(fmt))  # pyright: ignore[reportArgumentType]
    files = [("a.py", "import b\n", None), (NEW.path, NEW.text + "\n", None), ("m.py", prefix + suffix, cut)]
    trained = encode(tokenizer(fmt.name), repository(fmt, "", files))
    made = build(fmt, tokenizer(fmt.name), "m.py", prefix, suffix, 400, [Extra("a.py", "import b\n"), NEW])
    assert made.ids == trained[: len(made.ids)] and len(trained) <= len(made.ids) + 1


@pytest.mark.parametrize("fmt", [f for f in REGISTRY if not f.context], ids=lambda fmt: fmt.name)
def test_other_formats_have_comments(fmt) -> None:
    made = shown(fmt.name, build(fmt, tokenizer(fmt.name), "m.js", "call(", "", 400, [NEW]).ids)
    assert "// util.py\n// def load():\n//     return 7\ncall" in made


def test_the_last_file_comes_first_of_all_and_the_rest_is_cut_at_a_line() -> None:
    made = build(STARCODER, tokenizer("starcoder"), "m.py", "x" * 20, "", 200, [OLD, NEW])
    text = shown("starcoder", made.ids)
    assert text.index("# old.py\n# x = 1\n") < text.index("# util.py\n# def load():\n#     return 7\nx")
    comments = text[text.index("# old") : text.rindex("7\n") + 2]
    assert len(tokenizer("starcoder").encode(comments)) <= 100
    assert set(comments.splitlines()) == {"# old.py", "# x = 1", "# util.py", "# def load():", "#     return 7"}


def test_a_file_that_fits_no_line_is_left_out() -> None:
    made = build(STARCODER, tokenizer("starcoder"), "m.py", "x = ", "", 60, [Extra("a.py", "y" * 5000)])
    assert "yyy" not in shown("starcoder", made.ids)


def test_there_are_bounds() -> None:
    with pytest.raises(ValueError, match=f"at most {MOST_EXTRA} files"):
        Request("x", extra=(NEW,) * (MOST_EXTRA + 1))


async def test_llama_cpp_s_extra_texts_reach_the_prompt(server: Server, http: httpx.AsyncClient) -> None:
    body = {"input_prefix": texts()[20][:9], "n_predict": 4}
    extra = [{"text": "def load():\n    return 7\n", "filename": "util.py", "time": [7, 3]}, {"text": "y = 2"}]
    without, with_extra = [
        (await http.post("/infill", json=body | {"input_extra": files})).json()["tokens_evaluated"]
        for files in ([], extra)
    ]
    assert with_extra > without + 10
