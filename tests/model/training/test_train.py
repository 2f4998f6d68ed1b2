"""The trainer: learns, resumes bit for bit, checkpoints when it should, stops when it is told."""

from dataclasses import replace
from math import log
from pathlib import Path

import msgspec
import pytest
import torch

from model import checkpoint
from model.config import TrainConfig
from model.families import build
from model.fim.formats import INCODER, STARCODER
from model.loading import load_all
from model.manifest import CheckpointError, folders, latest, name, read_manifest
from model.tokens.tokenizer import train as train_tokenizer
from model.training import optimizer
from model.training.schedule import learning_rate
from model.training.score import bits_per_byte, evaluate, nats, targets, unlearnt
from model.training.train import Diverged, Progress, Trainer, Until
from tests.support.models.tiny import QUICK, SHAPE, ListFeed, examples, texts, tokenizer

LOG = examples(150)


def trainer(folder: Path, config: TrainConfig = QUICK, **more) -> Trainer:
    """A trainer that goes on from the newest checkpoint in the folder."""
    newest = latest(folder)
    resume = load_all(newest) if newest else None
    feed = more.pop("feed", None) or ListFeed(LOG, state=resume.feed if resume else b"")
    return Trainer(SHAPE, config, feed, folder, tokenizer(), STARCODER, resume=resume, **more)


def test_resume_is_bit_exact_twice_in_a_row(tmp_path: Path) -> None:
    straight = trainer(tmp_path / "a")
    straight.run(Until(max_steps=12))
    for upto in (4, 8, 12):
        resumed = trainer(tmp_path / "b")
        resumed.run(Until(max_steps=upto))
    ends = [latest(tmp_path / x) for x in "ab"]
    assert ends[0] and ends[1] and ends[0].name == ends[1].name == "step-00000012"
    for file in (checkpoint.WEIGHTS, checkpoint.OPTIMIZER, checkpoint.FEED):
        assert (ends[0] / file).read_bytes() == (ends[1] / file).read_bytes(), file
    one, two = (read_manifest(end) for end in ends)
    assert (one.tokens, one.text_bytes, one.model_version) == (two.tokens, two.text_bytes, two.model_version)
    assert one.scores == two.scores and len(one.scores) == 12
    assert one.bits_per_byte == two.bits_per_byte


def test_until_drained_trains_on_everything_once_and_learns(tmp_path: Path) -> None:
    t = trainer(tmp_path)
    held_out = [(["m.py\n"], text) for text in texts()[:5]]
    before = evaluate(t.learner.model, tokenizer(), held_out)
    last = t.run(Until(drained=True))
    assert t.feed.ledger == dict.fromkeys(range(len(LOG)), 1)
    assert evaluate(t.learner.model, tokenizer(), held_out) < 0.8 * before
    assert last.bits_per_byte < 8 and last.step == t.step and last.checkpoint.startswith(name(t.step))
    manifest = read_manifest(latest(tmp_path))
    assert manifest.text_bytes == sum(e.text_bytes for e in LOG)
    assert manifest.tokens == sum(e.tokens for e in LOG) == last.tokens
    assert manifest.feed == {"lag": 0, "trained": len(LOG)}


def test_checkpoints_come_by_steps_and_when_the_feed_is_idle(tmp_path: Path) -> None:
    class Pausing(ListFeed):
        """Nothing is ready at every fifth call."""

        calls = 0

        def next(self, timeout_s: float):
            self.calls += 1
            return None if self.calls % 5 == 0 else super().next(timeout_s)

    written: list[int] = []
    config = replace(QUICK, checkpoint_every_steps=3, keep=100)
    trainer(tmp_path / "steps", config).run(Until(max_steps=7))
    written = [read_manifest(p).step for p in folders(tmp_path / "steps")]
    assert written == [3, 6, 7]
    config = replace(QUICK, keep=100)
    trainer(tmp_path / "idle", config, feed=Pausing(LOG)).run(Until(max_steps=6))
    written = [read_manifest(p).step for p in folders(tmp_path / "idle")]
    assert written == [4, 6]


def test_stop_finishes_the_step_and_writes(tmp_path: Path) -> None:
    class Stopping(ListFeed):
        def trained(self, step: int) -> None:
            super().trained(step)
            if step == 3:
                t.stop()

    t = trainer(tmp_path, feed=Stopping(LOG))
    assert t.run().step == 3
    assert [p.name for p in folders(tmp_path)] == ["step-00000003"]
    assert trainer(tmp_path).step == 3


@pytest.mark.parametrize("layer", [0, 1])
@pytest.mark.parametrize("way", ["forward", "backward"])
def test_a_step_under_way_is_cut_short_and_made_anew(tmp_path: Path, layer: int, way: str) -> None:
    """Nothing of it stays: what goes on from there ends with the bits of a run that was not stopped."""
    trainer(tmp_path / "straight").run(Until(max_steps=6))
    t, calls = trainer(tmp_path / "cut"), 0

    def stop(*_: object) -> None:
        nonlocal calls
        calls += 1
        if calls == 4:
            t.stop()

    block = t.learner.model.blocks[layer]
    watched = block.register_forward_hook(stop) if way == "forward" else block.register_full_backward_hook(stop)
    assert t.run().step == 3 and calls == 4
    watched.remove()
    assert not any(b._forward_pre_hooks for b in t.learner.model.blocks)
    resumed = trainer(tmp_path / "cut")
    assert resumed.step == 3
    resumed.run(Until(max_steps=6))
    ends = [latest(tmp_path / name) for name in ("straight", "cut")]
    for file in (checkpoint.WEIGHTS, checkpoint.OPTIMIZER, checkpoint.FEED):
        assert (ends[0] / file).read_bytes() == (ends[1] / file).read_bytes(), file


def test_progress_tells_where_it_is(tmp_path: Path) -> None:
    class Slow(ListFeed):
        def next(self, timeout_s: float):
            import time

            time.sleep(0.3)
            return super().next(timeout_s)

    lines: list[Progress] = []
    trainer(tmp_path, feed=Slow(LOG)).run(Until(max_steps=6), lines.append)
    assert lines and 1 <= lines[0].step <= 6 and lines[0].tokens_per_s > 0 and lines[0].feed["lag"] > 0


@pytest.mark.parametrize(
    ("what", "change"),
    [("shape", {"spec": msgspec.structs.replace(SHAPE, seed=1)})],
)
def test_another_run_s_checkpoint_is_refused(tmp_path: Path, what: str, change) -> None:
    trainer(tmp_path).run(Until(max_steps=1))
    given = {"spec": SHAPE} | change
    resume = load_all(latest(tmp_path))
    with pytest.raises(CheckpointError, match=what):
        Trainer(
            config=QUICK, feed=ListFeed(LOG), checkpoints=tmp_path, tokenizer=tokenizer(), fmt=STARCODER,
            resume=resume, **given,
        )  # fmt: skip


def test_a_loss_that_is_no_number_stops_without_a_checkpoint(tmp_path: Path) -> None:
    t = trainer(tmp_path)
    with torch.no_grad():
        t.learner.model.norm.weight.fill_(float("nan"))
    with pytest.raises(Diverged, match="step 1"):
        t.run(Until(max_steps=3))
    assert folders(tmp_path) == []


def test_a_vocabulary_too_small_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="ids and the model"):
        Trainer(msgspec.structs.replace(SHAPE, vocab=10), QUICK, ListFeed(LOG), tmp_path, tokenizer(), STARCODER)


def test_the_rate_warms_up_and_stays() -> None:
    config = TrainConfig(learning_rate=1.0, warm_up_steps=4)
    assert [learning_rate(n, config) for n in (1, 2, 4, 5, 10**9)] == [0.25, 0.5, 1, 1, 1]


def test_norms_biases_and_positions_do_not_decay() -> None:
    model = build.decoder(SHAPE)
    decayed, kept = optimizer.make(model, QUICK).param_groups
    assert decayed["weight_decay"] == 0.1 and kept["weight_decay"] == 0
    names = {id(p): n for n, p in model.named_parameters()}
    assert {names[id(p)].split(".")[-2] for p in decayed["params"]} == {"tokens", "qkv", "out", "up", "down"}
    assert len(decayed["params"]) + len(kept["params"]) == len(names)


def test_only_the_next_token_of_the_same_document_is_a_target() -> None:
    ids = torch.tensor([[5, 6, 7, 8, 9, 0, 0]])
    documents = torch.tensor([[0, 0, 0, 1, 1, -1, -1]])
    assert targets(ids, documents).tolist() == [[6, 7, -100, 9, -100, -100, -100]]


def test_incoders_masks_are_read_and_not_learnt() -> None:
    made = train_tokenizer(texts(), vocab_size=320, fmt=INCODER)
    left_out = unlearnt(made, INCODER)
    masks = [made.special(INCODER.mask(n)) for n in (0, 1)]
    ids = torch.tensor([[205, masks[0], 207, masks[1], masks[0], 208, made.special(INCODER.close)]])
    learnt = targets(ids, torch.zeros_like(ids), left_out).tolist()
    assert learnt == [[-100, 207, -100, -100, 208, made.special(INCODER.close), -100]]
    assert not len(unlearnt(tokenizer(), STARCODER))


def test_a_model_that_knows_nothing_scores_its_entropy() -> None:
    model = build.decoder(SHAPE)
    with torch.no_grad():
        model.tokens.weight.zero_()
    text = "abcdefgh" * 40
    ids = tokenizer().encode(text)
    bits = log(SHAPE.vocab, 2)
    scored = [i for start in range(0, len(ids), 128) for i in ids[start : start + 128][1:]]
    size = sum(len(tokenizer().bytes_of[i]) for i in scored)
    assert evaluate(model, tokenizer(), [([], text)]) == pytest.approx(len(scored) * bits / size)
    logits = torch.zeros(1, 3, 8)
    assert nats(logits, torch.tensor([[1, 2, -100]])).item() == pytest.approx(2 * log(8))
    assert bits_per_byte(log(2) * 12, 4) == 3


def test_a_partial_batch_takes_a_shorter_step(tmp_path: Path) -> None:
    """One short example in a Batch that has room for many moves the weights less than its share of a full one."""

    def moved(capacity: int) -> float:
        feed = ListFeed(examples(1))
        trainer = Trainer(SHAPE, QUICK, feed, tmp_path / str(capacity), tokenizer(), STARCODER)
        before = torch.cat([p.detach().flatten().clone() for p in trainer.learner.model.parameters()])
        batch = feed.next(0.0)
        assert batch is not None
        trainer._train(replace(batch, capacity=capacity))
        after = torch.cat([p.detach().flatten() for p in trainer.learner.model.parameters()])
        return float((after - before).abs().max())

    assert moved(10_000) < 0.1 * moved(0)
