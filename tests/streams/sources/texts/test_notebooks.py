"""Notebooks as they are found: odd JSON, left-over worksheets, kernels of other languages, pictures, outputs."""

from __future__ import annotations

import json
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.event import Cell, Notebook, Repository, encode
from streams.prepare.expand import expand
from streams.prepare.prepare import rule_input
from streams.sources.texts import notebooks
from streams.sources.texts.notebooks import CUT, DEEP_HEADING, HALF_CHARACTER, MALFORMED_CELL, PICTURE, Malformed, read
from tests.support.documents.recipes import default


def code(source: object = "x", outputs: object = ()) -> dict:
    return {"cell_type": "code", "source": source, "outputs": outputs}


def v4(*cells: object, **others: object) -> dict:
    return {"nbformat": 4, "cells": list(cells), **others}


def sources(notebook: object, left_out: Counter[str] | None = None) -> list[str]:
    return [cell.source for cell in read(json.dumps(notebook).encode(), left_out)[0]]


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1" * 400])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_what_python_takes_for_json_is_taken(number: str, encoding: str) -> None:
    value = json.dumps(v4(code("é"))).replace("4", f'4, "score": {number}', 1)
    assert read(value.encode(encoding))[0][0].source == "é"


def test_half_characters_are_replaced_and_counted() -> None:
    left_out: Counter[str] = Counter()
    (cell,), _ = read(b'{"cells": [{"cell_type": "code", "source": ["a\\ud800", "b"]}]}', left_out)
    assert (cell.source, left_out) == ("a?b", {HALF_CHARACTER: 1})


def test_the_format_decides_what_else_is_left_over() -> None:
    assert sources(v4(code("a"), worksheets=[])) == ["a"]
    old = {"nbformat": 3, "cells": [], "worksheets": [{"cells": [{"cell_type": "code", "input": "b"}]}]}
    assert sources(old) == ["b"]
    assert sources({"nbformat": 4, "worksheets": [{"cells": [code("c")]}]}) == ["c"]


@pytest.mark.parametrize(
    ("lines", "format_", "text"),
    [(["a", "b"], 3, "a\nb"), (["a\n", "b"], 3, "a\nb"), (["a\r", "b"], 3, "a\rb"), (["a", "b"], 4, "ab"), ([], 3, "")],
)
def test_lines_are_joined_by_the_formats_rule(lines: list[str], format_: int, text: str) -> None:
    cell = {"cell_type": "code", "source": lines, "input": lines}
    notebook = v4(cell) if format_ == 4 else {"nbformat": 3, "worksheets": [{"cells": [cell]}]}
    assert sources(notebook) == ([text] if text else [])


@pytest.mark.parametrize(
    ("level", "marks", "cut"), [(2, 2, 0), (3_000_000_000, 6, 1), (-1, 1, 0), ("3", 1, 0), (6, 6, 0)]
)
def test_headings_are_bounded(level: object, marks: int, cut: int) -> None:
    left_out: Counter[str] = Counter()
    heading = {"cell_type": "heading", "level": level, "source": "Old"}
    assert sources({"nbformat": 3, "worksheets": [{"cells": [heading]}]}, left_out) == ["#" * marks + " Old"]
    assert left_out[DEEP_HEADING] == cut


def test_cells_are_bounded_and_counted() -> None:
    left_out: Counter[str] = Counter()
    assert len(sources(v4(*[code()] * 10_003, 7), left_out)) == 10_000
    assert left_out == {CUT: 4}
    left_out.clear()
    assert sources(v4(code(), 7, None), left_out) == ["x"]
    assert left_out == {MALFORMED_CELL: 2}


@pytest.mark.parametrize(
    ("outputs", "text"),
    [
        ([{"output_type": "stream", "name": "stderr", "text": "w"}, {"text": ["a\n", "b"]}], "a\nb"),
        ([{"output_type": "error", "ename": "E", "traceback": ["t"]}, {"data": {"text/plain": "2"}}], "2"),
        ([{"data": {"image/png": "AAAA", "text/plain": "<Figure>"}}, {"data": {"text/plain": ["3"]}}], "3"),
        ([{"png": "AAAA", "text": "<Figure>"}, {"stream": "stderr", "text": "w"}, {"text": "4"}], "4"),
        ([{"output_type": "stream", "text": "\x1b[31mred\x1b[0m"}], "red"),
        ([{"data": {"text/html": "<b>"}}, 7, None, {"text": 3}, {"data": []}], ""),
        ("no list", ""),
    ],
)  # fmt: skip
def test_the_first_text_output_is_kept(outputs: object, text: str) -> None:
    (cell,), _ = read(json.dumps(v4(code("x", outputs))).encode())
    assert cell.output == text


PNG = "data:image/png;base64," + "iVBORw0KGgo" * 900 + "=="


def test_pictures_within_texts_are_taken_out_and_counted() -> None:
    left_out: Counter[str] = Counter()
    markdown = {"cell_type": "markdown", "source": f"![a]({PNG}) and <img src='{PNG}'>", "attachments": {"a.png": {}}}
    assert sources(v4(markdown, code(f'show("{PNG}")')), left_out) == [
        "![a]() and <img src=''>",
        'show("data:image/png;base64,")',
    ]
    assert left_out == {PICTURE: 3}
    assert sources(v4(code("data:image/png;base64,AAAA"))) == ["data:image/png;base64,AAAA"]


@pytest.mark.parametrize(
    ("metadata", "language"),
    [
        ({"kernelspec": {"language": "C++17"}}, "cpp"),
        ({"kernelspec": {"name": "ir"}}, "r"),
        ({"kernelspec": {"name": "julia-1.6", "display_name": "Julia"}}, "julia"),
        ({"language_info": {"name": "C#"}, "kernelspec": {"name": ".net-csharp"}}, "c_sharp"),
        ({"kernelspec": {"language": "mystery"}, "language_info": {"file_extension": ".KT"}}, "kotlin"),
        ({"kernelspec": {"language": "mystery"}}, "mystery"),
        ({"kernelspec": {"language": "mystery", "name": "python3"}}, "python"),
        ({"kernelspec": {"language": 3}, "language": "Julia"}, "julia"),
        ({}, "python"),
        ([], "python"),
    ],
)
def test_the_language_is_one_of_the_table(metadata: object, language: str) -> None:
    assert read(json.dumps(v4(code(), metadata=metadata)).encode())[1] == language


def test_what_is_too_large_is_refused_with_its_reason(monkeypatch) -> None:
    with pytest.raises(Malformed, match="larger than 1 MiB"):
        read(json.dumps(v4(code("x" * (1 << 20 | 1)))).encode())
    with pytest.raises(Malformed, match="larger than 16 MiB"):
        read(b" " * (notebooks.MAX_RAW_BYTES + 1))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(exclude_categories=())),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=12,
)
KEYS = ("cells", "worksheets", "nbformat", "metadata", "cell_type", "source", "input", "outputs", "data", "text",
        "level", "language", "kernelspec", "language_info", "file_extension", "name", "text/plain",
        "stream")  # fmt: skip
LIKE_NOTEBOOKS = st.recursive(
    JSON | st.sampled_from(["code", "heading", "markdown", 3, 4]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=5),
    max_leaves=25,
)


@settings(max_examples=300, deadline=None)
@given(LIKE_NOTEBOOKS, st.sampled_from([3, 4, 4.5, None, True]))
def test_any_json_is_a_notebook_or_malformed(inner: object, format_: object) -> None:
    whole = inner if isinstance(inner, dict) else {"cells": inner, "worksheets": inner}
    value = json.dumps({"nbformat": format_, "cells": [whole], **whole}).encode()
    try:
        cells, language = read(value, Counter())
    except Malformed as error:
        assert str(error) in ("malformed", "larger than 1 MiB", "of a format before 2")
        return
    event = Notebook(repository=Repository(name="r"), path="a.ipynb", cells=cells, language=language)
    assert b'"cells"' in encode(event)
    assert all(cell.source.strip() and len(cell.output) <= 1000 for cell in cells)


@given(st.binary(max_size=60))
def test_any_bytes_are_malformed(value: bytes) -> None:
    with pytest.raises(Malformed, match="malformed"):
        read(value)


@pytest.mark.parametrize("format_", [1, 0, -3])
def test_a_format_that_nobody_documents_is_named(format_: int) -> None:
    with pytest.raises(Malformed, match="of a format before 2"):
        read(json.dumps({"nbformat": format_, "cells": []}).encode(), Counter())


GPL = (
    "# A study\n\nThis program is free software: you can redistribute it and/or modify it under the terms of the GNU "
    "General Public License as published by the Free Software Foundation, version 3 of the License.\n"
)


@pytest.mark.parametrize(
    ("cells", "licence"),
    [
        (["code # SPDX-License-Identifier: GPL-3.0-only\nx = 1"], "GPL-3.0-only"),
        (["markdown A study", "code # SPDX-License-Identifier: Apache-2.0\nx = 1"], "Apache-2.0"),
        ([f"markdown {GPL}", "code x = 1"], "GPL-3.0-only"),
        ([f"raw {GPL}", "markdown A study"], "GPL-3.0-only"),
        (["code  ", "code # Licensed under the GPL-2.0-only.\n"], "GPL-2.0-only"),
        ([f"markdown {GPL}", "code # SPDX-License-Identifier: Apache-2.0\n"], "Apache-2.0 AND GPL-3.0-only"),
        (["markdown A study", "code x = 1", f"markdown {GPL}", "code # SPDX-License-Identifier: 0BSD"], "MIT"),
    ],
)
def test_the_first_cells_say_the_licence_as_the_head_of_a_file_does(cells: list[str], licence: str) -> None:
    made = [Cell(type=kind, source=source) for kind, _, source in (cell.partition(" ") for cell in cells)]  # type: ignore[arg-type]
    event = Notebook(repository=Repository(name="o/r", licence="MIT"), path="a.ipynb", cells=made, language="python")
    (document,) = expand(encode(event), 0).documents
    assert rule_input(document, default()).document.licence == licence
