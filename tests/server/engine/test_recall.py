"""What stands in the buffer is known to the answer, and changes nothing where it says nothing."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from server.engine.engine import Engine, EngineConfig
from server.engine.recall import KEPT, Recaller
from server.request import Extra, Request
from server.served import Served, load
from tests.support.models.driven import answer, ask, settle, whole
from tests.support.models.tiny import tokenizer, write_checkpoint

LINE = "wombat_total = measure(wombat, kestrel)\n"
BUFFER = f"import zoo\n{LINE}x = 1\n"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Served:
    root = tmp_path_factory.mktemp("c")
    write_checkpoint(root, 1)
    return load(root / "step-00000001")


def recalling(served: Served, recalls: bool = True) -> Engine:
    made = Engine(EngineConfig(recalls=recalls))
    made.offer(served)
    return made


def typed(size: int, **more: object) -> Request:
    """So many characters of LINE are typed a second time."""
    return replace(Request(prefix=BUFFER + LINE[:size], single_line=True, max_tokens=60), **more)


@pytest.mark.parametrize("size", [9, 12, 15, 23, 30])
def test_a_line_that_was_typed_before_is_known(served: Served, size: int) -> None:
    """Also from within a word."""
    assert answer(recalling(served), typed(size)).text == LINE[size:-1]
    assert answer(recalling(served, False), typed(size)).text != LINE[size:-1]


def test_what_stands_behind_the_cursor_and_in_other_files_is_known(served: Served) -> None:
    for request in (
        Request(prefix=LINE[:12], suffix=f"\n{BUFFER}", single_line=True, max_tokens=60),
        replace(
            Request(prefix=LINE[:12], single_line=True, max_tokens=60),
            extra=(Extra("a.py", BUFFER), Extra("b.py", "y = 2\n")),
        ),
    ):
        assert answer(recalling(served), request).text == LINE[12:-1]


def test_without_anything_to_count_the_model_answers_alone(served: Served) -> None:
    request = Request(prefix="def read(", max_tokens=20)
    one, other = answer(recalling(served), replace(request, logprobs=True)), answer(recalling(served, False), request)
    assert one.text == other.text and one.logprobs


def test_an_answer_does_not_depend_on_what_else_runs(served: Served) -> None:
    requests = [typed(size, temperature=t, seed=size) for size in (9, 15, 30) for t in (0.0, 0.9)]
    requests += [typed(12, temperature=0.7, alternatives=3, seed=4)]
    alone = [[whole(made, n).text for n in range(r.alternatives)] for r in requests
             for made in [finished(recalling(served), [r])[0]]]  # fmt: skip
    together = [[whole(made, n).text for n in range(r.alternatives)]
                for r, made in zip(requests, finished(recalling(served), requests), strict=True)]  # fmt: skip
    assert alone == together


def finished(engine: Engine, requests: list[Request]) -> list[list]:
    made = [ask(engine, request)[1] for request in requests]
    settle(engine)
    return made


def test_logprobs_are_of_the_mixture(served: Served) -> None:
    mixed = answer(recalling(served), typed(30, logprobs=True))
    alone = answer(recalling(served, False), typed(30, logprobs=True))
    assert all(value <= 1e-6 for value in mixed.logprobs)
    assert math.fsum(mixed.logprobs) / len(mixed.logprobs) > math.fsum(alone.logprobs) / len(alone.logprobs)


def test_a_score_is_the_model_s_alone(served: Served) -> None:
    request = Request(prefix=BUFFER + LINE[:12], middle=LINE[12:20])
    assert answer(recalling(served), request).logprobs == answer(recalling(served, False), request).logprobs


def test_a_buffer_is_counted_once_a_line() -> None:
    recaller = Recaller(tokenizer())
    parts = [recaller.of(typed(size), b"") for size in range(1, 20)]
    assert all(one is not None and one.parts[0] is parts[0].parts[0] for one in parts)
    for number in range(KEPT + 5):
        recaller.of(Request(prefix=f"{number}\n"), b"")
    assert len(recaller._parts) == KEPT
    again = recaller.of(typed(3), b"")
    assert again is not None and parts[0] is not None and again.parts[0] is not parts[0].parts[0]
    assert all(np.array_equal(a, b) for a, b in zip(again.parts[0], parts[0].parts[0], strict=True))


def test_what_cannot_be_counted_is_not(served: Served) -> None:
    recaller = Recaller(tokenizer())
    assert recaller.of(Request(prefix=""), b"") is None
    assert recaller.of(typed(9), b"no whole tokens of it, and longer than all that is there" * 40) is None
    far = Request(prefix="def read(", suffix="\n" * 3_000 + "\ud800")
    assert recaller.of(far, b"") is None and answer(recalling(served), far).text


def test_the_program_s_settings_have_it_on(tmp_path: Path) -> None:
    from server.settings import Serve

    assert Serve().memory
