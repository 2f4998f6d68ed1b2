"""What is served: the mean of the last checkpoints, what the gate lets pass, what a person has chosen."""

from __future__ import annotations

import errno
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner

from midstream.cli import main
from model import checkpoint, choice
from model.config import TrainConfig
from model.fim.formats import STARCODER
from model.loading import load_all, load_model, load_newest
from model.manifest import FROZEN, TRAINED, WEIGHTS, folders, latest, read_manifest
from model.training.frozen import DRAWN_FROM, FrozenSet
from model.training.gate import judge
from model.training.publisher import NotWritten
from model.training.score import bits_per_byte
from model.training.train import Progress, Trainer, Until
from server.reload import Watcher
from server.served import Served
from tests.support.models.tiny import QUICK, SHAPE, ListFeed, examples, tokenizer, write_checkpoint

EVERY = replace(QUICK, checkpoint_every_steps=2, keep=100, frozen_tokens=0)


def trainer(folder: Path, config: TrainConfig = EVERY, count: int = 120, **more: object) -> Trainer:
    resume = load_newest(folder)
    feed = ListFeed(examples(count), state=resume.feed if resume else b"")
    return Trainer(SHAPE, config, feed, folder, tokenizer(), STARCODER, resume=resume, **more)  # type: ignore[arg-type]


def tensors(folder: Path) -> list[dict[str, torch.Tensor]]:
    return [load_all(path).weights for path in folders(folder)]


@pytest.mark.parametrize("merge", [2, 3])
def test_the_mean_of_the_last_checkpoints_is_served_and_training_keeps_its_own(tmp_path: Path, merge: int) -> None:
    trainer(tmp_path / "mean", replace(EVERY, merge=merge)).run(Until(max_steps=10, drained=True))
    trainer(tmp_path / "own").run(Until(max_steps=10, drained=True))
    own, kept = tensors(tmp_path / "own"), tensors(tmp_path / "mean")
    assert len(own) == len(kept) == 5
    for n, path in enumerate(folders(tmp_path / "mean")):
        assert all(torch.equal(own[n][name], kept[n][name]) for name in own[n])
        manifest = read_manifest(path)
        of = own[max(0, n + 1 - merge) : n + 1]
        assert manifest.merged == len(of) and (TRAINED in manifest.sha256) == (len(of) > 1)
        served = load_model(path)[0].state_dict()
        for name in own[n]:
            mean = torch.stack([w[name] for w in of]).mean(0)
            assert torch.allclose(served[name], mean, atol=1e-6), (n, name)


def test_a_run_that_was_stopped_trains_the_same_weights_whatever_is_served(tmp_path: Path) -> None:
    config = replace(EVERY, merge=3)
    trainer(tmp_path / "straight", config).run(Until(drained=True))
    for upto in (3, 4, 7, None):
        trainer(tmp_path / "stopped", config).run(Until(max_steps=upto, drained=True))
    ends = [load_newest(tmp_path / name) for name in ("straight", "stopped")]
    assert ends[0] and ends[1] and ends[0].manifest.step == ends[1].manifest.step
    assert all(torch.equal(ends[0].weights[name], ends[1].weights[name]) for name in ends[0].weights)
    assert all(torch.equal(ends[0].optimizer[name], ends[1].optimizer[name]) for name in ends[0].optimizer)


def test_a_damaged_member_is_left_out_of_the_mean(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    t = trainer(tmp_path, replace(EVERY, merge=3))
    t.run(Until(max_steps=4, drained=True))
    with (folders(tmp_path)[0] / WEIGHTS).open("r+b") as file:
        file.seek(3000)
        file.write(b"damaged")
    trainer(tmp_path, replace(EVERY, merge=3)).run(Until(max_steps=5, drained=True))
    assert read_manifest(latest(tmp_path)).merged == 1 and "served alone" in caplog.text  # type: ignore[arg-type]


def test_a_decay_branch_does_not_disturb_the_main_line(tmp_path: Path) -> None:
    trainer(tmp_path / "own").run(Until(max_steps=8, drained=True))
    trainer(tmp_path / "branch", replace(EVERY, decay_steps=3)).run(Until(max_steps=8, drained=True))
    own, branch = tensors(tmp_path / "own"), tensors(tmp_path / "branch")
    assert all(torch.equal(a[n], b[n]) for a, b in zip(own, branch, strict=True) for n in a)
    served = load_model(folders(tmp_path / "branch")[-1])[0].state_dict()
    assert not torch.equal(served["tokens.weight"], own[-1]["tokens.weight"])


def test_training_goes_on_while_a_checkpoint_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written, going = checkpoint.write, threading.Event()
    steps: list[int] = []

    def slow(root: Path, contents: checkpoint.Contents, keep: int):
        if contents.manifest.step == 2:
            assert going.wait(60)
        return written(root, contents, keep)

    t = trainer(tmp_path, replace(EVERY, checkpoint_every_steps=1000, checkpoint_every_s=1e-6))
    taken = t.feed.trained

    def trained(step: int) -> None:
        taken(step)
        steps.append(step)
        if step == 6:
            going.set()

    monkeypatch.setattr(checkpoint, "write", slow)
    monkeypatch.setattr(t.feed, "trained", trained)
    t.publisher._saved_at = float("inf")  # the first is due when the second step has been made
    monkeypatch.setattr(t.publisher, "due", lambda step, *_: step == 2 and t.publisher._thread is None)
    t.run(Until(max_steps=8, drained=True))
    assert steps == list(range(1, 9)) and [read_manifest(p).step for p in folders(tmp_path)] == [2, 8]
    alone = trainer(tmp_path / "alone")
    alone.run(Until(max_steps=2, drained=True))
    assert all(torch.equal(a, b) for a, b in zip(*(list(load_all(p).weights.values()) for p in (
        folders(tmp_path)[0], folders(tmp_path / "alone")[0])), strict=True))  # fmt: skip


class Filling:
    """A disk that is full for a while."""

    def __init__(self, write: Callable[..., str]) -> None:
        self._write, self.full, self.tries = write, True, 0

    def __call__(self, path: Path, *rest: object) -> str:
        self.tries += 1
        if self.full:
            path.write_bytes(b"half")
            raise OSError(errno.ENOSPC, "No space left on device")
        return self._write(path, *rest)


def test_a_full_disk_keeps_the_last_good_checkpoint_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    from model import weights
    from model.training import publisher

    trainer(tmp_path).run(Until(max_steps=2, drained=True))
    disk = Filling(weights.write)
    monkeypatch.setattr(weights, "write", disk)
    monkeypatch.setattr(publisher, "RETRY_S", 0.0)
    t, said = trainer(tmp_path), []
    shown: Callable[[Progress], None] = lambda p: said.append(p.trouble)  # noqa: E731
    with pytest.raises(NotWritten, match=r"No space left on device; step-00000002-\w+ is the last good one"):
        t.run(Until(max_steps=8, drained=True), shown)
    assert [p.name for p in tmp_path.iterdir() if p.name.startswith((".unf", "step"))] == ["step-00000002"]
    assert t.step == 8 and disk.tries > 2 and "tried again" in caplog.text
    disk.full = False
    trainer(tmp_path).run(Until(max_steps=8, drained=True))
    assert [read_manifest(p).step for p in folders(tmp_path)] == [2, 4, 6, 8]


def test_a_ledger_that_the_disk_does_not_take_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    t = trainer(tmp_path)
    taken, failed = t.feed.trained, []

    def trained(step: int) -> None:
        if step == 3 and len(failed) < 2:
            failed.append(step)
            raise OSError(errno.ENOSPC, "No space left on device")
        taken(step)

    monkeypatch.setattr(t.feed, "trained", trained)
    monkeypatch.setattr("model.training.train.time.sleep", lambda _: None)
    t.run(Until(max_steps=5, drained=True))
    assert failed == [3, 3] and t.feed.ledger and max(t.feed.ledger.values()) == 1  # type: ignore[attr-defined]


def test_the_frozen_set_is_the_same_however_its_documents_come(tmp_path: Path) -> None:
    small, large = (ListFeed(examples(40), rows=rows) for rows in (1, 4))
    sets = [FrozenSet(200), FrozenSet(200)]
    for feed, frozen in zip((small, large), sets, strict=True):
        while (batch := feed.next(0.0)) is not None:
            frozen.see(batch)
            feed.trained(1)
    assert sets[0].state == sets[1].state or not all(s.closed for s in sets)
    t = trainer(tmp_path, replace(EVERY, frozen_tokens=100), count=120)
    t.run(Until(drained=True))
    kept = load_newest(tmp_path)
    assert kept is not None and kept.frozen
    frozen = FrozenSet(100, kept.frozen)
    assert frozen.closed and t.tokens > 100 * DRAWN_FROM
    assert kept.manifest.frozen_bits == pytest.approx(frozen.score(load_model(kept.path)[0]), abs=1e-6)  # type: ignore[arg-type]
    assert FROZEN in kept.manifest.sha256


def test_what_forgets_beyond_the_bound_is_withheld() -> None:
    assert judge(2.0, None, 0.1).frozen_best == 2.0
    assert judge(2.19, 2.0, 0.1) == judge(2.19, 2.0, 0.0).__class__(2.19, 2.0, "")
    assert "10.5 % above" in judge(2.21, 2.0, 0.1).withheld
    assert not judge(9.0, 2.0, 0.0).withheld and judge(1.5, 2.0, 0.1).frozen_best == 1.5
    assert judge(float("nan"), 2.0, 0.1).frozen_best == 2.0


@pytest.fixture
def regressed(tmp_path: Path) -> Path:
    """Five checkpoints, the last of a learning rate that throws everything away."""
    good = replace(EVERY, frozen_tokens=60, learning_rate=1e-2)
    trainer(tmp_path, good, count=200).run(Until(max_steps=24, drained=True))
    bad = replace(good, learning_rate=1.0, checkpoint_every_steps=2, warm_up_steps=0, clip=0)
    trainer(tmp_path, bad, count=200).run(Until(max_steps=26, drained=True))
    return tmp_path


def test_the_gate_withholds_and_the_server_keeps_the_one_before(regressed: Path) -> None:
    last, before = reversed([read_manifest(p) for p in folders(regressed)][-2:])
    assert last.step == 26 and "it forgets" in last.withheld and not before.withheld
    assert last.frozen_best == min(before.frozen_best, before.frozen_bits)  # type: ignore[type-var]
    assert before.step == 24
    kept = [read_manifest(p).step for p in reversed(folders(regressed)[:-1])]
    assert len(kept) > 1 and [m.step for _, m in choice.served(regressed)] == kept
    offered: list[Served] = []
    watcher = Watcher(regressed, offered.append)
    assert watcher.look() and offered[-1].version == before.model_version and not watcher.look()
    assert load_newest(regressed).manifest.step == 26  # type: ignore[union-attr]


def run(folder: Path, *arguments: str) -> str:
    result = CliRunner().invoke(main, ["models", *arguments, "--checkpoints", str(folder)])
    assert result.exit_code == 0, result.output
    return result.output


def test_promote_and_rollback_say_and_do_what_is_served(regressed: Path) -> None:
    versions = [read_manifest(p).model_version for p in folders(regressed)]
    offered: list[Served] = []
    watcher = Watcher(regressed, offered.append)
    watcher.look()
    lines = run(regressed, "list").splitlines()
    assert len(lines) == len(versions) and "withheld: it forgets" in lines[0] and lines[1].endswith("  served")
    assert versions[-3] in run(regressed, "rollback")
    assert watcher.look() and offered[-1].version == versions[-3]
    assert "rolled back to" in run(regressed, "list").splitlines()[2]
    assert versions[-2] in run(regressed, "promote")
    assert watcher.look() and offered[-1].version == versions[-2]
    assert "held against it" in run(regressed, "promote", versions[-1])
    assert watcher.look() and offered[-1].version == versions[-1]
    good = replace(EVERY, frozen_tokens=60, learning_rate=1e-4)
    trainer(regressed, good, count=200).run(Until(max_steps=28, drained=True))
    assert not read_manifest(folders(regressed)[-1]).withheld
    wrong = CliRunner().invoke(main, ["models", "rollback", "nonsense", "--checkpoints", str(regressed)])
    assert wrong.exit_code == 1 and "has no 'nonsense'" in wrong.output
    assert versions[-3] in run(regressed, "rollback", versions[-3].rpartition("-")[0])
    wrong = CliRunner().invoke(main, ["models", "promote", "step-", "--checkpoints", str(regressed)])
    assert wrong.exit_code == 1 and "has several that begin with 'step-'" in wrong.output


def test_what_is_served_is_not_pruned(tmp_path: Path) -> None:
    for step in range(1, 7):
        version = write_checkpoint(tmp_path, step)
        if step == 2:
            choice.write(tmp_path, pinned=version)
    write_checkpoint(tmp_path, 7, keep=2)
    assert [read_manifest(p).step for p in folders(tmp_path)] == [2, 6, 7]


def test_scores_are_kept_by_kind_and_language(tmp_path: Path) -> None:
    def named(count: int) -> list:
        made = examples(count)
        for n, e in enumerate(made):
            e.kind, e.language = ("commit", "go") if n % 3 else ("file", "python")
        return made

    shown: list[Progress] = []
    t = Trainer(SHAPE, EVERY, ListFeed(named(30)), tmp_path, tokenizer(), STARCODER)
    last = t.run(Until(drained=True), shown.append)
    assert set(last.groups) == {"commit", "commit/go", "file", "file/python"}
    manifest = read_manifest(latest(tmp_path))  # type: ignore[arg-type]
    groups = manifest.groups
    assert groups["commit"] == groups["commit/go"] and last.groups["file"] == pytest.approx(
        bits_per_byte(groups["file"][0], int(groups["file"][1]))
    )
    whole = bits_per_byte(sum(n for n, _ in manifest.scores), sum(b for _, b in manifest.scores))
    assert manifest.bits_per_byte == pytest.approx(whole)
    assert min(last.groups["commit"], last.groups["file"]) < whole < max(last.groups["commit"], last.groups["file"])


def test_another_corpus_is_warmed_up_to_and_other_settings_are_said(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    run_1 = {"[train] clip": 1.0, "corpus.use": "default"}
    trainer(tmp_path, run=run_1).run(Until(max_steps=4, drained=True))
    t = trainer(tmp_path, run=run_1 | {"[train] clip": 2.0})
    assert "[train] clip is 2.0 now, and was 1.0 until step 4" in caplog.text and t._warm_from == 0
    t.run(Until(max_steps=6, drained=True))
    t = trainer(tmp_path, run=run_1 | {"corpus.use": "starcoder2"})
    t.run(Until(max_steps=7, drained=True))
    assert t.learner.optimizer.param_groups[0]["lr"] <= EVERY.learning_rate / EVERY.warm_up_steps
    assert read_manifest(latest(tmp_path)).warm_from == 6  # type: ignore[arg-type]
