"""The bench `freshness` measures what it says: nothing is ahead of its time, what counts as new is new, and a gain is
one."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.support.models.tiny import tokenizer
from tests.tree import ROOT

sys.path.insert(0, str(ROOT / "bench"))

from common.freshness import plan, signatures
from common.freshness.commits import read
from common.freshness.figures import gain, interval
from common.freshness.lines import copied, new_tokens, tail_tokens, text_tokens
from common.freshness.replay import states
from common.freshness.sizes import LAGS, Ways
from common.freshness.world import Arrival, World

from model.example import Example, pack_ids
from model.fim.fim import Mix
from model.fim.formats import STARCODER
from streams.pack.pack import Packer

PROMISED = {
    "gain", "gain_interval", "gain_control", "forgetting", "exact_match_ratio", "buffer_floor", "by_lag", "stale_share",
    "seeds", "histories", "machine", "shared_authors", "tokens", "rates", "trained",
}  # fmt: skip
PLAIN = Ways(both=False, row_tokens=64, replay=0.0)
WAYS = Ways(both=False, row_tokens=64, rows=2, replay=0.25)


def example(text: str, offset: int = 0) -> Example:
    ids, width = pack_ids(tokenizer().encode(text), tokenizer().vocab_size)
    return Example(offset=offset, index=0, ids=ids, width=width, text_bytes=len(text.encode()))


def arrivals(count: int) -> list[Arrival]:
    """Commits of one to four examples, each of whose first token says which it is."""
    several = [[example(f"{n} {k} value = load({n})\n" * 2, n) for k in range(1 + n % 4)] for n in range(count)]
    return [Arrival(n, n, 0, bytes([n]), [], examples) for n, examples in enumerate(several)]


def ids_in(batch: object) -> list[bytes]:
    """The examples of a Batch."""
    ids, documents = batch.ids_BT, batch.documents_BT  # type: ignore[attr-defined]
    rows = zip(ids, documents, strict=True)
    return [pack_ids(r[d == n], tokenizer().vocab_size)[0] for r, d in rows for n in range(d.max() + 1)]


@pytest.mark.parametrize("window", [1, 8])
def test_everything_that_arrives_is_trained_on_once_and_not_before(window: int) -> None:
    stream = arrivals(40)
    packer = Packer(tokenizer(), STARCODER, Mix(), 48)
    ways = Ways(both=False, row_tokens=64, rows=2, replay=0.0, window=window)
    made = plan.of_stream(stream, [], packer, ways, 10_000, seed=1)
    place = {e.ids: n for n, arrival in enumerate(stream) for e in arrival.examples}
    trained = [(ids, upto) for batch, upto in zip(made.batches, made.arrived, strict=True) for ids in ids_in(batch)]
    assert sorted(ids for ids, _ in trained) == sorted(e.ids for a in stream for e in a.examples)
    assert all(place[ids] <= upto for ids, upto in trained)
    assert made.state(-1) == 0
    assert made.state(len(stream)) == len(made.batches)


def test_a_window_changes_the_order_and_the_seed_does() -> None:
    stream, packer = arrivals(40), Packer(tokenizer(), STARCODER, Mix(), 48)
    orders = [
        [ids for b in plan.of_stream(stream, [], packer, ways, 10_000, seed).batches for ids in ids_in(b)]
        for ways, seed in ((PLAIN, 1), (replace(PLAIN, window=8), 1), (replace(PLAIN, window=8), 2))
    ]
    assert orders[0] != orders[1] != orders[2]
    assert sorted(orders[0]) == sorted(orders[1]) == sorted(orders[2])


def test_replay_brings_its_share_and_the_control_has_as_many_rows() -> None:
    stream, packer = arrivals(60), Packer(tokenizer(), STARCODER, Mix(), 48)
    past = [example(f"old {n}\n" * 3) for n in range(50)]
    made = plan.of_stream(stream, past, packer, WAYS, 10_000, seed=3)
    old = {e.ids for e in past}
    rows = [
        set(ids_in(b))
        for b in plan.of_stream(stream, past, packer, Ways(both=False, row_tokens=64, replay=0.25), 1, 3).batches
    ]
    assert 0.15 < np.mean([row <= old for row in rows]) < 0.35
    control = plan.of_control(made, past, WAYS, seed=3)
    assert [len(b.ids_BT) for b in control.batches] == [len(b.ids_BT) for b in made.batches]
    assert {ids for b in control.batches for ids in ids_in(b)} <= old


def test_a_lagged_model_has_seen_nothing_younger() -> None:
    stream, packer = arrivals(30), Packer(tokenizer(), STARCODER, Mix(), 48)
    for n, arrival in enumerate(stream):
        arrival.time = 1_000_000 + 7_000 * n
    made = plan.of_stream(stream, [], packer, Ways(both=False, row_tokens=64, replay=0.0), 10_000, seed=1)
    found = states(World([], [], stream, tokenizer(), packer, {}), made, tuple(LAGS))
    for lag, unseen in LAGS.items():
        for place, state in found.arrival[lag].items():
            youngest = [stream[upto].time for upto in made.arrived[:state]]
            assert all(time <= stream[place].time - unseen for time in youngest)
            assert all(upto < place for upto in made.arrived[:state])
    assert found.arrival["0"][29] > found.arrival["1 day"][29] > found.arrival["1 week"][29] == 0
    assert all(state >= made.state(place) for place, state in found.day_after["0"].items())


def test_new_is_what_the_repository_did_not_have() -> None:
    text = "def load(name):\n    return name\n+    print(value)\n"
    one = example(text)
    is_new = new_tokens(one, tokenizer(), frozenset({"def load(name):", "print(value)"}))
    ids = one.array().tolist()
    counted = b"".join(tokenizer().bytes_of[i] for i, new in zip(ids, is_new, strict=True) if new)
    assert counted.strip() == b"return name"  # a token may hold a line's end and the next one's indent


def test_the_tail_is_the_changed_lines() -> None:
    widths = text_tokens(example("prefix = open\nvalue = load(item)"), tokenizer())
    tail = tail_tokens(widths, len(b"value = load(item)"))
    assert widths[tail].sum() >= len(b"value = load(item)")
    assert widths[tail][1:].sum() < len(b"value = load(item)")


def test_copying_goes_on_from_the_longest_match() -> None:
    assert copied("a = first(1)\nb = second(2)\na = fi", "") == "rst(1)"
    assert copied("x = fi", "\na = first(1)\n") == "rst(1)"
    assert copied("zq", "abc") == ""


def test_signatures_that_a_commit_changed() -> None:
    before = "def load(name):\n    pass\n\ndef save(name):\n    pass\n"
    after = "def load(name, mode):\n    pass\n\ndef save(name):\n    pass\n"
    (one,) = signatures.changed("python", "a.py", before, after)
    assert (one.prefix, one.old, one.new) == ("def load(", "name", "name, mode")
    assert [one.says(text) for text in ("name, mode):", "name):", "names):")] == ["new", "old", ""]
    assert not signatures.changed("go", "a.go", "func A(x int) {\n", "func A(x int) {\n}\n")
    assert (
        signatures.changed("rust", "a.rs", "    pub fn a(&self) {\n", "    pub fn a(&mut self) {\n")[0].old == "&self"
    )


def test_calls_that_a_commit_changed() -> None:
    before, after = "x = load(name)\ny = save(x)\nz = 1\n", "x = load(name, 1)\ny = save(x)\nz = 1\n"
    (one,) = signatures.calls("a.py", before, after)
    assert (one.prefix, one.suffix, one.old, one.new) == ("x = load(", "\ny = save(x)\nz = 1\n", "name", "name, 1")
    assert not signatures.calls("a.py", before, after + "w = 2\n")[1:]
    assert not signatures.calls("a.py", "x = load(name)\n", "x = save(name, 1)\n")


def test_a_gain_is_percent_of_the_frozen_models_bits() -> None:
    frozen, better = np.full(30, 10.0), np.linspace(8, 10, 30)
    assert gain(better, frozen) == 10
    low, high = interval(better, frozen)
    assert low < 10 < high
    assert interval(better, frozen) == [low, high]


def test_commits_of_shared_authors_are_left_out(tmp_path: Path) -> None:
    folders = [repository(tmp_path / name, [(name, 3), ("both", 1), (name, 2)]) for name in ("first", "second")]
    found = read(folders, 100)
    assert (len(found.commits), found.left_out, found.shared_authors) == (10, 2, 0)
    assert [c.time for c in found.commits] == sorted(c.time for c in found.commits)
    assert read(folders, 100, by_author=False).left_out == 0


@pytest.mark.slow
def test_the_last_line_holds_what_is_promised(tmp_path: Path) -> None:
    folders = [repository(tmp_path / name, [(name, 24)]) for name in ("first", "second", "third")]
    options = ["--quick", "--seeds", "2", "--passes", "2", "--tokens", "9000", "--keep", str(tmp_path / "kept")]
    command = [sys.executable, str(ROOT / "bench/freshness.py"), *options, *map(str, folders)]
    figures, again = last_line(command), last_line(command)
    assert (again["gain"], again["gain_by_seed"]) == (figures["gain"], figures["gain_by_seed"])
    assert set(figures) >= PROMISED
    assert figures["shared_authors"] == 0
    assert figures["histories"] == "given"
    assert list(figures["by_lag"]) == ["0", "1 minute", "1 hour", "1 day", "1 week"]
    low, high = figures["gain_interval"]
    assert low <= figures["gain"] <= high


def last_line(command: list[str]) -> dict[str, Any]:
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def repository(path: Path, authors: list[tuple[str, int]]) -> Path:
    """Commits of Python files by these authors, so many of each, a day apart."""
    path.mkdir()
    git(path, {}, "init", "--quiet", "--initial-branch=main")
    (path / "LICENSE").write_text((ROOT / "LICENSE").read_text())
    number = 0
    for author, count in authors:
        for _ in range(count):
            number += 1
            body = "".join(
                f"def {path.name}_{n}(value_{number * n}):\n    return load_{n}({number * 31 + n}, {number})\n\n\n"
                for n in range(1, 9)
            )
            (path / f"module_{number % 5}.py").write_text(body)
            when = f"{1_700_000_000 + number * 86_400} +0000"
            who = {f"GIT_{r}_{k}": v for r in ("AUTHOR", "COMMITTER")
                   for k, v in (("NAME", author), ("EMAIL", f"{author}@example.org"), ("DATE", when))}  # fmt: skip
            git(path, who, "add", "--all")
            git(
                path,
                who,
                "commit",
                "--quiet",
                "--message",
                f"Change the values of module {number % 5}, number {number}",
            )
    return path


def git(path: Path, who: dict[str, str], *arguments: str) -> None:
    own = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
    subprocess.run(["git", "-C", str(path), *arguments], check=True, env={**os.environ, **own, **who})
