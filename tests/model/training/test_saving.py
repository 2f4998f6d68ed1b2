"""What a trainer saves: the feed's state without a step, what is unsaved before any end, and nothing that is broken."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from model.checkpoint import FEED, OPTIMIZER, TOKENIZER, WEIGHTS
from model.config import TrainConfig
from model.example import Batch
from model.fim.formats import STARCODER
from model.loading import load_all, load_model, load_newest
from model.manifest import MANIFEST, CheckpointError, folders, latest, name, newest, read_manifest
from model.reign import Superseded, take
from model.training.train import Diverged, Trainer, Until
from tests.support.models.tiny import QUICK, SHAPE, ListFeed, examples, tokenizer, write_checkpoint

LOG = examples(40)


def trainer(folder: Path, feed: ListFeed | None = None, config: TrainConfig = QUICK, reign: int = 0) -> Trainer:
    resume = load_newest(folder)
    opened = feed or ListFeed(LOG, state=resume.feed if resume else b"")
    return Trainer(SHAPE, config, opened, folder, tokenizer(), STARCODER, resume=resume, reign=reign)


class Noting(ListFeed):
    """A feed that takes something that brings no training step."""

    note = b""

    def take(self, note: bytes) -> None:
        self.note = note
        self.changes += 1

    def state(self) -> bytes:
        return super().state() + self.note


def test_a_state_of_the_feed_without_a_step_is_saved(tmp_path: Path) -> None:
    feed = Noting(LOG)
    t = trainer(tmp_path, feed)
    t.run(Until(max_steps=2))
    first = load_all(tmp_path / "step-00000002")
    inodes = {file: (tmp_path / "step-00000002" / file).stat().st_ino for file in (WEIGHTS, OPTIMIZER, TOKENIZER)}
    for n in range(1, 3):
        feed.take(b"x" * n)
        t.save()
    assert [path.name for path in folders(tmp_path)] == ["step-00000002.1", "step-00000002.2"]
    last = folders(tmp_path)[-1]
    assert (last / FEED).read_bytes() == feed.state() and read_manifest(last).revision == 2
    assert {file: (last / file).stat().st_ino for file in inodes} == inodes
    assert read_manifest(last).model_version == first.manifest.model_version
    load_model(last)
    t.save()
    assert len(folders(tmp_path)) == 2


def test_revisions_push_no_other_model_out(tmp_path: Path) -> None:
    """They share their files, so after a damage all of them are gone."""
    feed = Noting(LOG)
    t = trainer(tmp_path, feed, replace(QUICK, checkpoint_every_steps=1, keep=2))
    t.run(Until(max_steps=3))
    for n in range(9):
        feed.take(b"x" * n)
        t.save()
    assert [path.name for path in folders(tmp_path)] == ["step-00000002", "step-00000003.8", "step-00000003.9"]
    damage(tmp_path / "step-00000003.9")
    checkpoint = load_newest(tmp_path)
    assert checkpoint is not None and checkpoint.manifest.step == 2


def test_an_idle_and_drained_feed_makes_it_due_and_an_end_does(tmp_path: Path) -> None:
    class Rejected(Noting):
        calls = 0

        def next(self, timeout_s: float) -> Batch | None:
            self.calls += 1
            if self.calls == 3:
                self.take(b"all rejected")
            if self.calls == 5:
                t.publisher.finish()
                assert newest(tmp_path) is not None
                self.take(b"again")
            if self.calls == 6:
                t.stop()
            return None

    t = trainer(tmp_path, Rejected([]))
    t.run()
    checkpoint = newest(tmp_path)
    assert checkpoint is not None and checkpoint[1].endswith(b"again") and checkpoint[0].step == 0
    again = trainer(tmp_path, Rejected([]), reign=take(tmp_path))
    again.feed.changes += 1
    assert again.save() and latest(tmp_path) == tmp_path / "step-00000000-r1"


def test_what_waits_for_a_step_does_not_make_it_due(tmp_path: Path) -> None:
    feed = Noting(LOG)
    t = trainer(tmp_path, feed)
    feed.take(b"x")
    assert not t.publisher.due(0, feed.changes, idle=True, drained=lambda: False)
    assert t.publisher.due(0, feed.changes, idle=True, drained=lambda: True)
    assert not t.publisher.due(0, 0, idle=True, drained=lambda: True)


def test_a_file_system_without_links_gets_whole_checkpoints(tmp_path: Path, monkeypatch) -> None:
    def none(*_: object, **__: object) -> None:
        raise PermissionError("no links here")

    feed = Noting(LOG)
    t = trainer(tmp_path, feed)
    t.run(Until(max_steps=1))
    monkeypatch.setattr("os.link", none)
    feed.take(b"x")
    t.save()
    last = latest(tmp_path)
    assert last == tmp_path / "step-00000001.1" and load_all(last).feed.endswith(b"x")


class Breaking(ListFeed):
    """Raises at the fourth Batch."""

    error: BaseException = RuntimeError("the log is gone")

    def next(self, timeout_s: float) -> Batch | None:
        if len(self.ledger) >= 6:
            raise self.error
        return super().next(timeout_s)


@pytest.mark.parametrize("error", [RuntimeError("the log is gone"), KeyboardInterrupt(), SystemExit(3)])
def test_what_is_unsaved_is_saved_before_an_error_ends_the_run(tmp_path: Path, error: BaseException) -> None:
    feed = Breaking(LOG)
    feed.error = error
    t = trainer(tmp_path, feed)
    with pytest.raises(type(error)):
        t.run()
    checkpoint = newest(tmp_path)
    assert checkpoint is not None and checkpoint[0].step == t.step > 0 and checkpoint[1] == feed.state()


def test_a_save_that_fails_does_not_hide_the_first_error(tmp_path: Path, caplog) -> None:
    t = trainer(tmp_path, Breaking(LOG))
    (tmp_path / name(2)).mkdir()
    (tmp_path / name(1)).mkdir()
    (tmp_path / name(3)).mkdir()
    with pytest.raises(RuntimeError, match="the log is gone"):
        t.run()
    assert "no checkpoint could be written" in caplog.text


def test_a_step_that_was_cut_short_is_not_saved(tmp_path: Path) -> None:
    """Its weights have moved, and the ledger has no row of it: saved, its Batch would be trained on twice."""

    class Full(ListFeed):
        def trained(self, step: int) -> None:
            if step == 3:
                raise OSError("no space left on device")
            super().trained(step)

    t = trainer(tmp_path, Full(LOG), replace(QUICK, checkpoint_every_steps=2))
    with pytest.raises(OSError, match="no space"):
        t.run()
    assert [path.name for path in folders(tmp_path)] == ["step-00000002"]


def test_the_older_of_two_trainers_ends_and_writes_nothing(tmp_path: Path) -> None:
    class Second(ListFeed):
        def trained(self, step: int) -> None:
            super().trained(step)
            if step == 3:
                take(tmp_path)

    t = trainer(tmp_path, Second(LOG), replace(QUICK, checkpoint_every_steps=2), take(tmp_path))
    with pytest.raises(Superseded, match="Another trainer has begun"):
        t.run()
    assert [path.name for path in folders(tmp_path)] == ["step-00000002-r1"] and t.step <= 4


class Poisoned(ListFeed):
    """Some Batches, by number, give a gradient that is no number: a weight is poisoned while they are trained on."""

    trainer: Trainer
    poisoned: frozenset[int] = frozenset()
    handed = 0

    def next(self, timeout_s: float) -> Batch | None:
        self.handed += 1
        scale = self.trainer.learner.model.norm.weight
        hook = scale.register_hook(lambda gradient: gradient * float("nan")) if self.handed in self.poisoned else None
        self.hooks.append(hook)
        return super().next(timeout_s)

    def __init__(self, *arguments, **more) -> None:
        super().__init__(*arguments, **more)
        self.hooks: list = []

    def trained(self, step: int) -> None:
        super().trained(step)
        self._unhook()

    def skipped(self) -> None:
        super().skipped()
        self._unhook()

    def _unhook(self) -> None:
        for hook in self.hooks:
            if hook is not None:
                hook.remove()
        self.hooks.clear()


def poisoned(folder: Path, *batches: int) -> tuple[Trainer, Poisoned]:
    feed = Poisoned(LOG)
    t = trainer(folder, feed)
    feed.trainer, feed.poisoned = t, frozenset(batches)
    return t, feed


def test_a_batch_without_a_finite_gradient_is_skipped_once(tmp_path: Path) -> None:
    t, feed = poisoned(tmp_path, 2, 3, 6)
    t.run(Until(drained=True))
    assert feed.gone > 0 and len(feed.ledger) + feed.gone == len(LOG)
    assert all(torch.isfinite(p).all() for p in t.learner.model.parameters())
    assert feed.drained


def test_three_in_a_row_end_the_run_before_the_first_of_them(tmp_path: Path) -> None:
    t, _ = poisoned(tmp_path, 3, 4, 5)
    with pytest.raises(Diverged, match="step 3: 3 Batches in a row"):
        t.run(Until(drained=True))
    checkpoint = newest(tmp_path)
    assert checkpoint is not None and checkpoint[0].step == 2
    resumed = trainer(tmp_path)
    assert isinstance(resumed.feed, ListFeed)
    resumed.run(Until(drained=True))
    assert resumed.feed.ledger == dict.fromkeys(range(len(LOG)), 1)


def test_weights_that_are_no_numbers_are_never_written(tmp_path: Path, caplog) -> None:
    t = trainer(tmp_path)
    t.run(Until(max_steps=1))
    with torch.no_grad():
        t.learner.model.norm.weight.fill_(float("nan"))
    with pytest.raises(Diverged):
        t.run(Until(max_steps=9))
    t.step += 1
    with pytest.raises(CheckpointError, match="not finite"):
        t.save()
    assert [path.name for path in folders(tmp_path)] == ["step-00000001"]


def test_a_clip_of_0_is_off_and_below_is_refused(tmp_path: Path) -> None:
    t = trainer(tmp_path, config=replace(QUICK, clip=0.0))
    before = torch.cat([p.detach().flatten().clone() for p in t.learner.model.parameters()])
    t.run(Until(max_steps=2))
    assert not torch.equal(before, torch.cat([p.detach().flatten() for p in t.learner.model.parameters()]))
    with pytest.raises(ValueError, match="clip must be"):
        replace(QUICK, clip=-1.0)


def damage(path: Path) -> None:
    data = (path / WEIGHTS).read_bytes()
    (path / WEIGHTS).write_bytes(data[:-1] + bytes([data[-1] ^ 1]))


def test_a_damaged_newest_checkpoint_is_passed_over(tmp_path: Path, caplog) -> None:
    for step in (1, 2, 3):
        write_checkpoint(tmp_path, step, feed=b"%d" % step)
    damage(tmp_path / "step-00000003")
    (tmp_path / "step-00000002" / FEED).unlink()
    checkpoint = load_newest(tmp_path)
    assert checkpoint is not None and checkpoint.feed == b"1"
    assert "step-00000003" in caplog.text and "going on from step-00000001" in caplog.text
    damage(tmp_path / "step-00000001")
    with pytest.raises(CheckpointError, match=r"no checkpoint in .* is whole \(step-00000003, step-00000002, step"):
        load_newest(tmp_path)
    assert load_newest(tmp_path / "new") is None


def test_a_checkpoint_of_a_later_version_is_no_reason_to_go_back(tmp_path: Path) -> None:
    for step in (1, 2):
        write_checkpoint(tmp_path, step)
    path = tmp_path / "step-00000002" / MANIFEST
    path.write_text(path.read_text().replace('"v": 1', '"v": 3', 1))
    with pytest.raises(CheckpointError, match="version 3"):
        load_newest(tmp_path)


def test_only_the_owner_reads_checkpoints(tmp_path: Path, caplog) -> None:
    root = tmp_path / "checkpoints"
    trainer(root).run(Until(max_steps=1))
    paths = [root, *root.rglob("*")]
    assert {path.stat().st_mode & 0o777 for path in paths if path.is_dir()} == {0o700}
    assert {path.stat().st_mode & 0o777 for path in paths if path.is_file()} == {0o600} and len(paths) == 11
    assert not [r for r in caplog.records if r.levelno >= logging.ERROR]
