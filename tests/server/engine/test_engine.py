"""The engine without a network: what is stopped, when, and what is computed again."""

import logging
import time
from dataclasses import replace
from pathlib import Path

import pytest

from server import served
from server.engine.engine import Engine, NoModel
from server.engine.job import Job
from server.reload import Watcher
from server.request import Finish, Piece, Request
from server.served import Served
from tests.support.models.tiny import texts, tokenizer, write_checkpoint

FILE = "\n\n\n".join(texts()[20].split("\n\n\n")[:2]) + "\n"
REQUEST = Request(prefix=FILE[:9], suffix="", path="m1.py", max_tokens=24)


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Served:
    root = tmp_path_factory.mktemp("checkpoints")
    write_checkpoint(root, 60)
    return served.load(root / "step-00000060")


@pytest.fixture
def engine(loaded: Served) -> Engine:
    """Driven by hand: `settle` stands in for its thread."""
    engine = Engine()
    engine.offer(loaded)
    return engine


def settle(engine: Engine, rounds: int | None = None) -> None:
    engine.admit(wait=False)
    while engine.active and rounds != 0:
        engine.step()
        rounds = None if rounds is None else rounds - 1


def ask(engine: Engine, request: Request = REQUEST) -> tuple[Job, list[Piece]]:
    pieces: list[Piece] = []
    return engine.submit(engine.prepare(request), pieces.append), pieces


def answer(engine: Engine, request: Request = REQUEST) -> Piece:
    """All pieces of a finished request as one."""
    _, pieces = ask(engine, request)
    settle(engine)
    assert [p.finish is Finish.NONE for p in pieces] == [True] * (len(pieces) - 1) + [False]
    return replace(pieces[-1], text="".join(p.text for p in pieces))


def test_what_was_learnt_is_completed(engine: Engine) -> None:
    got = answer(engine)
    assert got.finish in (Finish.END_OF_TEXT, Finish.LENGTH) and "(" in got.text
    assert got.model_version.startswith("step-00000060-") and got.prompt_tokens > 8


def test_before_a_model_is_there_it_says_so() -> None:
    with pytest.raises(NoModel, match="no checkpoint is loaded"):
        Engine().prepare(REQUEST)


def test_greedy_and_seeded_answers_are_the_same_every_time(engine: Engine) -> None:
    assert answer(engine).text == answer(engine).text
    hot = replace(REQUEST, temperature=2.0, seed=5)
    assert answer(engine, hot).text == answer(engine, hot).text
    assert len({answer(engine, replace(hot, seed=n)).text for n in range(5)}) > 1


def test_the_length_is_kept(engine: Engine) -> None:
    got = answer(engine, replace(REQUEST, max_tokens=3))
    assert (got.finish, got.tokens) == (Finish.LENGTH, 3)
    long = answer(engine, replace(REQUEST, prefix=FILE * 9, suffix=FILE * 9, max_tokens=10_000, temperature=9.0))
    assert long.tokens <= 64, "half of the context"


def test_a_stop_string_ends_the_text_before_it(engine: Engine) -> None:
    whole = answer(engine).text
    stop = whole[2:4]
    got = answer(engine, replace(REQUEST, stop=(stop,)))
    assert (got.finish, got.text) == (Finish.STOP, whole[: whole.index(stop)])


def test_a_single_line_ends_at_its_end(engine: Engine) -> None:
    whole = answer(engine).text
    assert "\n" in whole
    got = answer(engine, replace(REQUEST, single_line=True))
    assert (got.finish, got.text) == (Finish.STOP, whole.split("\n")[0])


def test_cancellation_ends_within_one_token(engine: Engine) -> None:
    job, pieces = ask(engine)
    settle(engine, rounds=4)
    before = [*pieces]
    job.cancel()
    rounds = engine.rounds
    settle(engine)
    assert engine.rounds <= rounds + 1
    assert pieces[-1].finish is Finish.CANCELLED and pieces[:-1] == before
    assert pieces[-1].tokens == (before[-1].tokens if before else pieces[-1].tokens)


def test_a_cancelled_prefill_stops_at_its_next_chunk(engine: Engine) -> None:
    job, pieces = ask(engine)
    job.cancel()
    settle(engine)
    assert engine.rounds == 0 and (pieces[0].text, pieces[0].finish, len(pieces)) == ("", Finish.CANCELLED, 1)


def test_at_the_deadline_what_is_ready_is_the_answer(engine: Engine) -> None:
    late = answer(engine, replace(REQUEST, deadline=time.monotonic() - 1))
    assert (late.finish, late.text, late.tokens) == (Finish.DEADLINE, "", 0)
    assert answer(engine, replace(REQUEST, deadline=time.monotonic() + 600)).finish is not Finish.DEADLINE


def test_a_newer_request_of_the_session_ends_the_older(engine: Engine) -> None:
    _, old = ask(engine, replace(REQUEST, session="a"))
    _, other = ask(engine, replace(REQUEST, session="b"))
    settle(engine, rounds=5)
    _, new = ask(engine, replace(REQUEST, prefix=REQUEST.prefix + "(", session="a"))
    settle(engine)
    assert old[-1].finish is Finish.CANCELLED
    assert Finish.CANCELLED not in (other[-1].finish, new[-1].finish)
    assert new[-1].reused_tokens > 0


def test_a_session_computes_only_what_is_new(engine: Engine) -> None:
    first = replace(REQUEST, prefix=FILE, suffix=FILE, session="a")
    typed = replace(first, prefix=FILE + "def")
    cold = answer(engine, first)
    warm = answer(engine, typed)
    assert cold.reused_tokens == 0
    assert warm.prompt_tokens - warm.reused_tokens <= 5
    assert warm.text == answer(engine, replace(typed, session="")).text


def test_what_is_cut_inside_a_token_is_healed(engine: Engine) -> None:
    """The middle goes on in the letters that are there, whatever tokens the whole word is made of."""
    at = FILE.index("return")
    for end in range(at + 1, at + 6):
        got = answer(engine, replace(REQUEST, prefix=FILE[:end]))
        assert (FILE[:end] + got.text)[at:].startswith("return ")


def test_requests_share_the_engine(engine: Engine) -> None:
    _, one = ask(engine)
    _, two = ask(engine)
    settle(engine)
    assert [p.text for p in one] == [p.text for p in two]
    assert engine.rounds < 2 * (one[-1].tokens + 3)


def test_a_path_that_leaves_no_room_fails_alone(engine: Engine) -> None:
    with pytest.raises(ValueError, match="no room for the path"):
        engine.prepare(replace(REQUEST, path="é" * 200))
    _, good = ask(engine)
    settle(engine)
    assert good[-1].finish is not Finish.NONE


def test_a_running_request_ends_on_the_model_it_began_with(engine: Engine, tmp_path: Path) -> None:
    expected = answer(engine)
    write_checkpoint(tmp_path, 61, seed=1)
    _, old = ask(engine)
    settle(engine, rounds=3)
    engine.offer(served.load(tmp_path / "step-00000061"))
    _, new = ask(engine)
    settle(engine)
    assert "".join(p.text for p in old) == expected.text
    assert {p.model_version for p in old} == {expected.model_version}
    assert {p.model_version[:13] for p in new} == {"step-00000061"}


def test_the_watcher_passes_over_what_is_broken_and_says_it_once(tmp_path: Path, caplog) -> None:
    offered: list[Served] = []
    watcher = Watcher(tmp_path, offered.append)
    assert not watcher.look()
    write_checkpoint(tmp_path, 1)
    write_checkpoint(tmp_path, 2)
    (tmp_path / "step-00000002" / "model.safetensors").write_bytes(b"torn")
    with caplog.at_level(logging.ERROR, "midstream.server"):
        assert watcher.look() and not watcher.look()
    assert [s.manifest.step for s in offered] == [1]
    assert [r.message.split()[1] for r in caplog.records if r.name == "midstream.server"] == ["step-00000002"]
    write_checkpoint(tmp_path, 3)
    assert watcher.look() and offered[-1].manifest.step == 3


def test_logs_hold_no_text(engine: Engine, caplog) -> None:
    with caplog.at_level(logging.DEBUG):
        answer(engine)
        with pytest.raises(ValueError):
            ask(engine, replace(REQUEST, path="secret" * 90))
    assert "secret" not in caplog.text and REQUEST.prefix not in caplog.text


def test_the_tokenizer_of_the_checkpoint_is_used(loaded: Served) -> None:
    assert loaded.tokenizer.hash == tokenizer().hash == loaded.manifest.tokenizer
