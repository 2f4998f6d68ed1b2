"""Weights that somebody brings become the first checkpoint, which transformers opens; the rest is refused."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from model import importing
from model.families.reading import Refused
from model.fim.formats import STARCODER
from model.loading import load_all, load_model
from model.manifest import MANIFEST, folders, latest, read_manifest
from tests.support.models.brought import run, settings_file
from tests.support.models.foreign import edit, model, save
from tests.support.models.tiny import tokenizer

NAME = "qwen2, default"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return save(NAME, tmp_path / "model")


@pytest.fixture
def config(tmp_path: Path) -> Path:
    return settings_file(tmp_path)


def opened(folder: Path) -> Any:
    from transformers import AutoModelForCausalLM

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        return AutoModelForCausalLM.from_pretrained(folder, attn_implementation="eager").eval()


@pytest.mark.parametrize("name", ["qwen2, default", "gpt_bigcode, odd", "starcoder2, yarn", "granite, llama3"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_checkpoint_is_a_folder_that_transformers_opens(tmp_path: Path, name: str, dtype: torch.dtype) -> None:
    source = save(name, tmp_path / "model", dtype, shard="20KB")
    assert len(list(source.glob("*.safetensors"))) > 2
    manifest = importing.import_model(importing.read(source), tmp_path / "checkpoints", "model", 96, keep=2)
    path = latest(tmp_path / "checkpoints")
    assert path is not None and manifest.is_worth_serving and (manifest.step, manifest.length) == (0, 96)
    decoder, _, _ = load_model(path)
    theirs = opened(path)
    assert theirs.dtype == decoder.tokens.weight.dtype == dtype
    before = model(name).state_dict()
    for key, tensor in theirs.state_dict().items():
        assert torch.equal(tensor, before[key].to(dtype)), key
    ids = torch.arange(40)[None]
    with torch.inference_mode():
        got = decoder.float()(ids, torch.arange(40)[None], torch.zeros_like(ids))
        torch.testing.assert_close(got, theirs.float()(input_ids=ids, use_cache=False).logits, atol=1e-4, rtol=1e-4)


def test_the_tokenizer_of_a_checkpoint_is_opened_too(tmp_path: Path) -> None:
    from transformers import AutoTokenizer

    folder = save("gpt_bigcode, MQA", tmp_path / "model")
    importing.import_model(importing.read(folder), tmp_path / "checkpoints", "model", 96, keep=2)
    theirs = AutoTokenizer.from_pretrained(latest(tmp_path / "checkpoints"))
    text = "def f(x):\n    return x + 1  # é 日本\n"
    assert theirs(text)["input_ids"] == tokenizer().encode(text) and theirs.decode(theirs(text)["input_ids"]) == text
    assert theirs.eos_token == STARCODER.end


def test_import_show_and_export_there_and_back(folder: Path, config: Path, tmp_path: Path) -> None:
    done = run(config, "models", "import", str(folder))
    assert done.exit_code == 0 and "qwen2" in done.output and "format starcoder" in done.output, done.output
    facts = json.loads(run(config, "models", "show", "--json").output)
    assert (facts["family"], facts["imported"], facts["context"], facts["step"]) == ("qwen2", "model", 96, 0)
    assert "96 ([model] context, of the 128 that the weights can)" in run(config, "models", "show").output
    assert (tmp_path / "state/tokenizer.json").read_text() == tokenizer().json
    out = tmp_path / "out"
    assert run(config, "models", "export", "--to", "hf", str(out)).exit_code == 0
    assert run(config, "models", "export", "--to", "hf", str(out)).exit_code == 1
    assert not (out / MANIFEST).exists() and not (out / "feed.msgpack").exists()
    assert json.loads(run(config, "models", "show", str(out), "--json").output)["parameters"] == facts["parameters"]
    assert all(torch.equal(t, model(NAME).state_dict()[k]) for k, t in opened(out).state_dict().items())
    again = run(config, "models", "import", str(folder))
    assert again.exit_code == 1 and "has checkpoints already" in again.output


def test_the_files_that_came_with_the_weights_stay(folder: Path, tmp_path: Path) -> None:
    (folder / "generation_config.json").write_text('{"temperature": 0.25}')
    edit(folder, our_own="kept", torch_dtype="float64")
    importing.import_model(importing.read(folder), tmp_path / "c", "model", 96, keep=2)
    contents = load_all(folders(tmp_path / "c")[0])
    assert json.loads(contents.side_files["generation_config.json"]) == {"temperature": 0.25}
    keys = json.loads(contents.side_files["config.json"])
    assert keys["our_own"] == "kept" and keys["dtype"] == keys["torch_dtype"] == "float32"


def rename(folder: Path, change: Any) -> None:
    path = folder / "model.safetensors"
    save_file(change(load_file(path)), path, metadata={"format": "pt"})


def without(tensors: dict[str, torch.Tensor], key: str) -> dict[str, torch.Tensor]:
    return {k: t for k, t in tensors.items() if k != key}


def indexed(folder: Path, file: str) -> None:
    (folder / "model.safetensors").unlink()
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": {"a": file}}))


def twice(folder: Path) -> None:
    """Two files of an index that share a weight."""
    tensors = load_file(folder / "model.safetensors")
    (folder / "model.safetensors").unlink()
    save_file(tensors, folder / "a.safetensors")
    save_file({KEY: tensors[KEY] * 2}, folder / "b.safetensors")
    table = dict.fromkeys(tensors, "a.safetensors") | {KEY: "b.safetensors"}
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": table}))


LFS = b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 9\n"
KEY = "model.layers.1.mlp.up_proj.weight"
BROKEN: dict[str, tuple[Any, str]] = {
    "another model": (lambda f: edit(f, model_type="bert"), r"model_type is 'bert', and these are known: gpt_bigcode"),
    "quantised": (lambda f: edit(f, quantization_config={"bits": 4}), "quantised"),
    "another activation": (lambda f: edit(f, hidden_act="mish"), "hidden_act is 'mish'"),
    "longrope": (
        lambda f: edit(f, rope_parameters=None, rope_scaling={"type": "longrope", "factor": 2}), "scaled by 'longrope'",
    ),
    "half of the rotation": (lambda f: edit(f, partial_rotary_factor=0.5), "partial_rotary_factor is 0.5"),
    "words for numbers": (lambda f: edit(f, num_hidden_layers="three"), "num_hidden_layers is 'three'"),
    "heads that do not divide": (lambda f: edit(f, num_key_value_heads=3), "multiple of num_key_value_heads, 3"),
    "no JSON": (lambda f: (f / "config.json").write_text("{"), "config.json is no JSON"),
    "no config": (lambda f: (f / "config.json").unlink(), "there is no config.json"),
    "wrong shape": (lambda f: edit(f, intermediate_size=47), r"is of shape \[32, 48\], and must be \[32, 47\]"),
    "a tied head of another shape": (
        lambda f: (edit(f, tie_word_embeddings=True), rename(f, lambda t: {**t, "lm_head.weight": torch.ones(9, 32)})),
        r"lm_head.weight is of shape \[9, 32\], and must be \[336, 32\]",
    ),
    "missing": (lambda f: rename(f, lambda t: without(t, KEY)), f"1 weights are missing, {KEY}"),
    "too much": (
        lambda f: rename(f, lambda t: {**t, "model.layers.9.mlp.up_proj.weight": torch.zeros(2)}), "no place",
    ),
    "not finite": (lambda f: rename(f, lambda t: {**t, KEY: t[KEY] * float("nan")}), "not finite numbers: "),
    "whole numbers": (lambda f: rename(f, lambda t: {**t, KEY: t[KEY].long()}), "of type I64"),
    "torn": (
        lambda f: (f / "model.safetensors").write_bytes((f / "model.safetensors").read_bytes()[:-9]),
        "no whole safetensors",
    ),
    "torn shards": (
        lambda f: indexed(f, "x-1.safetensors"),
        "1 of 1 files of weights are not there: x-1.safetensors",
    ),
    "shards elsewhere": (
        lambda f: indexed(f, "../x.safetensors"),
        "names no files of this folder",
    ),
    "a pickle": (lambda f: (f / "model.safetensors").rename(f / "pytorch_model.bin"), "pytorch_model.bin, a pickle"),
    "no weights": (lambda f: (f / "model.safetensors").unlink(), r"no \*.safetensors file"),
    "weights of an adapter alone": (
        lambda f: (f / "model.safetensors").rename(f / "adapter_model.safetensors"),
        "no model.safetensors .*adapter_model.safetensors is none of the files of a whole model",
    ),
    "one weight in two files": (lambda f: twice(f), f"there twice: {KEY}, in a.safetensors and b.safetensors"),
    "one weight under two names": (
        lambda f: rename(f, lambda t: {**t, "norm.weight": t["model.norm.weight"] * 2}),
        "there twice: (model.)?norm.weight and (model.)?norm.weight, in model.safetensors",
    ),
    "a pointer": (lambda f: (f / "model.safetensors").write_bytes(LFS), "a Git LFS pointer.*run `git lfs pull`"),
    "a tokenizer's pointer": (lambda f: (f / "tokenizer.json").write_bytes(LFS), "tokenizer.json is a Git LFS pointer"),
    "no tokenizer": (lambda f: (f / "tokenizer.json").unlink(), "only tokenizer.json is read"),
    "a broken tokenizer": (lambda f: (f / "tokenizer.json").write_text("{}"), "tokenizer.json cannot be read"),
    "a larger tokenizer": (lambda f: edit(f, vocab_size=300), "the tokenizer has 320 ids, and the model's table 300"),
    "no sentinels": (
        lambda f: (f / "tokenizer.json").write_text((f / "tokenizer.json").read_text().replace("<fim_", "<fix_")),
        "sentinels of no known infilling format",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", list(BROKEN))
def test_what_cannot_be_taken_is_refused_by_its_name(folder: Path, tmp_path: Path, name: str) -> None:
    change, message = BROKEN[name]
    change(folder)
    with pytest.raises(Refused, match=message):
        importing.import_model(importing.read(folder), tmp_path / "c", "model", 96, keep=2)
    assert not folders(tmp_path / "c")


def test_files_that_transformers_does_not_read_are_left(folder: Path) -> None:
    """A copy for another library, an adapter, and shards of which there is no index, with other numbers."""
    before = load_file(folder / "model.safetensors")
    for name in ("consolidated", "adapter_model", "zzz", "model-00001-of-00001"):
        save_file({key: tensor * 2 for key, tensor in before.items()}, folder / f"{name}.safetensors")
    places = importing.read(folder).places
    assert {place.source[0].name for place in places.values() if place.source} == {"model.safetensors"}
    assert all(torch.equal(place.load(), before[place.source[1]]) for place in places.values() if place.source)


def test_a_refusal_is_a_sentence_of_the_command(folder: Path, config: Path, tmp_path: Path) -> None:
    edit(folder, model_type="bert")
    done = run(config, "models", "import", str(folder))
    assert done.exit_code == 1 and "cannot be imported: model_type is 'bert'" in done.output
    assert run(config, "models", "show", str(folder)).exit_code == 1
    missing = run(config, "models", "import", str(tmp_path / "nowhere"))
    assert missing.exit_code == 1 and "there is no such folder" in missing.output


def test_too_long_a_context_and_another_tokenizer_are_refused(folder: Path, config: Path, tmp_path: Path) -> None:
    config.write_text(config.read_text().replace("96", "1024"))
    done = run(config, "models", "import", str(folder))
    assert done.exit_code == 1 and "set it to 128 or less" in done.output
    config.write_text(config.read_text().replace("1024", "128"))
    (tmp_path / "state").mkdir(exist_ok=True)
    other = tokenizer().json.replace("<gh_stars>", "<gh_starz>")
    (tmp_path / "state/tokenizer.json").write_text(other)
    done = run(config, "models", "import", str(folder))
    assert done.exit_code == 1 and "is another tokenizer" in done.output


@pytest.mark.parametrize("change", ["another", "the same", "alone"])
@pytest.mark.parametrize("name", ["qwen2, default", "gpt_bigcode, odd"])
def test_a_head_beside_a_tied_embedding_counts_as_in_transformers(tmp_path: Path, name: str, change: str) -> None:
    """Where it is another it is kept apart, where it is the same or alone it is the embedding."""
    folder = save(name, tmp_path / "model")
    edit(folder, tie_word_embeddings=True)
    embedding = "transformer.wte.weight" if "bigcode" in name else "model.embed_tokens.weight"
    if change != "another":
        rename(folder, lambda t: {**t, "lm_head.weight": t[embedding].clone()})
    if change == "alone":
        rename(folder, lambda t: without(t, embedding))
    foreign = importing.read(folder)
    assert getattr(foreign.spec, "tied") is (change != "another")  # noqa: B009
    importing.import_model(foreign, tmp_path / "c", "model", 96, keep=2)
    path = folders(tmp_path / "c")[0]
    assert json.loads((path / "config.json").read_text())["tie_word_embeddings"] is (change != "another")
    decoder, _, _ = load_model(path)
    ids = torch.arange(40)[None]
    for theirs in (opened(folder), opened(path)):
        with torch.inference_mode():
            got = decoder.float()(ids, torch.arange(40)[None], torch.zeros_like(ids))
            torch.testing.assert_close(got, theirs(input_ids=ids, use_cache=False).logits, atol=1e-4, rtol=1e-4)


def test_the_manifest_of_the_import_says_where_it_came_from(folder: Path, tmp_path: Path) -> None:
    importing.import_model(importing.read(folder), tmp_path, "hf:o/n@" + "0" * 40, 96, keep=2)
    assert read_manifest(folders(tmp_path)[0]).imported == "hf:o/n@" + "0" * 40
