"""A greedy answer is the same with and without each of the engine's features, and whatever else is asked."""

from __future__ import annotations

import time
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest

from server import served
from server.engine.engine import Engine
from server.request import Finish, Request, Until
from server.served import Served
from tests.support.models import shapes
from tests.support.models.driven import answer, ask, engine, settle, whole
from tests.support.models.tiny import texts, write_checkpoint

FILES = ["\n\n\n".join(text.split("\n\n\n")[:2]) + "\n" for text in texts()]
NAMES = ["learnt", "qwen2", "gpt_bigcode, a head of keys each", "dynamic"]
SPECS = {
    "qwen2": shapes.llama("qwen2"), "gpt_bigcode, a head of keys each": shapes.bigcode(kv_heads=4),
    "dynamic": shapes.llama(scaling=shapes.Scaling(kind="dynamic", factor=2.0, original=256)),
}  # fmt: skip
ALL = pytest.mark.parametrize("name", NAMES)


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Served]:
    root = tmp_path_factory.mktemp("checkpoints")
    write_checkpoint(root / "learnt", 60)
    made = {name: shapes.written(root / name, shapes.decoder(spec)) for name, spec in SPECS.items()}
    return {name: served.load(path) for name, path in {"learnt": root / "learnt/step-00000060", **made}.items()}


def requests() -> list[Request]:
    """Of different lengths, with and without a suffix."""
    return [
        Request(
            prefix=FILES[n][: 9 + 11 * n], suffix=FILES[n + 1][20:] if n % 2 else "", path=f"m{n}.py", max_tokens=24
        )
        for n in range(6)
    ]


@cache
def alone(model: Served, number: int) -> str:
    return answer(engine(model), requests()[number]).text


def expected(model: Served) -> list[str]:
    return [alone(model, number) for number in range(len(requests()))]


@ALL
def test_alone_an_answer_tells_something(models: dict[str, Served], name: str) -> None:
    """What the tests below compare are different, long texts."""
    found = expected(models[name])
    assert len(set(found)) >= 5 and sum(map(len, found)) > 60


@ALL
def test_beside_others(models: dict[str, Served], name: str) -> None:
    made = engine(models[name])
    asked = [ask(made, request)[1] for request in requests()]
    settle(made)
    assert [whole(pieces).text for pieces in asked] == expected(models[name])


@ALL
@pytest.mark.parametrize("rows", [16, 40])
def test_with_prompts_in_chunks_that_join_later(models: dict[str, Served], name: str, rows: int) -> None:
    made = engine(models[name], rows=rows)
    asked = []
    for number, request in enumerate(requests()):
        asked.append(ask(made, request)[1])
        settle(made, rounds=number % 3)
    settle(made)
    assert [whole(pieces).text for pieces in asked] == expected(models[name])


@ALL
def test_from_prefixes_that_others_have_computed(models: dict[str, Served], name: str) -> None:
    """Twice the same, with a page that is filled in part; in between prompts that share a beginning."""
    made = engine(models[name])
    for request in requests():
        answer(made, request)
        answer(made, replace(request, prefix=request.prefix[:-3], max_tokens=5))
    again = [answer(made, request) for request in requests()]
    assert [piece.text for piece in again] == expected(models[name])
    assert all(piece.reused_tokens == piece.prompt_tokens - 1 for piece in again)


@ALL
def test_within_a_session(models: dict[str, Served], name: str) -> None:
    """Typed a key at a time, each key's request ending the one before."""
    made = engine(models[name])
    for number, request in enumerate(requests()):
        for end in range(3, len(request.prefix)):
            ask(made, replace(request, prefix=request.prefix[:end], session="s"))
            settle(made, rounds=end % 4)
        got = answer(made, replace(request, session="s"))
        assert got.text == expected(models[name])[number] and got.reused_tokens > 0


@ALL
def test_beside_neighbours_that_are_cancelled_or_fail(models: dict[str, Served], name: str) -> None:
    made = engine(models[name], rows=32)
    asked = []
    for number, request in enumerate(requests()):
        asked.append(ask(made, request)[1])
        neighbour, _ = ask(made, replace(request, prefix=FILES[number + 9], path=f"n{number}.py"))
        settle(made, rounds=number)
        neighbour.cancel()
    settle(made)
    assert [whole(pieces).text for pieces in asked] == expected(models[name])


@ALL
def test_beside_draws_alternatives_and_deadlines(models: dict[str, Served], name: str) -> None:
    made = engine(models[name])
    for seed in range(3):
        ask(made, replace(requests()[seed], temperature=1.5, alternatives=3, top_p=0.9, seed=seed, logprobs=True))
        ask(made, replace(requests()[seed], deadline=time.monotonic() - 1))
    asked = [ask(made, request)[1] for request in requests()]
    settle(made)
    assert [whole(pieces).text for pieces in asked] == expected(models[name])


@ALL
def test_with_log_probabilities_and_ends(models: dict[str, Served], name: str) -> None:
    """What is cut is cut from the same text."""
    made = engine(models[name])
    for request, text in zip(requests(), expected(models[name]), strict=True):
        assert answer(made, replace(request, logprobs=True, least_confidence=1e-9)).text == text
        for until in (Until.LINE, Until.STATEMENT, Until.SCOPE):
            assert text.startswith(answer(made, replace(request, until=until)).text)


def test_with_a_cache_that_is_too_small(models: dict[str, Served]) -> None:
    """A context and two pages: what was kept is given up, and who finds no room waits."""
    made = engine(models["qwen2"], cache_mb=1)
    lane_pages = 1024 * 1024 // models["qwen2"].model.page_bytes
    asked = [ask(made, request)[1] for request in requests() * 4]
    settle(made)
    assert [whole(pieces).text for pieces in asked] == expected(models["qwen2"]) * 4
    memory = made._lanes[0].memory
    assert memory.pool.used + memory.pool.free == max(lane_pages, 10) and memory.pool.used == memory.tree.pages


def test_a_draw_is_the_seed_s_whatever_is_beside_it(models: dict[str, Served]) -> None:
    request = replace(requests()[3], temperature=1.2, top_p=0.95, seed=11)
    once = answer(engine(models["learnt"]), request).text
    made: Engine = engine(models["learnt"], rows=16)
    asked = [ask(made, r)[1] for r in (*requests(), request, replace(request, seed=12))]
    settle(made)
    assert whole(asked[-2]).text == once != whole(asked[-1]).text


def test_a_model_that_transformers_runs(tmp_path: Path) -> None:
    """Its sequences are kept in its own way: side by side, in a session, from a beginning that another computed."""
    from model import importing
    from model.manifest import latest
    from tests.support.models import adapted

    foreign = importing.read(adapted.save("gpt2", tmp_path / "model"), adapted.FORMATS["gpt2"].name)
    importing.import_model(foreign, tmp_path / "c", "model", 96, keep=2)
    path = latest(tmp_path / "c")
    assert path is not None
    model = served.load(path)
    asked = [replace(r, suffix="", max_tokens=12, prefix=r.prefix[:40]) for r in requests()]
    single = [answer(engine(model), request).text for request in asked]
    made = engine(model)
    together = [ask(made, request)[1] for request in asked * 4]
    settle(made)
    assert [whole(pieces).text for pieces in together] == single * 4 and len(set(single)) > 2
    again = answer(made, replace(asked[5], session="s"))
    assert again.text == single[5] and again.reused_tokens == again.prompt_tokens - 1
    assert again.finish in (Finish.LENGTH, Finish.END_OF_TEXT)
