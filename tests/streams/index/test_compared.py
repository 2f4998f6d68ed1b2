"""What the index compares: letters of any script, a commit's path and changed lines, a file without its licence."""

from __future__ import annotations

import pytest
import xxhash

from streams.document import Document, Part
from streams.index.letters import count_words
from streams.index.minhash import similarity, sketch
from streams.prepare.measure import measure
from streams.prepare.texts import compared, judged, without_licence
from tests.support.documents.scripts import BODY, OTHER

TEMPLATE = "### Bug\n\nWhat happened? {}\n\nExpected: see the documentation of the `login` command.\n"


def alike(one: str, other: str) -> float:
    return similarity(sketch(one).signature, sketch(other).signature)


@pytest.mark.parametrize("script", BODY)
def test_texts_of_any_script_are_told_apart_and_found_again(script: str) -> None:
    one, other = BODY[script], OTHER[script]
    assert alike(TEMPLATE.format(one), TEMPLATE.format(other)) < 0.5, "one English template"
    assert alike(f"{one} {other}", f"{one} {other} {one[: len(one) // 8]}") > 0.7, "some words more"
    assert alike(one, other) < 0.2


def test_of_ascii_text_a_signature_is_what_it_was() -> None:
    text = "def read(path):\n    with open(path) as file:\n        return file.read()\n" * 3
    assert xxhash.xxh3_64_hexdigest(sketch(text).signature) == GOLDEN


GOLDEN = "c217e90c646fabae"


@pytest.mark.parametrize(
    ("text", "words"),
    [("", 0), ("fix it", 2), ("修复", 2), ("исправить", 1), ("naïve café", 2), ("a-b_c", 2), ("👍", 0)],
)
def test_words_are_counted_in_any_script(text: str, words: int) -> None:
    assert count_words(text) == words


def test_characters_are_measured_where_characters_are_documented() -> None:
    figures = measure("где\r\n" + "ж" * 64 + "\n中")
    assert (figures.size, figures.longest_line, figures.lines, figures.alphanumeric) == (3 + 2 + 64 + 1 + 1, 64, 3, 68)


def commit(path: str, before: str, after: str, message: str = "m") -> Document:
    parts = [Part("message", message), Part("before", before), Part("after", after)]
    return Document(offset=0, index=0, kind="commit", parts=parts, path=path, repository="r")


MESSAGE = "Rename the option everywhere, because users mistook it for the other one, and say so in the notes. " * 8


def test_a_message_makes_no_two_changes_alike() -> None:
    one = commit("src/reader.py", "a = open(x)\n", "a = read_all(x, limit=LIMIT, strict=True)\n", MESSAGE)
    other = commit("src/writer.py", "write(y)\n", "send_to(queue, y, deadline=now() + WAIT_S)\n", MESSAGE)
    assert alike(compared(one), compared(other)) < 0.3
    assert MESSAGE not in compared(one) and "src/reader.py" in compared(one)


def test_a_commit_that_only_moves_lines_has_a_text_of_its_own() -> None:
    lines = [f"line_{n} = {n}\n" for n in range(8)]
    one = commit("a.py", "".join(lines), "".join([*lines[4:], *lines[:4]]))
    other = commit("a.py", "".join(lines), "".join([lines[7], *lines[:7]]))
    assert judged(one) and judged(other) and compared(one) != compared(other)


def test_a_revert_is_another_change() -> None:
    before, after = ("".join(f"{word}_{n} = {n}\n" for n in range(9)) for word in ("old", "new"))
    there, back = commit("a.py", before, after), commit("a.py", after, before)
    assert compared(there) != compared(back)
    assert alike(compared(there), compared(back)) < 0.7


LICENCE = "".join(f"# {line}\n" for line in (
    "Copyright 2026 The Authors. All rights reserved.", "Licensed under the Apache License, Version 2.0;",
    "you may not use this file except in compliance with the License.", "You may obtain a copy of the License at",
    "the address below, and nothing else may be said about it here at all.",
))  # fmt: skip


@pytest.mark.parametrize(
    ("head", "rest"),
    [
        (LICENCE, "x = 1\n"),
        ("#!/bin/sh\n" + LICENCE + "\n", "x=1\n"),
        ("/*\n * Copyright (c) A\n * Permission\n */\n\n", "int x;\n"),
        ("/* Copyright A */\n// more\n", "int x;\n"),
        ('"""Licensed under MIT.\n"""\n', "x = 1\n"),
        ("<!-- Copyright A\n-->\n", "<p>\n"),
        ("", "# what it does\nx = 1  # licence\n"),
        ("", "/* Copyright without an end\nint x;\n"),
        ("", LICENCE),
        ("", "x = 1\n" + LICENCE),
        ("", "#include <copyright.h>\nint x;\n"),
    ],
)
def test_the_licence_at_a_files_head_is_not_compared(head: str, rest: str) -> None:
    assert without_licence(head + rest) == rest


def test_small_files_under_one_long_licence_differ() -> None:
    def small(name: str) -> Document:
        text = f"{LICENCE * 4}\nclass {name}(Exception):\n    pass\n"
        return Document(offset=0, index=0, kind="file", parts=[Part("text", text)])

    assert alike(LICENCE * 4 + "class A(Exception)", LICENCE * 4 + "class B(Exception)") > 0.7
    assert compared(small("MissingField")) != compared(small("TornRecord"))
