"""A server over adapters: one base in memory, the low-rank parts swapped; and the commands around them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from midstream.cli import main
from midstream.machine import afford
from midstream.machine.rate import part, rate
from midstream.models.weights import begin
from midstream.settings import FeedSettings, Settings, load
from model import families, ram
from model.config import TrainConfig
from model.decoder.runner import Runner
from model.decoder.stepping import Stepper
from model.families.llama.spec import Llama
from model.loading import load_model
from model.manifest import folders, read_manifest
from server.reload import Watcher
from server.served import Loader, Served
from tests.support.models.adapting import DORA, LORA, begun, some_ids, trained
from tests.support.models.brought import run
from tests.support.models.driven import logits
from tests.support.models.foreign import save
from tests.support.models.tiny import tokenizer


@pytest.mark.parametrize("config", [LORA, DORA, replace(LORA, base="int8")], ids=["lora", "dora", "int8"])
def test_a_newer_adapter_brings_its_low_rank_part_alone(tmp_path: Path, config: TrainConfig) -> None:
    begun(tmp_path / "c")
    offered: list[Served] = []
    watcher = Watcher(tmp_path / "c", offered.append)
    for _ in range(2):
        trained(tmp_path / "c", config, steps=3)
        assert watcher.look() and watcher.failure is None
    one, two = (served.model for served in offered)
    assert isinstance(one, Stepper) and isinstance(two, Stepper)
    assert one.step.weights.tiles is two.step.weights.tiles
    assert offered[0].tokenizer is offered[1].tokenizer and offered[0].version != offered[1].version
    ids = some_ids()[0].tolist()
    first, second = logits(one, [ids]), logits(two, [ids])
    assert not np.array_equal(first, second), "each answers with its own"
    alone = Loader().load(folders(tmp_path / "c")[-1]).model
    assert np.array_equal(second, logits(alone, [ids]))


@pytest.mark.parametrize("config", [LORA, DORA], ids=["lora", "dora"])
def test_it_answers_as_what_was_trained(tmp_path: Path, config: TrainConfig) -> None:
    """In any parts the same; in float32 as torch has it."""
    path = trained(tmp_path / "c", config)
    ids = some_ids()[0].tolist()
    for held, near in (("float32", 1e-3), ("int8", 0.3)):
        model = Loader(held).load(path).model
        made = logits(model, [ids])
        assert np.array_equal(made, logits(model, [ids[:30], *([token] for token in ids[30:])]))
        torch_runs = Runner(load_model(path)[0])
        expected = torch_runs.extend(ids, torch_runs.new_cache()).numpy()
        assert np.linalg.norm(made - expected) < near * np.linalg.norm(expected)


def test_a_base_that_is_gone_leaves_the_model_that_is_served_until_it_is_back(tmp_path: Path) -> None:
    offered: list[Served] = []
    trained(tmp_path / "c", steps=1)
    watcher = Watcher(tmp_path / "c", offered.append, retry_s=0)
    assert watcher.look()
    trained(tmp_path / "c", steps=1)
    (tmp_path / "c/step-00000000").rename(tmp_path / "away")
    assert not watcher.look() and len(offered) == 1
    assert watcher.failure is not None and "is not there: put it back" in watcher.failure.reason
    (tmp_path / "away").rename(tmp_path / "c/step-00000000")
    assert watcher.look() and watcher.failure is None, "it is tried again without another checkpoint"


def settings(folder: Path, weights: Path, more: str) -> Path:
    path = folder / "midstream.toml"
    path.write_text(
        f'[paths]\nstate = "{folder / "state"}"\n[model]\ncontext = 96\nweights = "{weights}"\n[train]\n{more}\n'
    )
    return path


def test_weights_that_an_adapter_stands_beside_are_linked(tmp_path: Path) -> None:
    source = save("qwen2, default", tmp_path / "model")
    for name, more, links in (("a", 'adapter = "lora"', 2), ("b", 'adapter = "dora"', 3), ("c", "", 3)):
        (tmp_path / name).mkdir()
        config = settings(tmp_path / name, source, more)
        begin(load(config), print, to_train=True)
        assert (source / "model.safetensors").stat().st_nlink == links
        shown = run(config, "models", "show").output
        assert "qwen2" in shown and "use           training" in shown


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ('adapter = "lorra"', "adapter must be one of '', 'lora', 'dora'"),
        ("rank = 0", "rank must be at least 1"),
        ("alpha = 0.0", "alpha must be greater than 0"),
        ('base = "int4"', "base must be one of 'auto', 'float32', 'bf16', 'int8'"),
    ],
)
def test_settings_that_are_none_are_refused(tmp_path: Path, more: str, said: str) -> None:
    config = settings(tmp_path, tmp_path, more)
    done = CliRunner().invoke(main, ["models", "show", "--config", str(config)])
    assert done.exit_code == 1 and said in done.output


HALF_B = Llama(
    variant="qwen2", vocab=151_936, context=32_768, width=896, layers=24, heads=14, kv_heads=2, head_width=64,
    inner=4864, qkv_bias=True, tied=True,
)  # fmt: skip
GB = 1_000_000_000


def need(available: int | None, **settings: Any) -> afford.Need:
    return afford.need(TrainConfig(**settings), FeedSettings(rows=1), 512, HALF_B, available)


def test_what_fits_and_what_to_set() -> None:
    assert need(12 * GB).fits(adapter=False) and not need(6 * GB).fits(adapter=False)
    assert need(6 * GB, base="int8").fits(adapter=True) and need(None).fits(adapter=False)
    assert need(GB, base="int8").adapter < need(GB, base="bf16").adapter < need(GB, base="float32").full
    assert need(GB, recompute=True).full < need(GB).full
    config = TrainConfig(base="int8")
    assert 'Set [train] adapter = "lora": it needs' in afford.way(config, need(6 * GB, base="int8"))
    assert afford.way(TrainConfig(adapter="lora", base="float32"), need(GB, base="float32")) == (
        'Set [train] recompute = true and base = "int8", or fewer [feed] rows, or a shorter [model] context.'
    )


@pytest.mark.parametrize(("adapter", "available", "fits"), [("", 6, False), ("lora", 6, True), ("lora", 1, False)])
def test_a_run_that_clearly_does_not_fit_is_refused(adapter: Any, available: int, fits: bool) -> None:
    chosen = replace(Settings(), train=TrainConfig(adapter=adapter, base="int8"), feed=FeedSettings(rows=1))
    if fits:
        afford.refuse_shape(chosen, HALF_B, available * GB)
        return
    with pytest.raises(afford.TooLarge) as refused:
        afford.refuse_shape(chosen, HALF_B, available * GB)
    assert f"494 million weights needs some {'' if adapter else '1'}" in str(refused.value)
    assert "are there. Set [train] " in str(refused.value)


def test_up_says_what_this_machine_can_do() -> None:
    spec = families.new(vocab=tokenizer().vocab_size, context=64, width=32, layers=2, heads=2)
    lines = afford.sentences(Settings(), spec)
    assert len(lines) == 3 and "All weights are trained" in lines[2]
    for line, what in zip(lines, ("Training all weights", "An adapter (lora"), strict=False):
        assert line.startswith(what) and "that are there, and takes some" in line and "tokens a second" in line
    refused = afford.choices(TrainConfig(base="int8"), FeedSettings(), 64, HALF_B, 10_000_000)
    assert [line.endswith("it does not fit.") for line in refused] == [True, True, False]


def test_a_part_of_a_large_model_is_tried() -> None:
    tried = part(HALF_B)
    assert (tried.layers, tried.vocab, tried.width) == (2, 4096, 896)
    small = families.new(vocab=300, context=32, width=16, layers=1, heads=1)
    assert rate(small, TrainConfig(adapter="dora", base="int8", recompute=True)) > 0


def test_memory_is_the_least_of_what_the_kernel_and_the_group_say(tmp_path: Path) -> None:
    for file, text in {
        "proc/meminfo": "MemTotal: 9 kB\nMemAvailable:    5000 kB\n", "sys/fs/cgroup/memory.max": "3000000\n",
        "sys/fs/cgroup/memory.current": "1000000\n", "sys/fs/cgroup/memory.stat": "anon 4\ninactive_file 400000\n",
    }.items():  # fmt: skip
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).write_text(text)
    assert ram.available(tmp_path) == 2_400_000
    (tmp_path / "sys/fs/cgroup/memory.max").write_text("max\n")
    assert ram.available(tmp_path) == 5_120_000
    assert ram.available(tmp_path / "none") is None


def test_the_manifest_names_adapter_and_base(tmp_path: Path) -> None:
    path = trained(tmp_path / "c", DORA)
    manifest, base = read_manifest(path), read_manifest(tmp_path / "c/step-00000000")
    assert manifest.adapter is not None and manifest.base is not None
    assert (manifest.adapter.kind, manifest.adapter.rank, manifest.adapter.held) == ("dora", 6, "float32")
    assert (manifest.base.folder, manifest.base.model_version) == ("step-00000000", base.model_version)
    assert manifest.base.sha256 == base.sha256["model.safetensors"] and manifest.came_from == base.came_from
