"""Adapters beside the `peft` package: it reads ours and we read its, to the same logits."""

from __future__ import annotations

import json
import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from model.adapters import peft_files
from model.families.reading import Refused
from model.importing import import_adapter, read
from model.loading import load_model
from model.manifest import ADAPTER, ADAPTER_CONFIG, read_manifest
from tests.support.models.adapting import LORA, QWEN, begun, logits, some_ids, trained
from tests.support.models.brought import run, settings_file
from tests.support.models.foreign import AutoModelForCausalLM, model, save

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from peft import LoraConfig, PeftModel, get_peft_model

FAMILIES = (QWEN, "gpt_bigcode, MQA", "gpt_bigcode, MHA", "starcoder2, default", "granite, biases")


@pytest.mark.parametrize("kind", ["lora", "dora"])
@pytest.mark.parametrize("name", FAMILIES)
def test_peft_reads_ours(tmp_path: Path, name: str, kind: str) -> None:
    path = trained(tmp_path / "c", replace(LORA, adapter=kind), name=name)
    ours, _, _ = load_model(path)
    theirs = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(tmp_path / "c/step-00000000"), path).eval()
    ids = some_ids()
    plain, mine = model(name)(input_ids=ids).logits, logits(ours, ids)
    with torch.inference_mode():
        expected = theirs(input_ids=ids).logits
    assert (mine - expected).abs().max() < 1e-4 < 1e-2 < (mine - plain).abs().max()


SETTINGS: dict[str, dict[str, Any]] = {
    "lora": {},
    "dora": {"use_dora": True},
    "rslora": {"use_rslora": True, "r": 3},
    "some modules of some layers": {"target_modules": ["q_proj", "up_proj"], "layers_to_transform": [0, 2]},
    "patterns": {
        "rank_pattern": {"layers.1.self_attn.q_proj": 2, "down_proj": 7},
        "alpha_pattern": {r"model\.layers\.0\.mlp\.gate_proj": 31, "k_proj": 5},
    },
    "patterns of dora": {"use_dora": True, "rank_pattern": {"down_proj": 7}, "alpha_pattern": {"down_proj": 3}},
}
ALL = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]


def of_peft(folder: Path, **settings: Any) -> Any:
    """A model with an adapter of random numbers, which it writes to the folder."""
    made = get_peft_model(
        AutoModelForCausalLM.from_pretrained(folder.parent / "c/step-00000000"),
        LoraConfig(**{"r": 4, "lora_alpha": 9, "target_modules": ALL, "task_type": "CAUSAL_LM", **settings}),
    )
    torch.manual_seed(1)
    for parameter_name, parameter in made.named_parameters():
        if "lora_" in parameter_name:
            with torch.no_grad():
                factor = 1 + 0.2 * torch.rand_like(parameter)
                parameter.copy_(
                    parameter * factor if "magnitude" in parameter_name else torch.randn_like(parameter) / 4
                )
    made.save_pretrained(folder)
    return made.eval()


@pytest.mark.parametrize("name", SETTINGS)
def test_we_read_peft_s_and_it_reads_that_again(tmp_path: Path, name: str) -> None:
    begun(tmp_path / "c")
    theirs, ids = of_peft(tmp_path / "theirs", **SETTINGS[name]), some_ids()
    import_adapter(tmp_path / "theirs", tmp_path / "c", LORA)
    path = tmp_path / "c/step-00000000.1"
    ours, manifest, _ = load_model(path)
    with torch.inference_mode():
        expected = theirs(input_ids=ids).logits
        plain = model(QWEN)(input_ids=ids).logits
    assert manifest.adapter is not None and manifest.bits_per_byte is None
    assert (logits(ours, ids) - expected).abs().max() < 1e-4 < 0.1 < (plain - expected).abs().max()
    before, after = load_file(tmp_path / "theirs" / ADAPTER), load_file(path / ADAPTER)
    assert before.keys() == after.keys() and all(torch.equal(before[key], after[key]) for key in before)
    base = AutoModelForCausalLM.from_pretrained(tmp_path / "c/step-00000000")
    with torch.inference_mode():
        again = PeftModel.from_pretrained(base, path).eval()(input_ids=ids).logits
    assert (again - expected).abs().max() < 1e-5


def test_the_command_imports_an_adapter_and_writes_it_alone_and_merged(tmp_path: Path) -> None:
    begun(tmp_path / "c")
    theirs, config = of_peft(tmp_path / "theirs", use_dora=True), settings_file(tmp_path)
    save(QWEN, tmp_path / "model")
    done = run(config, "models", "import", str(tmp_path / "theirs"))
    assert done.exit_code == 1 and "import its base's weights first" in done.output
    assert run(config, "models", "import", str(tmp_path / "model")).exit_code == 0
    done = run(config, "models", "import", str(tmp_path / "theirs"))
    assert done.exit_code == 0 and 'adapter = "dora", rank = 4, alpha = 9' in done.output
    shown = json.loads(run(config, "models", "show", "--json").output)
    assert shown["adapter"] == "dora, rank 4, alpha 9" and shown["base"].startswith("step-00000000-")
    for target in ("peft", "hf"):
        done = run(config, "models", "export", "--to", target, str(tmp_path / target))
        assert done.exit_code == 0, done.output
    assert {p.name for p in (tmp_path / "peft").iterdir()} == {ADAPTER, ADAPTER_CONFIG}
    assert json.loads((tmp_path / "peft" / ADAPTER_CONFIG).read_text())["base_model_name_or_path"] == str(
        tmp_path / "model"
    )
    ids = some_ids()
    with torch.inference_mode():
        expected = theirs(input_ids=ids).logits
        merged = AutoModelForCausalLM.from_pretrained(tmp_path / "hf").eval()(input_ids=ids).logits
        alone = PeftModel.from_pretrained(model(QWEN), tmp_path / "peft").eval()
        beside = alone(input_ids=ids).logits
        alone.unload()  # the model is every test's
    assert (merged - expected).abs().max() < 1e-3 and (beside - expected).abs().max() < 1e-4


def test_a_gguf_file_of_an_adapter_holds_merged_weights(tmp_path: Path) -> None:
    from gguf import GGUFReader

    path = trained(tmp_path / "c")
    from model.gguf.export import export

    export(path, tmp_path / "a.gguf", "f32")
    ours, _, _ = load_model(path)
    part = ours.blocks[1].down
    expected = part.base.weight + part.scale * part.b @ part.a
    written = next(t for t in GGUFReader(tmp_path / "a.gguf").tensors if t.name == "blk.1.ffn_down.weight")
    assert torch.allclose(torch.from_numpy(written.data.copy()), expected, atol=1e-6)
    assert not torch.allclose(expected, part.base.weight, atol=1e-6)


CHANGES: dict[str, tuple[dict[str, Any], str]] = {
    "another kind": ({"peft_type": "IA3"}, "peft_type is 'IA3', and only LORA is read"),
    "biases": ({"bias": "all"}, "bias is 'all'"),
    "modules": ({"modules_to_save": ["lm_head"]}, "modules_to_save is set, and is not read here"),
    "unknown": ({"brand_new": 3}, "brand_new is set, and is not read here"),
    "other base": ({"init_lora_weights": "pissa_niter_4"}, "changes the base's own weights"),
    "rank": ({"r": 5}, "the config says rank 5, and the tensors have 4"),
    "no rank": ({"r": "4"}, "r is 4, and must be a number above 0"),
    "alpha": ({"lora_alpha": float("nan")}, "lora_alpha is nan, and must be a number above 0"),
    "pattern": ({"alpha_pattern": {"(a+)+": 3}}, "only paths are read there"),
    "dora": ({"use_dora": True}, "lacks lora_magnitude_vector"),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_config_that_is_not_read_is_refused_by_its_name(tmp_path: Path, name: str) -> None:
    begun(tmp_path / "c")
    of_peft(tmp_path / "theirs")
    changes, said = CHANGES[name]
    path = tmp_path / "theirs" / ADAPTER_CONFIG
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))
    with pytest.raises(Refused) as refused:
        peft_files.read(path.parent, read(tmp_path / "c-source").spec)
    assert said in str(refused.value)


Q = "base_model.model.model.layers.0.self_attn.q_proj"
TENSORS: dict[str, tuple[dict[str, torch.Tensor | None], str]] = {
    "shape": ({f"{Q}.lora_B.weight": torch.zeros(31, 4)}, "is of shape [31, 4], and must be [32, 4]"),
    "half": ({f"{Q}.lora_B.weight": None}, "q_proj: lacks lora_B.weight"),
    "no matrix": ({f"{Q}.lora_A.weight": torch.zeros(4)}, "lora_A is of shape [4]"),
    "whole numbers": ({f"{Q}.lora_A.weight": torch.zeros(4, 32, dtype=torch.int8)}, "is of type I8"),
    "not finite": ({f"{Q}.lora_A.weight": torch.full((4, 32), torch.inf)}, "not finite numbers"),
    "embedding": ({"base_model.model.model.embed_tokens.lora_A.weight": torch.zeros(4, 32)}, "embed_tokens"),
    "head": ({"base_model.model.lm_head.lora_A.weight": torch.zeros(4, 32)}, "no low-rank part of lm_head here"),
    "layer": ({f"{Q.replace('0', '9')}.lora_A.weight": torch.zeros(4, 32)}, "model.layers.9.self_attn.q_proj"),
    "something": ({f"{Q}.weight": torch.zeros(32, 32)}, "is none of .lora_A.weight"),
}


@pytest.mark.parametrize("name", TENSORS)
def test_tensors_that_do_not_fit_are_refused(tmp_path: Path, name: str) -> None:
    begun(tmp_path / "c")
    of_peft(tmp_path / "theirs")
    changes, said = TENSORS[name]
    path = tmp_path / "theirs" / ADAPTER
    kept = {key: tensor for key, tensor in {**load_file(path), **changes}.items() if tensor is not None}
    save_file(kept, path)
    with pytest.raises(Refused) as refused:
        peft_files.read(path.parent, read(tmp_path / "c-source").spec)
    assert said in str(refused.value)


@pytest.mark.parametrize(
    ("data", "said"),
    [(b"", "no whole safetensors file"), (b"\xff" * 8, "header of more than 16 MiB"), (b"\x10" + bytes(7) + b"{",
     "no whole safetensors file"), ((2).to_bytes(8, "little") + b"{}", "holds nothing")],
)  # fmt: skip
def test_a_file_that_is_torn_or_huge_is_refused(tmp_path: Path, data: bytes, said: str) -> None:
    begun(tmp_path / "c")
    of_peft(tmp_path / "theirs")
    (tmp_path / "theirs" / ADAPTER).write_bytes(data)
    with pytest.raises(Refused) as refused:
        peft_files.read(tmp_path / "theirs", read(tmp_path / "c-source").spec)
    assert said in str(refused.value)


def test_pickles_are_not_opened(tmp_path: Path) -> None:
    begun(tmp_path / "c")
    of_peft(tmp_path / "theirs")
    (tmp_path / "theirs" / ADAPTER).rename(tmp_path / "theirs/adapter_model.bin")
    with pytest.raises(Refused, match="only safetensors are read"):
        import_adapter(tmp_path / "theirs", tmp_path / "c", LORA)
    assert read_manifest(tmp_path / "c/step-00000000").adapter is None
