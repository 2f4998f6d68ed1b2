"""llama.cpp itself on the GGUF files: it generates what our own runner does, and has the ids of our tokenizers."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any
from unicodedata import is_normalized

import msgspec
import pytest
import torch

from model import families
from model.decoder.decoder import Decoder
from model.decoder.runner import Runner
from model.families import Spec
from model.fim.formats import DEEPSEEK, PLAIN, PRE_SUF_MID, QWEN25_CODER, STARCODER, STARCODER2
from model.gguf.export import export
from model.gguf.vocabulary import PRE_TOKENIZERS
from model.tokens.tokenizer import Tokenizer
from model.training.train import Trainer, Until
from tests.support.models import llamacpp, shapes
from tests.support.models.tiny import QUICK, ListFeed, examples, tokenizer
from tests.support.models.tiny import texts as tiny_texts
from tests.support.tokens.real import real
from tests.support.tokens.texts import texts

pytestmark = [pytest.mark.slow, pytest.mark.llamacpp]
SPECS: dict[str, Spec] = {
    "gpt_bigcode": shapes.bigcode(),
    "gpt_bigcode, a head of keys for each": shapes.bigcode(kv_heads=4, tied=False, epsilon=1e-3),
    **{variant: shapes.llama(variant) for variant in shapes.VARIANTS},
    "llama with biases": shapes.llama(**shapes.BIASES, tied=True),
    **{f"llama, {kind}": shapes.llama(scaling=scaling) for kind, scaling in shapes.SCALINGS.items()},
    **{f"qwen2, {kind}": shapes.llama("qwen2", scaling=shapes.SCALINGS[kind]) for kind in ("linear", "yarn")},
}
COUNT = 32
GELU_TABLE, EXACT, HALF = 3e-3, 2e-4, 5e-2
"""How far apart probabilities may be: where llama.cpp looks GELU up in a table of float16, where everything is float32,
and where weights and what they are multiplied with are float16."""


def greedy(model: Decoder, prompts: Sequence[Sequence[int]], count: int = COUNT) -> list[list[int]]:
    runner, generated = Runner(model), []
    for prompt in prompts:
        cache, ids = runner.new_cache(), []
        logits_V = runner.extend(prompt, cache)
        while len(ids) < count:
            ids.append(int(logits_V.argmax()))
            logits_V = runner.extend(ids[-1:], cache)
        generated.append(ids)
    return generated


def probabilities(model: Decoder, ids: Sequence[int], first: int) -> torch.Tensor:
    ids_1T = torch.tensor([ids])
    with torch.inference_mode():
        logits_TV = model(ids_1T, torch.arange(len(ids))[None], torch.zeros_like(ids_1T))[0, first:]
    return logits_TV.softmax(-1)


def compare(model: Decoder, path: Path, prompts: list[list[int]], count: int = COUNT) -> tuple[float, float]:
    """The share of equal ids, and the largest difference of a probability after our own ids. Where an id is the first
    to differ, ours and theirs must have been nearly as likely."""
    ours = greedy(model, prompts, count)
    forced = [(prompt + ids[:-1], len(prompt) - 1) for prompt, ids in zip(prompts, ours, strict=True)]
    answer = llamacpp.ask(path, model.spec.vocab, prompts=prompts, count=count, forced=forced)
    equal = sum(a == b for x, y in zip(ours, answer.generated, strict=True) for a, b in zip(x, y, strict=True))
    apart = 0.0
    for (ids, first), theirs, x, y in zip(forced, answer.probabilities, ours, answer.generated, strict=True):
        own_TV = probabilities(model, ids, first)
        here = float((own_TV - torch.tensor(theirs)).abs().max())
        apart = max(apart, here)
        at = next((n for n, (a, b) in enumerate(zip(x, y, strict=True)) if a != b), None)
        assert at is None or own_TV[at, x[at]] - own_TV[at, y[at]] <= 2 * here
    return equal / (count * len(prompts)), apart


def random_prompts() -> list[list[int]]:
    generator = torch.Generator().manual_seed(3)
    return [torch.randint(0, tokenizer().vocab_size, (n,), generator=generator).tolist() for n in (1, 7, 30, 60)]


@pytest.mark.parametrize("name", SPECS)
def test_llama_cpp_generates_the_same(name: str, tmp_path: Path) -> None:
    model = shapes.decoder(SPECS[name])
    folder = shapes.written(tmp_path / "c", model)
    export(folder, tmp_path / "m.gguf", "f32")
    share, apart = compare(model, tmp_path / "m.gguf", random_prompts())
    table = "bigcode" in name or "starcoder2" in name
    assert apart < (GELU_TABLE if table else EXACT)
    assert share == 1 or table  # of a near-tie there, `compare` holds the difference
    export(folder, tmp_path / "m.gguf", "f16")
    _, apart = compare(model, tmp_path / "m.gguf", random_prompts())
    assert apart < HALF


def trained(folder: Path) -> Decoder:
    """A decoder that knows the small files by heart: its weights are a trained model's, not random ones. Its width is
    64: llama.cpp's product of q8_0 with AMX gives no numbers for rows of 32."""
    shape = families.new(vocab=tokenizer().vocab_size, context=128, width=64, layers=2, heads=2)
    config = replace(QUICK, warm_up_steps=10, learning_rate=1e-2)
    trainer = Trainer(shape, config, ListFeed(examples(2000), rows=4), folder, tokenizer(), STARCODER)
    trainer.run(Until(max_steps=100))
    return trainer.learner.model.eval()  # pyright: ignore


def test_a_trained_model_generates_the_same_in_every_type(tmp_path: Path) -> None:
    model = trained(tmp_path / "t")
    folder = shapes.written(tmp_path / "c", model)
    lengths = (5, 9, 17, 24, 31, 40, 12, 20)
    prompts = [tokenizer().encode(text)[:n] for text, n in zip(tiny_texts()[::3], lengths, strict=False)]
    for kind, least, most in (("f32", 1, 2e-3), ("f16", 1, 5e-3), ("bf16", 0.9, 0.05), ("q8_0", 0.9, 0.05)):
        export(folder, tmp_path / "m.gguf", kind)
        share, apart = compare(model, tmp_path / "m.gguf", prompts, 48)
        print(f"{kind}: {share:.1%} of {48 * len(prompts)} ids equal, probabilities at most {apart:.1e} apart")
        assert share >= least and apart < most


ODD = ("a  b\n\n\tc  1234 don't I'LL .  , ! end . ", " héllo 東京 12３ ½ \r\n\u3000y", "👩‍💻 — x", "\n", "")
FORMATS = {
    "gpt2": PLAIN, "qwen2.5-coder": QWEN25_CODER, "deepseek": DEEPSEEK, "llama2": PRE_SUF_MID, "starcoder2": STARCODER2,
    "deepseek-coder": DEEPSEEK,
}  # fmt: skip
RARE = "õ ÷ Á ý À ÿ \U00040000 \U000f0000"
"""DeepSeek-Coder has added tokens of the first, which are letters for bytes elsewhere; StarCoder2 none for the last."""


@pytest.mark.parametrize("name", ["tiny", *FORMATS])
def test_llama_cpp_has_the_same_ids_for_texts(name: str, tmp_path: Path) -> None:
    """Of a tokenizer trained here, and of real ones."""
    tok, fmt = (tokenizer(), STARCODER) if name == "tiny" else (real(name), FORMATS[name])
    narrow = msgspec.structs.replace(shapes.llama(), vocab=tok.vocab_size, layers=1, width=32, tied=True)
    export(shapes.written(tmp_path / "c", shapes.decoder(narrow), tok, fmt), tmp_path / "m.gguf", "f16")
    asked = [
        text for text in (*texts(), *ODD, RARE) if is_normalized("NFC", text)
    ]  # llama.cpp brings no text into form C
    answer = llamacpp.ask(tmp_path / "m.gguf", tok.vocab_size, texts=asked)
    assert answer.tokens == [tok.encode(text) for text in asked]
    blank = "▁" if name == "llama2" else " "  # SentencePiece's letter for a blank comes back as one
    there = [tok.decode(tok.encode(text)) if text == RARE else text for text in asked]
    assert answer.texts == [text.replace(blank, " ") for text in there]


def pre_tokenizer_step(step: str) -> dict[str, Any]:
    """A step of model.gguf.vocabulary's table as a tokenizer.json has it."""
    if step == "digits":
        return {"type": "Digits", "individual_digits": True}
    if step in ("gpt-2", "bytes"):
        return {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": step == "gpt-2"}
    return {"type": "Split", "pattern": {"Regex": step}, "behavior": "Isolated", "invert": False}


@pytest.mark.parametrize("steps", PRE_TOKENIZERS, ids=PRE_TOKENIZERS.values())
def test_llama_cpp_cuts_texts_as_its_name_says(steps: tuple[str, ...], tmp_path: Path) -> None:
    """GPT-2's merges behind every way to cut that has a name."""
    config = json.loads(real("gpt2").json)
    config["pre_tokenizer"] = {"type": "Sequence", "pretokenizers": [pre_tokenizer_step(step) for step in steps]}
    (tmp_path / "tokenizer.json").write_text(json.dumps(config))
    tok = Tokenizer.load(tmp_path / "tokenizer.json")
    narrow = shapes.llama(vocab=tok.vocab_size, layers=1, width=32, tied=True)
    report = export(shapes.written(tmp_path / "c", shapes.decoder(narrow), tok, PLAIN), tmp_path / "m.gguf", "f16")
    assert report["pre_tokenizer"] == PRE_TOKENIZERS[steps]
    answer = llamacpp.ask(tmp_path / "m.gguf", tok.vocab_size, texts=[*texts(), *ODD])
    assert answer.tokens == [tok.encode(text) for text in [*texts(), *ODD]]
