"""Every family beside `transformers` in the same process: logits, greedy answers, and what loading takes.

Random configs of every family and every scaling of positions; logits alone, packed and with a cache; 64 greedy ids.
Then a model of at least 400 MB is loaded in a process of its own, whose peak memory above what the imports take is held
against the bytes of its weights. The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path
from typing import Any

import torch
from common.machine import machine

from model import importing, weights
from model.decoder.decoder import Decoder
from model.decoder.runner import Runner

SCALINGS: list[dict[str, Any] | None] = [
    None,
    {"rope_type": "linear", "factor": 4.0},
    {"rope_type": "dynamic", "factor": 2.0},
    {"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 32},
    {"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
     "original_max_position_embeddings": 32},
]  # fmt: skip
TYPES = ("gpt_bigcode", "llama", "mistral", "qwen2", "qwen3", "starcoder2", "granite")
CONTEXT, GREEDY = 128, 64
LARGE = {"model_type": "qwen2", "vocab_size": 64_000, "hidden_size": 896, "intermediate_size": 4864,
         "num_hidden_layers": 12, "num_attention_heads": 14, "num_key_value_heads": 2,
         "max_position_embeddings": 2048, "tie_word_embeddings": True}  # fmt: skip
"""236 million parameters: 472 MB in bfloat16."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--each", type=int, default=10, help="Random configs of each family.")
    parser.add_argument("--load", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.load:
        print(json.dumps(loaded(arguments.load)))
        return
    torch.set_num_threads(2)
    errors: dict[str, float] = dict.fromkeys(TYPES, 0.0)
    equal = count = 0
    with tempfile.TemporaryDirectory() as work:
        for kind in TYPES:
            for number in range(arguments.each):
                error, same = compare(kind, number, Path(work) / f"{kind}-{number}")
                errors[kind] = max(errors[kind], error)
                equal, count = equal + same, count + 1
            print(f"{kind}: {arguments.each} configs, worst logit error {errors[kind]:.1e}", file=sys.stderr)
        load = measure_loading(Path(work) / "large")
    print(json.dumps({
        "bench": "families", "families": len(TYPES), "configs": count, "worst_logit_error": max(errors.values()),
        "greedy_equal": round(equal / count, 4), **load, "peer": f"transformers {version()}", "machine": machine(),
    }))  # fmt: skip


def version() -> str:
    import transformers

    return transformers.__version__


def config(kind: str, number: int) -> dict[str, Any]:
    """Keys of a random config.json, the same for the same number."""
    draw = random.Random(f"{kind} {number}")
    heads = draw.choice([2, 4, 6])
    width = heads * draw.choice([8, 12, 16])
    tied = draw.random() < 0.5
    if kind == "gpt_bigcode":
        return {
            "model_type": kind, "vocab_size": 211, "n_positions": CONTEXT, "n_embd": width, "n_layer": 3,
            "n_head": heads, "multi_query": draw.random() < 0.5, "n_inner": draw.choice([None, 40]),
            "layer_norm_epsilon": draw.choice([1e-5, 1e-3]), "tie_word_embeddings": tied,
            "activation_function": draw.choice(["gelu", "gelu_pytorch_tanh"]),
            "scale_attn_weights": draw.random() < 0.7,
        }  # fmt: skip
    keys: dict[str, Any] = {
        "model_type": kind, "vocab_size": 211, "hidden_size": width, "intermediate_size": draw.choice([24, 64]),
        "num_hidden_layers": 3, "num_attention_heads": heads, "max_position_embeddings": CONTEXT,
        "num_key_value_heads": draw.choice([g for g in range(1, heads + 1) if heads % g == 0]),
        "rope_theta": draw.choice([10_000.0, 1_000_000.0]), "tie_word_embeddings": tied,
    }  # fmt: skip
    rope = SCALINGS[number % len(SCALINGS)]
    keys |= {"rope_scaling": rope} if rope else {}
    if kind in ("mistral", "starcoder2"):
        keys["sliding_window"] = draw.choice([None, 16])
    if kind in ("qwen2", "qwen3") and draw.random() < 0.5:
        keys |= {"use_sliding_window": True, "sliding_window": 16, "max_window_layers": draw.choice([0, 1, 3])}
    if kind in ("llama", "granite", "qwen3"):
        keys["attention_bias"] = draw.random() < 0.5
    if kind in ("llama", "granite"):
        keys["mlp_bias"] = draw.random() < 0.5
    if kind in ("llama", "qwen3", "mistral"):
        keys["head_dim"] = draw.choice([8, 12, 16])
    if kind == "starcoder2":
        keys["use_bias"] = draw.random() < 0.5
    if kind == "granite":
        keys |= {"embedding_multiplier": 2.0, "attention_multiplier": 0.2, "residual_multiplier": 0.5,
                 "logits_scaling": draw.choice([1.0, 3.0])}  # fmt: skip
    return keys


def compare(kind: str, number: int, folder: Path) -> tuple[float, bool]:
    """The largest difference of a logit, and whether all greedy ids are the same."""
    theirs = peer(config(kind, number), number)
    ours = brought(theirs, folder)
    length = CONTEXT + 20 if ours.spec.context > CONTEXT else CONTEXT - 20
    ids_1T = torch.randint(0, 211, (1, length), generator=torch.Generator().manual_seed(number))
    with torch.inference_mode():
        expected_TV = theirs(input_ids=ids_1T, use_cache=False).logits[0]
        row_1T = torch.cat((ids_1T[:, :9], ids_1T), dim=1)
        positions_1T = torch.cat((torch.arange(9), torch.arange(length)))[None]
        documents_1T = torch.cat((torch.zeros(9), torch.ones(length)))[None].int()
        packed_TV = ours(row_1T, positions_1T, documents_1T)[0, 9:]
        alone_TV = ours(ids_1T, positions_1T[:, 9:], documents_1T[:, 9:])[0]
        runner = Runner(ours)
        cached_V = runner.extend(ids_1T[0].tolist(), runner.new_cache())
    worst = max(
        float((packed_TV - expected_TV).abs().max()), float((alone_TV - expected_TV).abs().max()),
        float((cached_V - expected_TV[-1]).abs().max()),
    )  # fmt: skip
    prompt = ids_1T[:, :40]
    told = theirs.generate(prompt, max_new_tokens=GREEDY, do_sample=False, eos_token_id=None)[0, 40:].tolist()
    return worst, told == greedy(runner, prompt[0].tolist())


def greedy(runner: Runner, prompt: list[int]) -> list[int]:
    cache, ids = runner.new_cache(), []
    logits_V = runner.extend(prompt, cache)
    for _ in range(GREEDY):
        ids.append(int(logits_V.argmax()))
        logits_V = runner.extend(ids[-1:], cache)
    return ids


def peer(keys: dict[str, Any], seed: int, dtype: torch.dtype = torch.float32, deviation: float = 0.3) -> Any:
    """A random model of `transformers`."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from transformers import AutoConfig, AutoModelForCausalLM
        from transformers.utils import logging

        logging.set_verbosity_error()
        logging.disable_progress_bar()
        rest = {key: value for key, value in keys.items() if key != "model_type"}
        made = AutoConfig.for_model(
            keys["model_type"],
            **rest,
            initializer_range=deviation,
            bos_token_id=0,
            eos_token_id=None,
            pad_token_id=None,
        )
        torch.manual_seed(seed)
        return AutoModelForCausalLM.from_config(made, attn_implementation="eager", dtype=dtype).eval()


def brought(theirs: Any, folder: Path) -> Decoder:
    """Ours, of the folder that `transformers` writes."""
    from model import families

    theirs.save_pretrained(folder)
    spec = families.read_config(json.loads((folder / "config.json").read_text()))
    return weights.assemble(spec, weights.load(weights.find(importing.weight_files(folder), spec))).eval()


def measure_loading(folder: Path) -> dict[str, Any]:
    """Of a checkpoint in bfloat16, as the server loads it."""
    source = folder / "source"
    theirs = peer(LARGE, 0, torch.bfloat16, 0.02)
    theirs.save_pretrained(source)
    del theirs
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers

    from model.fim.formats import STARCODER

    letters = {letter: number for number, letter in enumerate(sorted(pre_tokenizers.ByteLevel.alphabet()))}
    backend = Tokenizer(models.BPE(vocab=letters, merges=[]))
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    backend.add_special_tokens(list(STARCODER.sentinels))
    (source / "tokenizer.json").write_text(backend.to_str())
    importing.import_model(importing.read(source), folder / "checkpoints", "bench", 1024, 1)
    command = [sys.executable, __file__, "--load", str(folder / "checkpoints/step-00000000")]
    return json.loads(subprocess.run(command, capture_output=True, check=True, text=True).stdout)


def loaded(path: Path) -> dict[str, Any]:
    """Peak memory above the import's, and seconds from a warm disk."""
    from model.loading import load_model

    size = (path / "model.safetensors").stat().st_size
    base = current_kb()
    began = time.perf_counter()
    decoder, _, _ = load_model(path)
    took = time.perf_counter() - began
    peak = peak_kb() - base
    assert sum(p.numel() for p in decoder.parameters()) > 1e8
    return {"load_mb": round(size / 1e6), "load_peak_ratio": round(peak * 1024 / size, 3), "load_s": round(took, 2)}


def current_kb() -> int:
    """Resident now; the peak is reset to it."""
    Path("/proc/self/clear_refs").write_text("5")
    return field("VmRSS")


def peak_kb() -> int:
    return field("VmHWM")


def field(name: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith(name)).split()[1])


if __name__ == "__main__":
    main()
