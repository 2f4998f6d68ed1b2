"""GGUF files as the gguf package reads them back: metadata, tensors, and what is refused."""

from __future__ import annotations

import math
import sys
from pathlib import Path
from typing import Any

import gguf
import numpy as np
import pytest
import torch

from model.families import Spec
from model.families.llama.scaling import Scaling
from model.families.reading import Refused
from model.gguf.export import export
from model.gguf.tensors import KINDS
from model.manifest import CheckpointError
from tests.support.models import shapes


def read(path: Path) -> tuple[dict[str, Any], dict[str, gguf.ReaderTensor]]:
    reader = gguf.GGUFReader(path)
    keys = {name: field.contents() for name, field in reader.fields.items() if not name.startswith("GGUF.")}
    return keys, {tensor.name: tensor for tensor in reader.tensors}


def exported(tmp_path: Path, spec: Spec, kind: str = "f32") -> tuple[Any, dict[str, Any], dict[str, gguf.ReaderTensor]]:
    """The weights by our names, the metadata, the tensors."""
    model = shapes.decoder(spec)
    export(shapes.written(tmp_path / "c", model), tmp_path / "m.gguf", kind)
    keys, tensors = read(tmp_path / "m.gguf")
    return model.state_dict(), keys, tensors


def test_a_gpt_bigcode_s_file(tmp_path: Path) -> None:
    model = shapes.decoder(shapes.bigcode())
    folder = shapes.written(tmp_path / "c", model)
    (tmp_path / "m.gguf").write_bytes(b"what was there before")
    report = export(folder, tmp_path / "m.gguf", "f32")
    assert [p.name for p in sorted(tmp_path.iterdir())] == ["c", "m.gguf"]
    assert (tmp_path / "m.gguf").stat().st_mode & 0o777 == 0o600
    keys, tensors = read(tmp_path / "m.gguf")
    shape = {k.removeprefix("starcoder."): v for k, v in keys.items() if k.startswith("starcoder.")}
    assert shape == {
        "context_length": 256, "embedding_length": 64, "block_count": 3, "feed_forward_length": 256,
        "vocab_size": shapes.ROWS, "attention.head_count": 4, "attention.head_count_kv": 1,
        "attention.layer_norm_epsilon": pytest.approx(1e-5),
    }  # fmt: skip
    assert keys["general.architecture"] == "starcoder" and keys["general.name"].startswith("step-00000001-")
    assert keys["general.file_type"] == 0 and "output.weight" not in tensors and len(tensors) == 4 + 3 * 12
    for ours, theirs in (
        ("tokens.weight", "token_embd.weight"), ("positions.weight", "position_embd.weight"),
        ("norm.bias", "output_norm.bias"), ("blocks.2.qkv.weight", "blk.2.attn_qkv.weight"),
        ("blocks.1.out.bias", "blk.1.attn_output.bias"), ("blocks.0.down.weight", "blk.0.ffn_down.weight"),
    ):  # fmt: skip
        assert np.array_equal(tensors[theirs].data, model.state_dict()[ours])
    assert report == {
        "file": str(tmp_path / "m.gguf"), "bytes": (tmp_path / "m.gguf").stat().st_size, "kind": "f32",
        "architecture": "starcoder", "context": 256, "pre_tokenizer": "smollm", "tensors": {"f32": 40}, "notes": [],
    }  # fmt: skip


@pytest.mark.parametrize("variant", shapes.VARIANTS)
def test_the_rows_of_queries_and_keys_are_in_the_order_of_the_graph(variant: str, tmp_path: Path) -> None:
    spec = shapes.llama(variant)
    weights, keys, tensors = exported(tmp_path, spec)
    arch, half = keys["general.architecture"], spec.head_width // 2
    interleaved = arch in ("llama", "granite")
    for part, heads in (("q", spec.heads), ("k", spec.kv_heads), ("v", spec.kv_heads)):
        own = weights[f"blocks.1.{part}.weight"].view(heads, spec.head_width, -1)
        there = np.array(tensors[f"blk.1.attn_{part}.weight"].data).reshape(own.shape)
        for i in range(half):
            one, two = (2 * i, 2 * i + 1) if interleaved and part != "v" else (i, i + half)
            assert np.array_equal(there[:, one], own[:, i]) and np.array_equal(there[:, two], own[:, i + half])
    assert keys[f"{arch}.rope.dimension_count"] == keys[f"{arch}.attention.key_length"] == spec.head_width
    assert keys[f"{arch}.rope.freq_base"] == spec.theta
    norm = "layer_norm_epsilon" if variant == "starcoder2" else "layer_norm_rms_epsilon"
    assert keys[f"{arch}.attention.{norm}"] == pytest.approx(spec.epsilon)
    assert f"{arch}.rope.scaling.type" not in keys and "rope_freqs.weight" not in tensors
    assert ("output.weight" in tensors) != spec.tied


def test_granite_s_scales(tmp_path: Path) -> None:
    _, keys, _ = exported(tmp_path, shapes.llama("granite"))
    names = ("embedding_scale", "attention.scale", "residual_scale", "logit_scale")
    assert [keys[f"granite.{name}"] for name in names] == pytest.approx([2.0, 0.2, 0.5, 3.0])


@pytest.mark.parametrize(("kind", "factor"), [("linear", None), ("yarn", 1.0), ("yarn by mscale", None)])
def test_scaled_rotary_positions(kind: str, factor: float | None, tmp_path: Path) -> None:
    _, keys, _ = exported(tmp_path, shapes.llama(scaling=shapes.SCALINGS[kind]))
    found = {k.removeprefix("llama.rope.scaling."): v for k, v in keys.items() if ".rope.scaling." in k}
    expected: dict[str, Any] = {"type": kind.split()[0], "factor": 4.0}
    if kind != "linear":
        # what sine and cosine are multiplied by; llama.cpp multiplies with the last of the three by itself
        part, all_dimensions, plain = (0.1 * scale * math.log(4) + 1 for scale in (0.7, 0.4, 1.0))
        expected |= {"original_context_length": 64, "attn_factor": factor or part / all_dimensions / plain}
    assert found == {k: v if isinstance(v, str) else pytest.approx(v) for k, v in expected.items()}


def test_llama3_s_scaling_is_a_tensor(tmp_path: Path) -> None:
    _, _, tensors = exported(tmp_path, shapes.llama(scaling=shapes.SCALINGS["llama3"]))
    factors = tensors["rope_freqs.weight"].data
    assert factors.shape == (8,) and factors[0] == 1 and factors[-1] == pytest.approx(8)
    assert (np.diff(factors) >= 0).all()


@pytest.mark.parametrize("kind", KINDS)
def test_the_types_of_tensors(kind: str, tmp_path: Path) -> None:
    """As the library converts them; one row of 80 numbers is no whole number of q8_0's blocks."""
    weights, keys, tensors = exported(tmp_path, shapes.bigcode(mlp=80), kind)
    types = gguf.GGMLQuantizationType
    matrix = types[kind.upper()]
    assert gguf.LlamaFileType(keys["general.file_type"]).name in ("ALL_F32", f"MOSTLY_{kind.upper()}")
    assert {tensors[n].tensor_type for n in ("position_embd.weight", "output_norm.weight", "blk.0.ffn_up.bias")} == {
        types.F32
    }
    own = {"token_embd.weight": "tokens.weight", "blk.0.ffn_down.weight": "blocks.0.down.weight"}
    for name, ours in own.items():
        expected = types.F16 if kind == "q8_0" and "down" in name else matrix
        data = gguf.quantize(weights[ours].numpy(), expected)
        assert tensors[name].tensor_type == expected
        assert np.array_equal(np.array(tensors[name].data).view(np.uint8).ravel(), data.view(np.uint8).ravel())


def test_what_float16_cannot_hold_is_refused_and_leaves_nothing(tmp_path: Path) -> None:
    model = shapes.decoder(shapes.bigcode())
    with torch.no_grad():
        model.tokens.weight[3, 3] = 70_000
    folder = shapes.written(tmp_path / "c", model)
    with pytest.raises(Refused, match=r"token_embd\.weight .* 65504, which f16 cannot hold: choose bf16"):
        export(folder, tmp_path / "m.gguf", "f16")
    assert [p.name for p in tmp_path.iterdir()] == ["c"]
    assert export(folder, tmp_path / "m.gguf", "bf16")["kind"] == "bf16"


def test_a_window_shortens_the_context(tmp_path: Path) -> None:
    for number, (spec, context) in enumerate((
        (shapes.llama("starcoder2"), 128), (shapes.llama("mistral", window=0), 256),
        (shapes.llama("mistral", window=512), 256),
        (shapes.llama("qwen2", window=64, windowed=(False, True, True)), 64),
    )):  # fmt: skip
        folder = shapes.written(tmp_path / str(number), shapes.decoder(spec))
        report = export(folder, tmp_path / "m.gguf", "f16")
        assert report["context"] == context and len(report["notes"]) == (context < 256)
        assert read(tmp_path / "m.gguf")[0][f"{report['architecture']}.context_length"] == context


REFUSED = (
    (shapes.llama(scaling=Scaling(kind="dynamic", factor=2.0, original=64)), "by the length of each sequence"),
    (shapes.llama("qwen2", scaling=shapes.SCALINGS["llama3"]), "llama3's scaling .* not known to qwen2"),
    (shapes.llama(scaling=Scaling(kind="yarn", factor=2.0, original=64, beta_fast=16)), "beta_fast"),
    (shapes.llama(scaling=Scaling(kind="yarn", factor=2.0, original=64, truncate=False)), "truncate"),
    (shapes.llama(activation="gelu"), "the activation is gelu, and llama's is silu"),
    (shapes.llama("starcoder2", activation="gelu"), "the activation is gelu, and starcoder2's is gelu_tanh"),
    (shapes.llama("starcoder2", qkv_bias=False), "starcoder2 must have biases of queries"),
    (shapes.llama("starcoder2", head_width=32), "4 heads of 32 are not 64 wide, as starcoder2's must be"),
    (shapes.llama("qwen2", head_width=32), "4 heads of 32 are not 64 wide"),
    (shapes.llama("qwen3", qkv_bias=True), "qwen3 has no biases of queries"),
    (shapes.llama("qwen3", out_bias=True), "qwen3 has no biases of attention's output"),
    (shapes.llama(residual_scale=0.5), "llama has no scales"),
    (shapes.bigcode(activation="gelu"), "the activation is gelu"),
    (shapes.bigcode(scaled=False), "not divided by the root"),
)


@pytest.mark.parametrize(("spec", "word"), REFUSED, ids=[word for _, word in REFUSED])
def test_what_llama_cpp_cannot_run_is_refused(spec: Spec, word: str, tmp_path: Path) -> None:
    folder = shapes.written(tmp_path / "c", shapes.decoder(spec))
    with pytest.raises(Refused, match=f"llama.cpp cannot run this model: .*{word}"):
        export(folder, tmp_path / "m.gguf", "f32")
    assert not (tmp_path / "m.gguf").exists()


def test_what_is_no_checkpoint_or_no_type_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = shapes.written(tmp_path / "c", shapes.decoder(shapes.bigcode()))
    with pytest.raises(Refused, match="'q4_0' is no type of weights: f32, f16, bf16, q8_0 are"):
        export(folder, tmp_path / "m.gguf", "q4_0")
    with (folder / "model.safetensors").open("r+b") as file:
        file.seek(-4, 2)
        file.write(b"torn")
    with pytest.raises(CheckpointError, match="not what was written"):
        export(folder, tmp_path / "m.gguf", "f32")
    monkeypatch.setitem(sys.modules, "gguf", None)  # as on a machine without the extra
    with pytest.raises(Refused, match=r"pip install 'midstream\[gguf\]'"):
        export(folder, tmp_path / "m.gguf", "f32")
