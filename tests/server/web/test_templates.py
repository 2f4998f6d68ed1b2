"""Templates of all formats are taken apart again, as text and as ids, whatever stands in the texts."""

from __future__ import annotations

from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.fim.fim import encode, file_head, prompt
from model.fim.format import Format
from model.fim.formats import FORMATS, QWEN25_CODER, REGISTRY, STARCODER, STARCODER2
from model.fim.parse import Templated, parse, parse_ids
from model.fim.segment import Mark
from model.tokens.tokenizer import Tokenizer, train
from tests.support.models.tiny import texts

CUT = [(fmt, order) for fmt in REGISTRY for order in fmt.orders]
SENTINELS = sorted({s for fmt in REGISTRY for s in fmt.sentinels})
PLAIN_TEXT = st.text(
    st.one_of(st.characters(codec="utf-8", exclude_characters="▁☺\0"), st.sampled_from("\r\n\t <>|[]{}aé漢"))
)
ANY = st.lists(st.one_of(PLAIN_TEXT, st.sampled_from(SENTINELS)), max_size=4).map("".join)
PATHS = st.sampled_from(["", "a.py", "src/deep/b.rs", "Makefile.am"])
ORDER = pytest.mark.parametrize(("fmt", "order"), CUT, ids=[f"{fmt.name}-{order}" for fmt, order in CUT])


@cache
def tokenizer(name: str) -> Tokenizer:
    return train(texts(), 400, FORMATS[name])


def rendered(fmt: Format, order: str, prefix: str, suffix: str, path: str = "") -> list[str]:
    return prompt(fmt, order, file_head(path, fmt=fmt), prefix, suffix)


def told_path(fmt: Format, path: str) -> str:
    """What of a path a format's head tells."""
    if not path or fmt.attributes:
        return path.rpartition("/")[2]
    return path if file_head(path, fmt=fmt) else ""


def mentions(text: str, fmt: Format) -> bool:
    """One of the format's own sentinels, or of its head's words."""
    own = [s.strip("▁") for s in fmt.sentinels]
    return any(s in text for s in own) or text.startswith(("+++++ ", "<| file")) or " the file path is: " in text


@ORDER
@given(ANY, ANY, PATHS)
def test_a_text_comes_apart_as_it_was_put_together(
    fmt: Format, order: str, prefix: str, suffix: str, path: str
) -> None:
    """Sentinels of other formats are text."""
    if mentions(prefix, fmt) or mentions(suffix, fmt):
        return
    result = parse("".join(rendered(fmt, order, prefix, suffix, path)), fmt)
    assert result is not None and result.format is fmt
    assert (result.prefix + result.middle, result.suffix, result.path) == (prefix, suffix, told_path(fmt, path))


@ORDER
@given(ANY, ANY)
def test_nothing_is_lost_even_where_a_text_mentions_sentinels(
    fmt: Format, order: str, prefix: str, suffix: str
) -> None:
    """Then it cannot be known which is which; what comes out makes the same text again."""
    text = "".join(rendered(fmt, order, prefix, suffix))
    result = parse(text, fmt)
    assert result is not None
    if result.path or result.files or result.repository or prefix.startswith(fmt.begin or "\0"):
        return
    again = "".join([*rendered(fmt, result.order, result.prefix, result.suffix), result.middle])
    assert again == text or len(again) < len(text) == len(again) + text.count("▁")


@ORDER
@given(ANY, ANY, PATHS)
def test_ids_come_apart_whatever_the_text(fmt: Format, order: str, prefix: str, suffix: str, path: str) -> None:
    tok = tokenizer(fmt.name)
    prefix, suffix = (tok.decode(tok.encode(text)) for text in (prefix, suffix))
    if mentions(prefix, fmt) and fmt.head != "outside" and prefix.startswith(("+++++ ", "<| file", "#", "/")):
        return
    result = parse_ids(encode(tok, rendered(fmt, order, prefix, suffix, path)), tok, fmt)
    assert result is not None and result.format is fmt
    assert (result.prefix + result.middle, result.suffix, result.path) == (prefix, suffix, told_path(fmt, path))


@pytest.mark.parametrize("own", [STARCODER, FORMATS["plain"], QWEN25_CODER])
@ORDER
def test_a_client_may_be_set_to_another_format(own: Format, fmt: Format, order: str) -> None:
    result = parse("".join(rendered(fmt, order, "def f(", "):\n    pass\n")), own)
    assert result is not None and (result.prefix, result.suffix) == ("def f(", "):\n    pass\n")


CODE = [
    "x = '<fim_prefix>' + a + '<fim_suffix>' + b + '<fim_middle>'\n",
    "<fim_prefix> is what StarCoder calls it",
    "see <fim_prefix> and <fim_middle>",
    "[PREFIX] = 1",
    "[SUFFIX]\nname = x\n",
    "<PRE>formatted</PRE>\n<SUF>\n",
    "<filename>report.txt</filename>\n",
    "<filename>",
    "<reponame>x",
    "a<|mask:0|>b<|mask:1|><|mask:0|> is how InCoder does it\n",
    "f'{a}<mask_1>{b}<|endoftext|><sep><mask_1>'",
    "# the file path is: here\nx = 1\n",
    "+++++ a/b.py\n@@ -1 +1 @@\n",
    "",
]


@pytest.mark.parametrize("own", REGISTRY, ids=lambda fmt: fmt.name)
@pytest.mark.parametrize("text", CODE)
def test_code_that_mentions_sentinels_is_code(text: str, own: Format) -> None:
    if own.name in ("incoder", "codegen2") and own.middle in text:
        pytest.skip("of the model's own format, this is a prompt")
    assert parse(text, own) is None


P, S = "import a\nfoo(", ")\nend\n"
EDITORS = [
    # Code Llama's template as Continue, Zed and Ollama have it
    (f"<PRE> {P} <SUF>{S} <MID>", Templated(FORMATS["codellama"], "psm", P, S)),
    (f"<PRE> <SUF>{S} <MID>{P}", Templated(FORMATS["codellama"], "spm", P, S)),
    # llama.cpp's repository context, and what of the middle is there
    (
        f"<|repo_name|>proj\n<|file_sep|>l.py\ncode\n<|file_sep|>m.py\n<|fim_prefix|>{P}<|fim_suffix|>{S}<|fim_middle|>mid",
        Templated(QWEN25_CODER, "psm", P, S, "mid", "m.py", "proj", (("l.py", "code\n"),)),
    ),
    # llama.cpp names no file
    (
        f"<|repo_name|>proj\n<|file_sep|>filename\n<|fim_prefix|>{P}<|fim_suffix|>{S}<|fim_middle|>",
        Templated(QWEN25_CODER, "psm", P, S, "", "filename", "proj"),
    ),
    (
        f"<|file_sep|>my file.py\n<|fim_prefix|>{P}<|fim_suffix|>{S}<|fim_middle|>",
        Templated(QWEN25_CODER, "psm", P, S, "", "my file.py"),
    ),
    (
        f"<|file_sep|>a.py\nx = 1\n<|fim_prefix|>{P}<|fim_suffix|>{S}<|fim_middle|>",
        Templated(QWEN25_CODER, "psm", P, S, files=(("a.py", "x = 1\n"),)),
    ),
    # a buffer that begins as a head does
    (
        f"<fim_prefix><filename>report.txt</filename>\n{P}<fim_suffix>{S}<fim_middle>",
        Templated(STARCODER, "psm", f"<filename>report.txt</filename>\n{P}", S),
    ),
    # left to right in a repository, as Qwen2.5-Coder's README has it
    (
        f"<|repo_name|>proj\n<|file_sep|>l.py\ncode\n<|file_sep|>m.py\n{P}",
        Templated(QWEN25_CODER, "plain", P, "", "", "m.py", "proj", (("l.py", "code\n"),)),
    ),
    # Continue's StarCoder2 template: snippets without paths
    (
        f"<file_sep>import b\n<file_sep>c = 3<file_sep><fim_prefix>{P}<fim_suffix>{S}<fim_middle>",
        Templated(STARCODER2, "psm", P, S, files=(("", "import b\n"), ("", "c = 3"))),
    ),
    # Continue's Codestral template of several files
    (
        f"[SUFFIX]{S}[PREFIX]+++++ x.py\nimport y\n\n+++++ z.py\n{P}",
        Templated(FORMATS["codestral"], "spm", P, S, "", "z.py", "", (("x.py", "import y"),)),
    ),
    (
        "<reponame>r<filename>a.py<gh_stars>10-100\nx =",
        Templated(STARCODER, "plain", "x =", path="a.py", repository="r"),
    ),
    (
        f"<reponame>r<filename>a.py\n<fim_prefix>{P}<fim_suffix>{S}<fim_middle>",
        Templated(STARCODER, "psm", P, S, "", "a.py", "r"),
    ),
]


@pytest.mark.parametrize(("text", "expected"), EDITORS)
def test_templates_as_clients_write_them(text: str, expected: Templated) -> None:
    assert parse(text, FORMATS["plain"]) == parse(text) == parse(text, expected.format) == expected


def test_ids_without_sentinels_are_no_template() -> None:
    tok = tokenizer("starcoder")
    assert parse_ids(tok.encode("<fim_prefix>a<fim_suffix>b<fim_middle>"), tok, STARCODER) is None
    assert parse_ids([tok.special("<fim_middle>"), *tok.encode("a")], tok, STARCODER) is None


def test_ids_of_a_head_tell_the_path() -> None:
    tok = tokenizer("starcoder2")
    parts = [
        Mark("<repo_name>"),
        "r",
        Mark("<file_sep>"),
        "l.py\nx <file_sep> y\n",
        *rendered(STARCODER2, "psm", P, S, "m.py"),
    ]
    assert parse_ids(encode(tok, parts), tok, STARCODER2) == Templated(
        STARCODER2, "psm", P, S, "", "m.py", "r", (("l.py", "x <file_sep> y\n"),)
    )
