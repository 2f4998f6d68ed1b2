"""Expressions: none makes the reader fail, and none that is not understood is permissive."""

from __future__ import annotations

import itertools

import pytest

from streams.prepare.licences import classify
from streams.prepare.licences.classes import parse
from streams.prepare.licences.headers import header
from streams.sources.licences.place import licence_of

TOKENS = ("MIT", "AND", "OR", "WITH", "(", ")", "/", ",")


def test_no_sequence_of_tokens_raises() -> None:
    for length in range(5):
        for tokens in itertools.product(TOKENS, repeat=length):
            expression = " ".join(tokens)
            parse(expression)
            assert classify(expression) in ("permissive", "unknown")


@pytest.mark.parametrize("empty", ["()", "(())", "MIT AND ( )", "( ) OR MIT", "(", ")(", "MIT WITH ()", "()()"])
def test_empty_parentheses_are_unknown_wherever_they_stand(empty: str) -> None:
    assert classify(empty) == "unknown"
    assert classify(header(f"# SPDX-License-Identifier: {empty}\nx = 1\n")) != "permissive" or empty.startswith("MIT")
    package = '{"license": "' + empty + '"}'
    assert classify(licence_of(["package.json"], {"package.json": package}.get)[0]) != "permissive"


@pytest.mark.parametrize(
    ("expression", "category"),
    [
        ("Apache-2.0 WITH LLVM-exception", "permissive"), ("Apache-2.0 WITH Swift-exception", "permissive"),
        ("MIT WITH No-Commercial-exception", "unknown"), ("MIT WITH Commons-Clause-exception", "unknown"),
        ("MIT WITH Classpath-exception-2.0", "permissive"), ("MIT WITH GCC-exception-for-students", "unknown"),
        ("GPL-2.0-only WITH Acme-exception", "copyleft"), ("MIT OR MIT WITH No-AI-exception", "permissive"),
    ],
)  # fmt: skip
def test_only_spdxs_own_exceptions_follow_with(expression: str, category: str) -> None:
    assert classify(expression) == category
