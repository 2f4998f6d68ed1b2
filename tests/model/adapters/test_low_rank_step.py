"""Low-rank parts in the compiled step: the forward in float32, near it in bytes, the same bits in any batch."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from model import based, low_rank
from model.adapters import lora
from model.adapters.parts import parts
from model.adapters.spec import Adapter
from model.decoder.compiled import Compiled
from model.decoder.decoder import Decoder
from model.families import build
from model.families.gpt_bigcode.spec import GptBigcode
from model.families.products import products
from model.kernels.adapters.lengths import lengths
from model.kernels.adapters.low_rank import number
from model.kernels.adapters.parts import Part, packed
from model.kernels.isa import NAMES
from model.loading import load_base, load_model
from model.manifest import read_manifest
from tests.support.models import shapes
from tests.support.models.adapting import DORA, LORA, trained
from tests.support.models.stepped import Sequences, feed, ids, whole

SPECS = {
    "gpt_bigcode, one head of keys": shapes.bigcode(),
    "gpt_bigcode, a head of keys each": shapes.bigcode(kv_heads=4, scaled=False),
    "gpt_bigcode, odd sizes": shapes.bigcode(width=84, heads=6, mlp=50, tied=False, activation="gelu"),
    "llama": shapes.llama(),
    "qwen2": shapes.llama("qwen2"),
    "starcoder2, odd sizes": shapes.llama("starcoder2", heads=6, kv_heads=2, head_width=34, inner=70),
}
BIGCODE = ("c_attn", "c_proj", "c_fc")
LLAMA = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj", "c_fc", "c_proj")
KINDS: dict[str, dict[str, Any]] = {
    "lora": {},
    "dora": {"kind": "dora"},
    "rslora": {"rslora": True, "rank": 3},
    "some": {"targets": ("k_proj", "up_proj", "c_fc"), "rank": 2},
    "of one layer": {"kind": "dora", "modules": ("model.layers.1.self_attn.v_proj", "transformer.h.1.attn.c_attn")},
    "patterns": {
        "kind": "dora",
        "ranks": {
            "model.layers.0.self_attn.k_proj": 1, "model.layers.2.mlp.down_proj": 9, "transformer.h.0.mlp.c_fc": 5,
        },
        "alphas": {"model.layers.0.self_attn.q_proj": 1.0, "transformer.h.1.attn.c_proj": 20.0},
    },
}  # fmt: skip
CASES = [
    *((name, kind) for name in SPECS for kind in ("lora", "dora")),
    *((name, kind) for name in ("gpt_bigcode, a head of keys each", "qwen2") for kind in list(KINDS)[2:]),
]
ALL = pytest.mark.parametrize(("name", "kind"), CASES)


@cache
def base(name: str) -> Decoder:
    return shapes.decoder(SPECS[name])


def adapter_of(name: str, kind: str) -> Adapter:
    spec = SPECS[name]
    known = {path.rpartition(".")[2] for path in lora.paths(base(name))}
    usual = BIGCODE if isinstance(spec, GptBigcode) else LLAMA
    changes = {"kind": "lora", "rank": 4, "alpha": 6.0, "targets": usual} | KINDS[kind]
    changes["targets"] = tuple(t for t in changes["targets"] if t in known) or tuple(known)
    if "modules" in changes:
        changes["modules"] = tuple(path for path in changes["modules"] if path in lora.paths(base(name)))
    return Adapter(**changes)


def tensors_of(name: str, adapter: Adapter) -> dict[str, torch.Tensor]:
    """Random ones that bfloat16 holds."""
    generator, made = torch.Generator().manual_seed(2), {}
    for key, tensor in lora.first(base(name), adapter).items():
        noise = torch.randn(tensor.shape, generator=generator)
        if key.endswith("magnitude"):
            made[key] = tensor * (1 + 0.1 * noise)
        else:
            made[key] = (noise * (0.2 if key.endswith(".b") else 1 / tensor.shape[1] ** 0.5)).bfloat16().float()
    return {key: tensor.detach() for key, tensor in made.items()}


@cache
def adapted(name: str, kind: str) -> tuple[Decoder, list[Part]]:
    """By torch, and the parts of a step."""
    adapter = adapter_of(name, kind)
    tensors = tensors_of(name, adapter)
    arrays = {key: tensor.numpy() for key, tensor in tensors.items()}
    return lora.attach(base(name), adapter, tensors).eval(), parts(SPECS[name], adapter, arrays)


def step(name: str, kind: str, held: Any, threads: int = 1, way: Any = None) -> Any:
    plain: Any = base(name).compiled(held, threads, way)
    return Compiled(plain.step.beside(adapted(name, kind)[1]))


@ALL
def test_float32_is_the_adapter_s_forward(name: str, kind: str) -> None:
    model, tokens = adapted(name, kind)[0], ids(60)
    expected, plain = whole(model, tokens), whole(base(name), tokens)
    got = feed(Sequences(model.spec), step(name, kind, "float32"), tokens, 0, [1, 40, 1, 1, 3, 14])
    largest = np.abs(expected).max()
    np.testing.assert_allclose(got, expected, atol=2e-4 * largest, rtol=1e-4)
    assert np.abs(expected - plain).max() > 0.05 * largest, "the parts change something"


@ALL
def test_bytes_are_as_near_as_those_of_the_base(name: str, kind: str) -> None:
    """Twice the base's own error at most, against its own forward: rounding to bytes is all that is lost."""
    model, tokens = adapted(name, kind)[0], ids(60)
    own = feed(Sequences(model.spec), base(name).compiled("int8"), tokens, 0, [60]) - whole(base(name), tokens)
    expected = whole(model, tokens)
    error = feed(Sequences(model.spec), step(name, kind, "int8"), tokens, 0, [30, 1, 29]) - expected
    assert np.abs(error).mean() / expected.std() < 2 * np.abs(own).mean() / whole(base(name), tokens).std()


@pytest.mark.parametrize("held", ["float32", "int8"])
@pytest.mark.parametrize(("name", "kind"), [("starcoder2, odd sizes", "lora"), ("qwen2", "dora"), ("qwen2", "some")])
def test_a_row_has_the_same_bits_alone_in_any_batch_and_on_any_threads(name: str, kind: str, held: Any) -> None:
    spec, tokens = SPECS[name], ids(50)
    expected = feed(Sequences(spec), step(name, kind, held), tokens, 0, [1] * 50)
    for threads, chunks in ((1, [50]), (2, [33, 1, 2, 14]), (3, [1, 1, 48])):
        assert np.array_equal(feed(Sequences(spec), step(name, kind, held, threads), tokens, 0, chunks), expected)
    both, sequences = step(name, kind, held, 2), Sequences(spec)
    rows = [(int(token), n, which) for n, token in enumerate(tokens) for which in range(2)]
    assert np.array_equal(sequences.run(both, rows)[::2], expected)


@pytest.mark.parametrize("held", ["float32", "int8"])
def test_the_base_and_its_other_adapters_stay_as_they_are(held: Any) -> None:
    spec, tokens = SPECS["qwen2"], ids(40)
    plain: Any = base("qwen2").compiled(held)
    before = feed(Sequences(spec), plain, tokens, 0, [40])
    steps = [plain.step.beside(adapted("qwen2", kind)[1]) for kind in ("lora", "dora")]
    first = [feed(Sequences(spec), Compiled(one), tokens, 0, [40]) for one in steps]
    assert np.array_equal(feed(Sequences(spec), plain, tokens, 0, [40]), before)
    assert steps[0].weights.tiles is steps[1].weights.tiles is plain.step.weights.tiles
    again = steps[1].beside(adapted("qwen2", "lora")[1])
    assert np.array_equal(feed(Sequences(spec), Compiled(again), tokens, 0, [40]), first[0]), "in place of the dora"
    assert not np.array_equal(first[0], first[1])
    assert np.array_equal(feed(Sequences(spec), Compiled(steps[0].beside([])), tokens, 0, [40]), before)


@pytest.mark.parametrize("held", ["float32", "int8"])
def test_lengths_are_those_of_the_rows(held: Any) -> None:
    model, made = adapted("starcoder2, odd sizes", "dora")
    plain: Any = base("starcoder2, odd sizes").compiled(held)
    for at, part in enumerate(made[:6]):
        name = ("q", "k", "v", "out", "up", "down")[at]
        module: Any = model.blocks[part.layer].get_submodule(name).base
        a_RI, b_OR = torch.from_numpy(part.a_RI), torch.from_numpy(part.b_OR)
        expected = lora.lengths(module, a_RI, b_OR, part.scale).detach().numpy()
        near = 1e-5 if held == "float32" else 5e-3
        np.testing.assert_allclose(lengths(plain.step.weights, part), expected, rtol=near)


def test_numbers_are_rounded_to_the_nearest_bfloat16() -> None:
    draw = np.random.default_rng(4)
    a_RI, b_OR = draw.standard_normal((2, 45), np.float32), draw.standard_normal((64, 2), np.float32)
    a_RI[0, :3] = 1 + np.array([2**-8, 3 * 2**-8, -(2**-9)])  # two ties, and one that bfloat16 holds
    low = packed(NAMES["plain"], 1, {(0, 0): [Part(0, 0, 0, a_RI, b_OR, 1.0)]})
    got = [[number(low.numbers, row * 64, i) for i in range(45)] for row in range(2)]
    assert np.array_equal(np.array(got), torch.from_numpy(a_RI).bfloat16().float().numpy())
    tile = np.array([[number(low.numbers, 128 + k * 32, i) for i in range(32)] for k in range(2)])
    assert np.array_equal(tile.T, torch.from_numpy(b_OR[:32]).bfloat16().float().numpy())


@pytest.mark.parametrize("name", SPECS)
def test_products_are_of_the_modules_shapes(name: str) -> None:
    known = {key: tuple(t.shape) for key, t in build.empty(SPECS[name]).state_dict().items()}
    for product in products(SPECS[name]):
        for member in product.members:
            assert known[f"blocks.0.{member.name}.weight"] == (member.outputs, product.inputs)


FAMILIES = ["qwen2, default", "gpt_bigcode, MHA"]


@pytest.mark.parametrize("name", FAMILIES)
@pytest.mark.parametrize("config", [LORA, DORA], ids=lambda config: config.adapter)
def test_a_checkpoint_s_adapter_stands_beside_its_base_s_step(tmp_path: Path, config: Any, name: str) -> None:
    path = trained(tmp_path / "c", replace(config, learning_rate=1e-2), name=name)
    manifest, tokens = read_manifest(path), ids(40)
    folder, its = based.base_of(path, manifest)
    plain: Any = load_base(folder, its).eval().compiled("float32")
    got = Compiled(low_rank.beside(plain.step, path, manifest))
    expected = whole(load_model(path)[0], tokens)
    np.testing.assert_allclose(feed(Sequences(manifest.model), got, tokens, 0, [40]), expected, atol=1e-4, rtol=1e-4)
    assert np.abs(feed(Sequences(manifest.model), plain, tokens, 0, [40]) - expected).max() > 1e-3


def test_bfloat16_is_read_as_torch_reads_it(tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    from model.adapters import peft_files, peft_reading

    path = trained(tmp_path / "c")
    file = path / "adapter_model.safetensors"
    save_file({key: (tensor + 0.3).bfloat16() for key, tensor in load_file(file).items()}, file)
    spec = read_manifest(path).model
    ours, theirs = peft_reading.read(path, spec)[1], peft_files.read(path, spec)[1]
    assert ours.keys() == theirs.keys() and len(ours) == 2 * 3 * 7
    for key, array in ours.items():
        assert theirs[key].dtype == torch.bfloat16
        assert np.array_equal(peft_reading.widened(array), theirs[key].float().numpy()) and array.any()


def test_an_adapter_is_read_without_torch(tmp_path: Path) -> None:
    path = trained(tmp_path / "c", DORA)
    program = (
        "import sys; from pathlib import Path; from model import low_rank, manifest; from model.adapters import parts\n"
        "path = Path(sys.argv[1]); its = manifest.read_manifest(path); low_rank.base_of(path, its)\n"
        "made = parts.parts(its.model, its.adapter, low_rank.arrays(path, its))\n"
        "import model.kernels.compiled\n"
        "print(len(made), 'torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program, str(path)], capture_output=True, text=True, check=True)
    assert done.stdout.split() == [str(3 * 7), "False"]
