"""gpt2, codegen, xglm and deepseek_v2, which `transformers` runs for us: the same logits and greedy answers as its own,
alone, with a cache, through the server; scored the same; and a checkpoint that it opens."""

from __future__ import annotations

import asyncio
import codecs
import json
from math import log
from pathlib import Path
from typing import Any

import pytest
import torch
from click.testing import CliRunner, Result

from midstream.cli import main
from model import families, importing, weights
from model.decoder.runner import Runner
from model.loading import load_model
from model.manifest import MANIFEST, folders, latest, read_manifest
from model.training.score import evaluate
from server.app import ServeConfig, Server
from server.client import AsyncClient
from server.heal import Spellings
from server.prompt import build
from tests.support.models.adapted import CONFIGS, FORMATS, model, save, tokenizer
from tests.support.models.foreign import CONTEXT, VOCAB, AutoModelForCausalLM, greedy_pair
from tests.support.models.tiny import texts

ALL = pytest.mark.parametrize("name", list(CONFIGS))


@pytest.fixture(scope="module")
def decoders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for name in CONFIGS:
        foreign = importing.read(save(name, tmp_path_factory.mktemp("model")), FORMATS[name].name)
        made[name] = weights.assemble(foreign.spec, weights.load(foreign.places)).eval()
    return made


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "midstream.toml"
    path.write_text(f'[paths]\nstate = "{tmp_path / "state"}"\n[model]\ncontext = 96\n')
    return path


def run(config: Path, *arguments: str) -> Result:
    return CliRunner().invoke(main, [*arguments, "--config", str(config)])


def ids(count: int, seed: int = 3) -> torch.Tensor:
    return torch.randint(0, VOCAB, (1, count), generator=torch.Generator().manual_seed(seed))


@ALL
@torch.inference_mode()
def test_a_row_of_documents_is_each_alone(name: str, decoders: dict[str, Any]) -> None:
    ours, long = decoders[name], CONTEXT - 20
    documents = torch.tensor([[0] * 7 + [1] * long + [-1] * 5, [2] * 60 + [3] * (long - 48)])
    given = torch.cat([ids(long + 12), ids(long + 12, 4)])
    logits = ours(given, torch.zeros_like(given), documents)
    for row, start, end in ((0, 0, 7), (0, 7, 7 + long), (1, 0, 60), (1, 60, long + 12)):
        alone = model(name)(input_ids=given[row : row + 1, start:end], use_cache=False).logits[0]
        assert alone.abs().max() > 1
        torch.testing.assert_close(logits[row, start:end], alone, atol=1e-4, rtol=1e-4)


@ALL
def test_greedy_answers_are_the_same_with_a_cache(name: str, decoders: dict[str, Any]) -> None:
    ours, theirs = greedy_pair(decoders[name], model(name), ids(40))
    assert ours == theirs and len(set(ours)) > 3


@ALL
def test_a_cache_is_cut_to_what_is_common_and_goes_on(name: str, decoders: dict[str, Any]) -> None:
    """Back to the middle, to the very beginning, and after a step that failed."""
    runner, cache = Runner(decoders[name]), Runner(decoders[name]).new_cache()
    one, other = ids(50)[0].tolist(), ids(50, 4)[0].tolist()
    runner.extend(one, cache)
    for sequence, common in ((one[:20] + other[20:], 20), (other, 0), (other[:49], 48)):
        assert cache.keep_common(sequence) == common
        logits = runner.extend(sequence[common:], cache)
        whole = runner.extend(sequence, runner.new_cache())
        torch.testing.assert_close(logits, whole, atol=1e-4, rtol=1e-4)
    with pytest.raises(IndexError):
        runner.extend([VOCAB + 1], cache)
    with pytest.raises(ValueError, match=f"do not fit into a context of {CONTEXT}"):
        runner.extend([1] * 100, cache)
    assert cache.ids == other[:49]
    logits = runner.extend([5], cache)
    torch.testing.assert_close(logits, runner.extend([*other[:49], 5], runner.new_cache()), atol=1e-4, rtol=1e-4)


@ALL
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_checkpoint_is_a_folder_that_transformers_opens(tmp_path: Path, name: str, dtype: torch.dtype) -> None:
    source = save(name, tmp_path / "model", dtype, shard="30KB")
    assert len(list(source.glob("*.safetensors"))) > 1
    foreign = importing.read(source, FORMATS[name].name)
    importing.import_model(foreign, tmp_path / "checkpoints", "model", 96, keep=2)
    path = latest(tmp_path / "checkpoints")
    assert path is not None
    theirs, (decoder, manifest, _) = AutoModelForCausalLM.from_pretrained(path).eval(), load_model(path)
    assert theirs.dtype == decoder.tokens.weight.dtype == dtype and manifest.model == foreign.spec
    assert families.read_config(families.write_config(foreign.spec)) == foreign.spec
    assert foreign.spec.parameters == sum(p.numel() for p in model(name).parameters())
    for key, tensor in theirs.state_dict().items():
        assert torch.equal(tensor, model(name).state_dict()[key].to(dtype)), key
    wide = AutoModelForCausalLM.from_pretrained(path, dtype=torch.float32).eval()
    given = ids(40)
    with torch.inference_mode():
        rows = (given, torch.arange(40)[None], torch.zeros_like(given))
        assert torch.equal(decoder(*rows), theirs(input_ids=given, use_cache=False).logits)
        torch.testing.assert_close(decoder.float()(*rows), wide(input_ids=given, use_cache=False).logits)


def test_weights_take_memory_once_and_under_older_names(tmp_path: Path) -> None:
    """As the first gpt2 files were written: no prefix, buffers beside the weights, the head that is the embedding."""
    from safetensors.torch import load_file, save_file

    folder = save("gpt2", tmp_path)
    tensors = load_file(folder / "model.safetensors")
    older = {key.removeprefix("transformer."): tensor for key, tensor in tensors.items()}
    older |= {"h.0.attn.bias": torch.ones(1, 1, 4, 4), "lm_head.weight": older["wte.weight"].clone()}
    save_file(older, folder / "model.safetensors", metadata={"format": "pt"})
    foreign = importing.read(folder, "plain")
    loaded = weights.load(foreign.places)
    decoder = weights.assemble(foreign.spec, loaded)
    assert {t.data_ptr() for t in loaded.values()} == {p.data_ptr() for p in decoder.parameters()}
    with torch.inference_mode():
        logits = decoder(ids(30), torch.arange(30)[None], torch.zeros((1, 30), dtype=torch.int64))
        torch.testing.assert_close(logits, model("gpt2")(input_ids=ids(30)).logits)


@pytest.mark.parametrize("name", ["gpt2", "xglm"])
def test_a_head_of_its_own_is_kept_though_the_config_says_tied(name: str, tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    folder = save(name, tmp_path / "model")
    tensors = load_file(folder / "model.safetensors")
    head = torch.randn(VOCAB, 32, generator=torch.Generator().manual_seed(1))
    save_file({**tensors, "lm_head.weight": head}, folder / "model.safetensors", metadata={"format": "pt"})
    foreign = importing.read(folder, FORMATS[name].name)
    decoder = weights.assemble(foreign.spec, weights.load(foreign.places))
    theirs = AutoModelForCausalLM.from_pretrained(folder).eval()
    assert torch.equal(theirs.lm_head.weight, head)
    with torch.inference_mode():
        logits = decoder(ids(30), torch.arange(30)[None], torch.zeros((1, 30), dtype=torch.int64))
        torch.testing.assert_close(logits, theirs(input_ids=ids(30)).logits)


def test_a_file_of_many_experts_is_mapped_once(tmp_path: Path) -> None:
    foreign = importing.read(save("deepseek_v2", tmp_path))
    loaded = weights.load(foreign.places)
    maps = [line for line in Path("/proc/self/maps").read_text().splitlines() if str(tmp_path) in line]
    assert len(loaded) > 50 and len(maps) == 1


@ALL
def test_import_show_and_export(name: str, config: Path, tmp_path: Path) -> None:
    folder = save(name, tmp_path / "model")
    chosen = ("--format", "plain") if name == "gpt2" else ()
    done = run(config, "models", "import", str(folder), *chosen)
    assert done.exit_code == 0 and f"format {FORMATS[name].name}" in done.output, done.output
    assert "for serving and evaluation alone" in done.output
    assert not (tmp_path / "state/tokenizer.json").exists()  # nothing will be packed for it
    facts = json.loads(run(config, "models", "show", "--json").output)
    assert (facts["family"], facts["format"], facts["context"]) == (name, FORMATS[name].name, 96)
    assert facts["orders"] == list(FORMATS[name].orders) and facts["use"] == ["serving", "evaluation"]
    assert (facts["layers"], facts["width"], facts["heads"], facts["vocab"]) == (3, 32, 4, VOCAB)
    out = tmp_path / "out"
    assert run(config, "models", "export", "--to", "hf", str(out)).exit_code == 0 and not (out / MANIFEST).exists()
    opened = AutoModelForCausalLM.from_pretrained(out)
    assert all(torch.equal(tensor, model(name).state_dict()[key]) for key, tensor in opened.state_dict().items())
    gguf = run(config, "models", "export", "--to", "gguf", str(tmp_path / "a.gguf"))
    assert gguf.exit_code == 1 and f"{name} is none of the families that are written as GGUF" in gguf.output


@ALL
def test_bits_per_byte_are_those_of_transformers(name: str, decoders: dict[str, Any]) -> None:
    """Of a text that is longer than a window, and of one with a head."""
    tok, held_out = tokenizer(name), [((), texts()[8] * 3), (("# head\n",), texts()[3])]
    nats, size = 0.0, 0
    for head, text in held_out:
        before = [i for part in head for i in tok.encode(part)]
        tokens = before + tok.encode(text)
        for start in range(0, len(tokens), CONTEXT):
            window, skip = tokens[start : start + CONTEXT], max(1, len(before) - start)
            with torch.inference_mode():
                scores = model(name)(input_ids=torch.tensor([window])).logits[0].log_softmax(-1)
            nats -= sum(float(scores[n - 1, window[n]]) for n in range(skip, len(window)))
            size += sum(len(tok.bytes_of[i]) for i in window[skip:])
    assert size > 2 * CONTEXT
    assert evaluate(decoders[name], tok, held_out) == pytest.approx(nats / log(2) / size, rel=1e-4)


def greedy(name: str, prompt: list[int], owed: bytes, most: int) -> str:
    """What `transformers` answers without a cache, until a sentinel; while bytes are owed, of the tokens that agree.

    An unfinished character at the end is left out.
    """
    tok, given, count, data = tokenizer(name), list(prompt), 0, b""
    spellings, text = Spellings(tok.bytes_of), b""
    while count < most:
        with torch.inference_mode():
            logits = model(name)(input_ids=torch.tensor([given]), use_cache=False).logits[0, -1]
        allowed = spellings.agreeing(owed[len(text) :]) if len(text) < len(owed) else list(range(VOCAB))
        best = allowed[int(logits[allowed].argmax())]
        data = tok.bytes_of[best] if best < len(tok.bytes_of) else b""
        if not data:
            break
        text += data
        count += len(text) > len(owed)
        given.append(best)
    return codecs.getincrementaldecoder("utf-8")("replace").decode(text[len(owed) :])


@ALL
async def test_served_answers_are_those_of_transformers(name: str, tmp_path: Path) -> None:
    """Over gRPC, in sessions whose prompts change at the end, at the beginning, and back."""
    foreign = importing.read(save(name, tmp_path / "model"), FORMATS[name].name)
    importing.import_model(foreign, tmp_path / "c", "model", CONTEXT, keep=2)
    server = Server(ServeConfig(tmp_path / "c", listen="127.0.0.1:0", grace_s=0.2))
    await server.start()
    written = texts()[20][:60]
    requests = [(written, "\n"), (written + "  return", "\n"), ("import os\n" + written, ""), (written, "\n")]
    answers: list[str] = []
    reused: list[int] = []
    try:
        await asyncio.wait_for(server.ready(), 300)
        async with AsyncClient(server.address) as client:
            info = await client.model()
            assert (info.format, info.orders) == (FORMATS[name].name, FORMATS[name].orders)
            for prefix, suffix in requests:
                got = await client.complete(prefix, suffix, path="m.py", max_tokens=24, session="s")
                prompt = build(FORMATS[name], tokenizer(name), "m.py", prefix, suffix, CONTEXT - 24)
                assert got.text == greedy(name, prompt.ids, prompt.healed, 24)
                answers.append(got.text)
                reused.append(got.reused_tokens)
                assert got.model_version == read_manifest(folders(tmp_path / "c")[0]).model_version
    finally:
        await server.stop()
    assert answers[0] == answers[3] and any(answers) and reused[0] == 0 and reused[1] > 5
