"""The sentinel table."""

import msgspec
import pytest

from model.fim.fim import Cut, Mark, file_head, prompt, repository, segments
from model.fim.format import Format
from model.fim.formats import CODELLAMA, FORMATS, INCODER, PLAIN, QWEN25_CODER, SOURCES, STARCODER, STARCODER2

EVERY = pytest.mark.parametrize("fmt", FORMATS.values(), ids=lambda fmt: fmt.name)


@EVERY
def test_a_format_survives_the_manifest(fmt: Format) -> None:
    assert msgspec.json.decode(msgspec.json.encode(fmt), type=Format) == fmt


def test_a_manifest_of_the_first_version_still_says_the_same() -> None:
    fields = ("name", "prefix", "middle", "suffix", "pad", "end", "orders", "stops", "joint", "repository", "file")
    first = {field: getattr(STARCODER, field) for field in (*fields, "stars", "others")}
    assert msgspec.json.decode(msgspec.json.encode(first), type=Format) == STARCODER


@EVERY
def test_stops_are_sentinels_and_layouts_name_sentinels(fmt: Format) -> None:
    assert set(fmt.stops) <= set(fmt.sentinels) and len(set(fmt.sentinels)) == len(fmt.sentinels)
    for order in fmt.orders:
        layout = fmt.layout(order)
        assert sorted(p for p in layout if p.isupper()) == ["M", "P", "S"]
        assert all(getattr(fmt, place) in fmt.sentinels for place in layout if place.islower())
        assert getattr(fmt, layout[layout.index("M") + 1]) in fmt.stops
    assert fmt.name in SOURCES


def test_starcoder_has_the_sentinels_of_all_kinds() -> None:
    assert len(STARCODER.sentinels) == 19
    assert {"<issue_start>", "<jupyter_code>", "<commit_msg>", "<filename>", "<gh_stars>"} <= set(STARCODER.sentinels)


@EVERY
def test_an_order_that_was_not_trained_is_refused_with_the_reason(fmt: Format) -> None:
    for order in ("psm", "spm", "plain", "msp"):
        if order not in fmt.orders:
            with pytest.raises(ValueError, match=f"{fmt.name} was trained on .* not on {order}.*{fmt.refusal}"):
                prompt(fmt, order, [], "a", "b")
    assert bool(fmt.refusal) == (fmt.orders != ("psm", "spm"))


@pytest.mark.parametrize(
    ("fmt", "head"),
    [
        ("starcoder", "<reponame>github.com/x/y<filename>a/b.py<gh_stars>0\n"),
        ("starcoder2", "<repo_name>github.com/x/y<file_sep>a/b.py\n"),
        ("qwen2.5-coder", "<|repo_name|>github.com/x/y\n<|file_sep|>a/b.py\n"),
        ("incoder", "<| file ext=.py filename=b.py source=github |>\n"),
        ("aixcoder", "# the file path is: a/b.py\n# the code file is written by Python\n"),
        ("codellama", ""),
        ("plain", ""),
    ],
)
def test_heads(fmt: str, head: str) -> None:
    made = file_head("a/b.py", "github.com/x/y", "0", FORMATS[fmt])
    assert "".join(made) == head
    assert not any("\n" in part and isinstance(part, Mark) for part in made)


def test_a_comment_is_in_the_files_language() -> None:
    aixcoder = FORMATS["aixcoder"]
    assert file_head("a.go", fmt=aixcoder)[0].startswith("// the file path is: a.go\n")
    assert file_head("a.unheard", fmt=aixcoder) == [] == file_head("", fmt=aixcoder)


@pytest.mark.parametrize(
    ("fmt", "psm"),
    [
        (STARCODER, "<fim_prefix><filename>a.py\n"),
        (STARCODER2, "<file_sep><fim_prefix>a.py\n"),
        (QWEN25_CODER, "<|file_sep|>a.py\n<|fim_prefix|>"),
    ],
    ids=lambda v: getattr(v, "name", ""),
)
def test_where_the_head_stands(fmt: Format, psm: str) -> None:
    assert "".join(segments(fmt, file_head("a.py", fmt=fmt), "xyz", Cut("x", "y", "z", "psm"))).startswith(psm + "x")


def test_a_repository_is_one_sequence() -> None:
    files = [("a.py", "1\n", None), ("b.py", "xyz", Cut("x", "y", "z", "psm")), ("c.py", "2\n", None)]
    assert "".join(repository(STARCODER2, "o/r", files)) == (
        "<repo_name>o/r<file_sep>a.py\n1\n<file_sep><fim_prefix>b.py\nx<fim_suffix>z<fim_middle>y"
        "<file_sep>c.py\n2\n<|endoftext|>"
    )
    for fmt in (CODELLAMA, PLAIN, STARCODER):
        with pytest.raises(ValueError, match="no repository context"):
            repository(fmt, "o/r", files)


def test_masks_are_numbered() -> None:
    assert [INCODER.mask(n) for n in (0, 1)] == [INCODER.suffix, INCODER.between] and STARCODER.mask(0) == ""
