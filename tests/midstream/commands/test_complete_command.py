"""FILE:LINE:COL and what lies on either side of it."""

from pathlib import Path

import click
import pytest

from midstream.commands.complete import CursorPlace, path_in_repository, split


@pytest.mark.parametrize(
    ("text", "line", "column", "prefix"),
    [
        ("ab\ncd\n", 1, 1, ""),
        ("ab\ncd\n", 1, 3, "ab"),
        ("ab\r\ncd", 2, 2, "ab\r\nc"),
        ("ab\ncd\n", 3, 1, "ab\ncd\n"),
        ("", 1, 1, ""),
        ("é😀x", 1, 3, "é😀"),
    ],
)
def test_the_text_is_split_at_the_place(text: str, line: int, column: int, prefix: str) -> None:
    assert split(text, line, column) == (prefix, text[len(prefix) :])


@pytest.mark.parametrize(("line", "column", "said"), [(4, 1, "no line 4, the last is 3"), (1, 4, "its end is 3")])
def test_a_place_that_is_not_there_is_named(line: int, column: int, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        split("ab\ncd\n", line, column)


def test_a_place_is_three_parts() -> None:
    assert CursorPlace().convert("a:b.py:3:4", None, None) == (Path("a:b.py"), 3, 4)
    for wrong in ("a.py", "a.py:3", "a.py:0:1", "a.py:x:1", ":1:1", "a.py:²:1", "a.py:00:1", "a.py:1:9999999999999"):
        with pytest.raises(click.BadParameter):
            CursorPlace().convert(wrong, None, None)


def test_the_path_is_the_repository_s(tmp_path: Path) -> None:
    (tmp_path / "r" / ".git").mkdir(parents=True)
    assert path_in_repository(tmp_path / "r" / "src" / "m.py") == "src/m.py"
    assert path_in_repository(tmp_path / "m.py") == "m.py"
