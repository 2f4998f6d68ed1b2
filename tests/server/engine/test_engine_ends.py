"""Deadlines, alternatives, confidence, log-probabilities and failures: what the engine does at the edges."""

from __future__ import annotations

import math
import time
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from model.decoder.stores import Slice
from server import served
from server.engine.lane import budget
from server.engine.schedule import LEAST_CHUNK, Need, schedule
from server.request import Finish, Request, Until
from server.served import Served
from tests.support.models.driven import answer, ask, engine, settle, whole
from tests.support.models.tiny import texts, write_checkpoint

FILE = "\n\n\n".join(texts()[20].split("\n\n\n")[:2]) + "\n"
REQUEST = Request(prefix=FILE[:9], path="m1.py", max_tokens=24)


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Served:
    root = tmp_path_factory.mktemp("checkpoints")
    write_checkpoint(root, 60)
    return served.load(root / "step-00000060")


def test_after_a_deadline_the_line_goes_on_into_the_cache(loaded: Served) -> None:
    made = engine(loaded)
    late, pieces = ask(made, replace(REQUEST, deadline=time.monotonic() - 1))
    settle(made, rounds=1)
    assert [(p.finish, p.text) for p in pieces] == [(Finish.DEADLINE, "")]
    late.cancel()  # as a client's call ends
    settle(made)
    assert len(pieces) == 1, "nothing is told after the last piece"
    line = answer(engine(loaded), REQUEST).text.split("\n")[0]
    assert len(line) > 3
    typed = answer(made, replace(REQUEST, prefix=REQUEST.prefix + line, path="m1.py", max_tokens=1))
    assert typed.prompt_tokens - typed.reused_tokens <= 4, "the line was computed"


def test_who_goes_on_for_the_cache_ends_by_itself_and_gives_way(loaded: Served) -> None:
    made = engine(loaded)
    for number in range(20):
        past = time.monotonic() - 1
        ask(made, replace(REQUEST, prefix=FILE * 3, path=f"{number}.py", deadline=past, max_tokens=60))
    made.step()
    assert made.active <= 8
    rounds = made.rounds
    settle(made)
    assert made.rounds - rounds < 60


def test_a_newer_request_of_the_session_ends_what_goes_on_for_the_cache(loaded: Served) -> None:
    made = engine(loaded)
    ask(made, replace(REQUEST, session="s", deadline=time.monotonic() - 1))
    settle(made, rounds=2)
    ask(made, replace(REQUEST, session="s"))
    assert made.active == 1


def test_alternatives_share_the_prompt_and_differ(loaded: Served) -> None:
    made = engine(loaded)
    request = replace(REQUEST, suffix=FILE, temperature=1.5, alternatives=5, seed=3)
    _, pieces = ask(made, request)
    settle(made, rounds=4)
    own = [sequence.lease.table for sequence in made._lanes[0]._running if sequence.lease is not None]
    assert len(own) == 5 and len({int(table[0]) for table in own}) == 1
    settle(made)
    answers = [whole(pieces, number) for number in range(5)]
    assert len({piece.text for piece in answers}) >= 4
    assert [p.reused_tokens for p in answers] == [0] + [answers[0].prompt_tokens - 1] * 4
    one = answer(engine(loaded), replace(request, alternatives=1))
    assert one.text == answers[0].text, "the first is the one that is drawn alone"


@pytest.mark.parametrize("when", ["at once", "while the prompt is read"])
def test_every_alternative_is_answered_when_all_end_early(loaded: Served, when: str) -> None:
    made = engine(loaded, rows=16)
    request = replace(REQUEST, prefix=FILE * 2, temperature=1.0, alternatives=4)
    job, cancelled = ask(made, request)
    _, late = ask(made, replace(request, deadline=time.monotonic() - 1))
    settle(made, rounds=0 if when == "at once" else 1)
    job.cancel()
    settle(made)
    assert [p.finish for p in cancelled] == [Finish.CANCELLED] * 4
    assert [p.finish for p in late] == [Finish.DEADLINE] * 4
    assert made._lanes[0].memory.pool.used == made._lanes[0].memory.tree.pages


def test_log_probabilities_are_the_model_s_own(loaded: Served) -> None:
    """Computed again from the whole sequence, whatever the temperature. The last token is drawn and never computed."""
    for request in (REQUEST, replace(REQUEST, temperature=1.3, top_p=0.9, seed=4)):
        made = engine(loaded)
        got = answer(made, replace(request, logprobs=True, max_tokens=8))
        assert (len(got.logprobs), got.finish) == (8, Finish.LENGTH)
        ids = computed(made)
        logits_TV = loaded.model.run([Slice(ids, 0, _table(made, len(ids)), every=True)])[0]
        logits_TV = torch.from_numpy(logits_TV).log_softmax(-1)
        expected = [float(logits_TV[at - 1, ids[at]]) for at in range(len(ids) - 7, len(ids))]
        assert got.logprobs[:-1] == pytest.approx(expected, abs=1e-3)


def computed(made: Any) -> list[int]:
    """The ids of the only path in the tree."""
    ids: list[int] = []
    node = made._lanes[0].memory.tree._root
    while node.children:
        (node,) = node.children
        ids += node.ids
    return ids


def _table(made: Any, tokens: int) -> Any:
    memory = made._lanes[0].memory
    lease = memory.begin([0] * tokens, tokens)
    assert lease is not None
    return lease.table


def test_what_is_not_confident_is_not_shown(loaded: Served) -> None:
    request = replace(REQUEST, temperature=1.8, seed=2, logprobs=True, max_tokens=40)
    everything = answer(engine(loaded), request)
    for least in (0.2, 0.5, 0.9):
        got = answer(engine(loaded), replace(request, least_confidence=least))
        sums = [sum(everything.logprobs[: n + 1]) / (n + 1) for n in range(len(everything.logprobs))]
        shown = next((n for n, mean in enumerate(sums) if mean < math.log(least)), len(sums))
        assert got.tokens == shown and everything.text.startswith(got.text)
        assert (got.finish is Finish.CONFIDENCE) == (shown < len(sums))
    assert answer(engine(loaded), replace(request, least_confidence=0.9)).finish is Finish.CONFIDENCE


def test_a_statement_and_a_scope_end(loaded: Served) -> None:
    whole_text = answer(engine(loaded), replace(REQUEST, max_tokens=60)).text
    assert "\n    return" in whole_text
    statement = answer(engine(loaded), replace(REQUEST, max_tokens=60, until=Until.STATEMENT))
    first = whole_text[: whole_text.index("\n", whole_text.index("return"))]
    assert (statement.text, statement.finish) == (first, Finish.STOP)


def test_a_request_that_fails_fails_alone(loaded: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    """A forward of all that raises is tried again one by one."""
    made = engine(loaded)
    expected = answer(made, REQUEST).text
    bad, forward = replace(REQUEST, prefix=FILE[:30], path="bad.py"), loaded.model.run
    wrong = made.prepare(bad).prompt.ids

    def fails(slices: Any) -> list[Any]:
        if any(list(s.ids)[-3:] == wrong[-3:] for s in slices):
            raise ValueError("no such token")
        return forward(slices)

    monkeypatch.setattr(loaded.model, "run", fails)
    _, good = ask(made, REQUEST)
    _, failed = ask(made, bad)
    settle(made)
    assert isinstance(failed[-1], ValueError) and len(failed) == 1
    assert whole(good).text == expected
    assert made._lanes[0].memory.pool.used == made._lanes[0].memory.tree.pages


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"temperature": float("nan")}, "temperature"),
        ({"temperature": 1e-40}, "temperature"),
        ({"top_p": 0.0}, "top_p"),
        ({"least_confidence": 1.5}, "least_confidence"),
        ({"stop": ("x",) * 300_000}, "at most 64 strings"),
        ({"stop": ("x" * 300,)}, "256 characters"),
        ({"path": "x" * 5000}, "4096 characters"),
        ({"alternatives": 17, "temperature": 1.0}, "16 alternatives"),
        ({"alternatives": 2}, "temperature above 0"),
    ],
)
def test_what_cannot_be_asked_is_said(wrong: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        replace(REQUEST, **wrong)


def test_half_a_surrogate_pair_is_refused(loaded: Served) -> None:
    with pytest.raises(ValueError, match="half of a surrogate pair"):
        engine(loaded).prepare(replace(REQUEST, prefix="\ud800"))


def test_all_that_generate_advance_and_prompts_have_the_rest() -> None:
    assert schedule([Need(1), Need(500), Need(1), Need(4)], 128) == [1, 122, 1, 4]
    assert schedule([Need(1)] * 200 + [Need(500)], 128) == [1] * 200 + [32]
    assert schedule([Need(500, waited_for=False), Need(300)], 128) == [0, 128]
    assert schedule([Need(500, waited_for=False), Need(3)], 128) == [125, 3]


def test_what_needs_least_comes_first_and_the_oldest_waits_not_for_ever() -> None:
    """A key beside a long prompt is read at once; beside keys without end the long prompt is read, too."""
    assert schedule([Need(5000), Need(40)], 128) == [88, 40]
    left, steps = 1000, 0
    while left:
        given = schedule([Need(left), *[Need(120)] * 5], 128)
        assert sum(given) <= 128 and given[0] >= min(left, LEAST_CHUNK)
        left, steps = left - given[0], steps + 1
    assert steps <= 20


@pytest.mark.parametrize("rows", [1, 3, 16, 32, 256])
@pytest.mark.parametrize("running", [0, 1, 17, 300])
def test_a_prompt_begins_in_every_budget(rows: int, running: int) -> None:
    """However few rows a step has, and however many sequences run."""
    left, steps = 100, 0
    while left > 1:
        given = schedule([*[Need(1)] * running, Need(left)], rows)
        assert given[:running] == [1] * running and given[-1] > 0
        left, steps = left - given[-1], steps + 1
    assert steps <= 100


@pytest.mark.parametrize(("weights", "on_card", "rows"), [(10**6, False, 256), (10**9, False, 32), (10**9, True, 256)])
def test_a_large_model_has_fewer_rows_a_step_on_a_cpu_alone(weights: int, on_card: bool, rows: int) -> None:
    model: Any = SimpleNamespace(spec=SimpleNamespace(parameters=weights), is_on_card=on_card)
    assert budget(model, 256) == rows
