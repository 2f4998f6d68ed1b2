"""Training an adapter: what moves and what stays, resumed bit for bit, refused where it was trained otherwise."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest
import torch

from model import importing
from model.adapters import lora
from model.adapters.choice import held, wanted
from model.adapters.spec import Adapter
from model.based import OtherBase
from model.checkpoint import write
from model.config import TrainConfig
from model.decoder.frozen import Frozen, hold
from model.families import build
from model.families.llama.spec import Llama
from model.families.reading import Refused
from model.loading import load_all, load_model, load_newest
from model.manifest import ADAPTER, FEED, MANIFEST, OPTIMIZER, WEIGHTS, CheckpointError, folders, read_manifest
from model.training.score import evaluate
from model.training.train import Trainer, Until
from tests.support.models.adapting import CONTEXT, DORA, LOG, LORA, begun, logits, some_ids, trained, trainer
from tests.support.models.tiny import ListFeed, texts, tokenizer

SMALL = Llama(
    variant="qwen2", vocab=320, context=CONTEXT, width=32, layers=2, heads=4, kv_heads=2, head_width=8, inner=48,
    qkv_bias=True, tied=True,
)  # fmt: skip


@pytest.mark.parametrize("config", [LORA, DORA, replace(LORA, base="int8", recompute=True)], ids=lambda c: c.adapter)
def test_resume_is_bit_exact(tmp_path: Path, config: TrainConfig) -> None:
    for folder, stops in (("a", (6,)), ("b", (2, 3, 6))):
        begun(tmp_path / folder)
        for upto in stops:
            trainer(tmp_path / folder, config).run(Until(max_steps=upto))
    one, two = (tmp_path / folder / "step-00000006" for folder in "ab")
    for file in (ADAPTER, OPTIMIZER, FEED):
        assert (one / file).read_bytes() == (two / file).read_bytes(), file
    assert read_manifest(one).scores == read_manifest(two).scores
    assert read_manifest(one).model_version == read_manifest(two).model_version


def test_the_low_rank_part_alone_moves(tmp_path: Path) -> None:
    begun(tmp_path / "c")
    t = trainer(tmp_path / "c", DORA)
    before = {name: p.detach().clone() for name, p in t.learner.model.named_parameters()}
    t.run(Until(max_steps=3))
    for name, parameter in t.learner.model.named_parameters():
        moved = name.rpartition(".")[2] in lora.PARTS
        assert (parameter.grad is not None) == parameter.requires_grad == moved, name
        assert torch.equal(parameter, before[name]) != moved, name
    stored = load_all(tmp_path / "c/step-00000003").optimizer
    assert {name.rpartition(".")[2] for name in stored} == set(lora.PARTS)
    files = {p.name for p in (tmp_path / "c/step-00000003").iterdir()}
    assert files == {ADAPTER, "adapter_config.json", OPTIMIZER, FEED, "frozen.msgpack", "tokenizer.json", MANIFEST}
    assert (tmp_path / "c/step-00000003/tokenizer.json").stat().st_nlink == 2


def test_it_learns_and_begins_as_the_base(tmp_path: Path) -> None:
    begun(tmp_path / "c")
    t = trainer(tmp_path / "c", replace(DORA, learning_rate=1e-2))
    base, _, _ = load_model(tmp_path / "c/step-00000000")
    ids = some_ids()
    assert (logits(t.learner.model.eval(), ids) - logits(base, ids)).abs().max() < 1e-5
    held_out = [(["m.py\n"], text) for text in texts()[:5]]
    last = t.run(Until(drained=True))
    after, _, _ = load_model(folders(tmp_path / "c")[-1])
    assert last.step > 10
    assert evaluate(after, tokenizer(), held_out, CONTEXT) < 0.9 * evaluate(base, tokenizer(), held_out, CONTEXT)


def test_pruning_leaves_what_an_adapter_stands_beside(tmp_path: Path) -> None:
    begun(tmp_path / "c")
    for _ in range(4):
        trained(tmp_path / "c", replace(LORA, keep=2), steps=1)
    assert [p.name for p in folders(tmp_path / "c")] == ["step-00000000", "step-00000003", "step-00000004"]
    load_model(tmp_path / "c/step-00000003")


def test_a_base_that_is_missing_or_another_is_refused(tmp_path: Path) -> None:
    path = trained(tmp_path / "c")
    base = tmp_path / "c/step-00000000"
    base.rename(tmp_path / "away")
    for load in (load_model, load_all):
        with pytest.raises(OtherBase, match="step-00000000 is not there: put it back"):
            load(path)
    begun(tmp_path / "other", "qwen2, tied")
    shutil.copytree(tmp_path / "other/step-00000000", base)
    with pytest.raises(OtherBase, match="holds other weights"):
        load_newest(tmp_path / "c")
    with pytest.raises(OtherBase, match="holds other weights"):
        trainer(tmp_path / "c")
    shutil.rmtree(base)
    (tmp_path / "away").rename(base)
    load_model(path)


def test_a_low_rank_part_that_is_damaged_is_passed_over(tmp_path: Path) -> None:
    path = trained(tmp_path / "c")
    data = (path / ADAPTER).read_bytes()
    (path / ADAPTER).write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    with pytest.raises(CheckpointError, match="is not what was written"):
        load_model(path)
    resumed = load_newest(tmp_path / "c")
    assert resumed is not None and resumed.manifest.step == 0


@pytest.mark.parametrize(
    ("config", "said"),
    [
        (replace(LORA, adapter=""), "it is an adapter (lora): set [train] adapter = 'lora'"),
        (DORA, "adapter is dora, and the checkpoint's lora"),
        (
            replace(LORA, rank=3, alpha=2.0),
            "rank is 3, and the checkpoint's 6; alpha is 2.0, and the checkpoint's 16.0",
        ),
        (replace(LORA, base="int8"), "base is int8, and the checkpoint's float32"),
        (replace(LORA, targets=("q_proj",)), "targets is ['q_proj']"),
    ],
)
def test_an_adapter_that_was_trained_otherwise_is_refused(tmp_path: Path, config: TrainConfig, said: str) -> None:
    trained(tmp_path / "c", steps=1)
    with pytest.raises(CheckpointError) as refused:
        trainer(tmp_path / "c", config)
    assert said in str(refused.value)
    assert trainer(tmp_path / "c", replace(LORA, base="auto")).adapter == trainer(tmp_path / "c").adapter


def test_a_folder_in_which_all_weights_were_trained_takes_no_adapter(tmp_path: Path) -> None:
    begun(tmp_path / "c")
    trainer(tmp_path / "c", replace(LORA, adapter="")).run(Until(max_steps=1))
    with pytest.raises(CheckpointError, match="all of its weights were trained here"):
        trainer(tmp_path / "c")
    first, feed = load_all(tmp_path / "c/step-00000000").manifest, ListFeed(LOG, CONTEXT)
    with pytest.raises(CheckpointError, match="needs weights to stand beside"):
        Trainer(first.model, LORA, feed, tmp_path / "new", tokenizer(), first.format)


def test_targets_that_the_model_does_not_have_are_refused(tmp_path: Path) -> None:
    begun(tmp_path / "c")
    with pytest.raises(CheckpointError, match=r"targets has c_attn, and this model has q_proj, k_proj"):
        trainer(tmp_path / "c", replace(LORA, targets=("c_attn",)))
    t = trainer(tmp_path / "c", replace(LORA, targets=("q_proj", "down_proj")))
    assert {name.split(".")[2] for name in t.learner.low_rank()} == {"q", "down"}


def test_two_adapters_share_the_file_of_their_base(tmp_path: Path) -> None:
    begun(tmp_path / "base")
    source = tmp_path / "base/step-00000000"
    for name in ("one", "two"):
        importing.import_model(importing.read(source), tmp_path / name, "base", CONTEXT, 3, linked=True)
        trained(tmp_path / name, steps=1)
    files = [folder / "step-00000000" / WEIGHTS for folder in (tmp_path / "base", tmp_path / "one", tmp_path / "two")]
    assert len({path.stat().st_ino for path in files}) == 1


def test_the_first_weights_depend_on_seed_and_module_alone() -> None:
    decoder, adapter = build.decoder(SMALL), wanted(replace(LORA, adapter_seed=3), SMALL)
    assert adapter is not None
    one = lora.first(decoder, adapter)
    torch.manual_seed(99)
    two = lora.first(decoder, msgspec.structs.replace(adapter, targets=("q_proj",)))
    assert torch.equal(one["blocks.1.q.a"], two["blocks.1.q.a"]) and not one["blocks.1.q.b"].any()
    assert not torch.equal(one["blocks.0.q.a"], one["blocks.1.q.a"])
    other = lora.first(decoder, msgspec.structs.replace(adapter, seed=4))
    assert not torch.equal(one["blocks.1.q.a"], other["blocks.1.q.a"])
    assert one["blocks.1.q.a"].abs().max() <= 32**-0.5


@pytest.mark.parametrize("kind", ["lora", "dora"])
def test_the_part_beside_gives_what_the_merged_matrix_gives(kind: str) -> None:
    decoder = build.decoder(SMALL)
    adapter = Adapter(kind=kind, rank=3, alpha=6.0, targets=("up_proj",))  # type: ignore[arg-type]
    tensors = {name: t + torch.randn(t.shape) / 3 for name, t in lora.first(decoder, adapter).items()}
    beside, x = lora.attach(decoder.eval(), adapter, tensors), torch.randn(5, 32)
    part, a, b = beside.blocks[0].up, tensors["blocks.0.up.a"], tensors["blocks.0.up.b"]
    whole = lora.merged(decoder.blocks[0].up.weight, a, b, tensors.get("blocks.0.up.magnitude"), 2.0)
    with torch.no_grad():
        assert torch.allclose(part(x), x @ whole.T, atol=1e-4)
        assert torch.allclose(part(x), part.train()(x), atol=1e-6), "the length is not made anew in evaluation"
    assert not isinstance(decoder.blocks[0].up, lora.LowRank), "the base stays as it is"


@pytest.mark.parametrize("kind", ["bf16", "int8"])
def test_what_is_held_in_fewer_bytes_is_nearly_the_same(tmp_path: Path, kind: str) -> None:
    """Bits a byte within 1 %, the gradient within 5 %, and a fraction of the bytes."""
    trained(tmp_path / "c", replace(LORA, adapter="", learning_rate=5e-3), steps=12)
    path = folders(tmp_path / "c")[-1]
    exact, near = load_model(path)[0], load_model(path)[0]
    hold(near, kind)  # type: ignore[arg-type]
    held_out = [(["m.py\n"], text) for text in texts()[:8]]
    one, two = (evaluate(m, tokenizer(), held_out, CONTEXT) for m in (exact, near))
    assert one != two and abs(one - two) < 0.01 * one
    matrices = [m for m in near.modules() if isinstance(m, Frozen)]
    size = sum(b.numel() * b.element_size() for m in matrices for b in (m.weight_OI, m.scale_O) if b is not None)
    numbers = sum(m.weight_OI.numel() for m in matrices)
    assert len(matrices) == 3 * 7 + 2 and size < (2.01 if kind == "bf16" else 1.2) * numbers
    x = torch.randn(1, 30, 32, requires_grad=True)
    slopes = [torch.autograd.grad(m.blocks[0].up(x).square().sum(), x)[0] for m in (exact, near)]
    assert (slopes[0] - slopes[1]).norm() < 0.05 * slopes[0].norm()
    few = torch.randn(3, 32)
    with torch.no_grad():
        fast, slow = near.blocks[0].up(few), near.blocks[0].up(torch.cat([few] * 7))[:3]
    assert (fast - slow).norm() < 0.01 * slow.norm(), "torch's own product with int8 weights"


def test_int8_weights_leave_no_wide_copy_for_the_gradient() -> None:
    decoder = build.decoder(SMALL)
    hold(decoder, "int8")
    saved: list[torch.Tensor] = []
    with torch.autograd.graph.saved_tensors_hooks(lambda t: saved.append(t) or t, lambda t: t):
        decoder.blocks[0].up(torch.randn(20, 32, requires_grad=True))
    assert {t.dtype for t in saved if t.shape == (48, 32)} == {torch.int8}


@pytest.mark.parametrize("config", [replace(LORA, adapter=""), DORA], ids=["full", "dora"])
def test_layers_that_are_computed_again_change_no_bit(tmp_path: Path, config: TrainConfig) -> None:
    saved: dict[bool, int] = {}
    for again in (False, True):
        root = tmp_path / str(again)
        begun(root)
        t = trainer(root, replace(config, recompute=again))
        batch = ListFeed(LOG, CONTEXT).next(0.0)
        kept: list[torch.Tensor] = []
        assert batch is not None
        with torch.autograd.graph.saved_tensors_hooks(lambda x, k=kept: k.append(x) or x, lambda x: x):
            t.learner.score(batch)
        saved[again] = sum(x.numel() for x in kept)
        t.run(Until(max_steps=4))
    one, two = (tmp_path / str(again) / "step-00000004" for again in (False, True))
    for file in (ADAPTER if config.adapter else WEIGHTS, OPTIMIZER):
        assert (one / file).read_bytes() == (two / file).read_bytes(), file
    assert read_manifest(one).scores == read_manifest(two).scores
    assert saved[True] < 0.5 * saved[False]


def test_what_auto_holds() -> None:
    assert held(TrainConfig(), SMALL, available=1 << 40) in ("float32", "bf16")
    assert held(TrainConfig(), SMALL, available=1000) in ("int8", "bf16")
    assert held(TrainConfig(base="float32"), SMALL, available=1000) == "float32"
    assert wanted(TrainConfig(), SMALL) is None
    with pytest.raises(Refused, match="targets has nothing"):
        wanted(TrainConfig(adapter="lora", targets=("nothing",)), SMALL)


def test_numbers_that_are_not_finite_are_not_written(tmp_path: Path) -> None:
    path = trained(tmp_path / "c")
    contents = load_all(path)
    contents.low_rank["blocks.0.q.a"][0, 0] = torch.nan
    later = msgspec.structs.replace(contents.manifest, step=99)
    with pytest.raises(CheckpointError, match=r"not finite numbers: blocks\.0\.q\.a"):
        write(tmp_path / "c", replace(contents, manifest=later), 3)
    assert folders(tmp_path / "c")[-1] == path
