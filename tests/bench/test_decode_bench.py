"""The bench `decode` measures what it says: bits of the same rows, medians, and the share of the memory's rate."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import torch

from tests.support.models import shapes, tiny
from tests.tree import ROOT

sys.path.insert(0, str(ROOT / "bench"))

import decode
from common.decode import models
from common.decode.memory import Rate
from common.decode.ours import COUNT, Ours, Times
from common.decode.quality import bits_loss


def test_the_summary_has_medians_and_ratios() -> None:
    own, theirs = [Times(10.0, 2.0, 3.0), Times(30.0, 1.0, 5.0), Times(20.0, 4.0, 4.0)], [Times(60.0, 6.0, 8.0)]
    made = decode.summary(own, theirs, [1.0, 1.5, 9.0])
    assert (made["tokens_s"], made["first_ms"], made["key_ms"]) == (500.0, 20.0, 4.0)
    assert (made["ratio"], made["first_ratio"], made["of_limit"], made["limit_tokens_s"]) == (3.0, 3.0, 0.75, 666.7)
    assert decode.summary(own, [], [1.0])["llama_cpp_tokens_s"] is None


def test_a_step_in_float32_loses_no_bits_and_one_with_other_weights_does() -> None:
    spec = shapes.bigcode(context=128)
    model, other = shapes.decoder(spec, deviation=0.1), shapes.decoder(spec, seed=6, deviation=0.1)
    rows = [tiny.examples(3), tiny.examples(5)[3:]]
    same, bytes_, wrong = (
        bits_loss(model, step, rows) for step in (model.compiled("float32"), model.compiled(), other.compiled())
    )
    assert abs(same["bits_loss"]) < 1e-5 and abs(bytes_["bits_loss"]) < 0.02 < abs(wrong["bits_loss"])


def test_ours_generates_and_takes_its_times() -> None:
    spec = shapes.bigcode()
    model = shapes.decoder(spec)
    ours = Ours(model, model.compiled(), spec.context)
    times = ours.run(list(range(100)), [1, 2, 3, 4])
    assert spec.context >= 100 + COUNT and min(times.first, times.token, times.key) > 0
    with torch.inference_mode():
        ids = torch.tensor([[5, 6, 7]])
        whole = model(ids, torch.arange(3)[None], torch.zeros_like(ids))[0]
    got = Ours(model, model.compiled("float32"), spec.context).extend([5, 6, 7], 0, every=True)
    torch.testing.assert_close(got, whole, atol=1e-3, rtol=1e-3)


@pytest.mark.parametrize("threads", [1, 2])
def test_the_memory_is_read_by_all_threads(threads: int) -> None:
    assert Rate(1 << 20, threads).once() > 0


def test_random_weights_are_the_same_every_time_and_a_file_for_llama_cpp(tmp_path: Path) -> None:
    spec = shapes.bigcode()
    folder, file = models.random(tmp_path, "x", spec, tiny.tokenizer(), torch.float32)
    again, _ = models.random(tmp_path, "y", spec, tiny.tokenizer(), torch.float32)
    assert file.read_bytes()[:4] == b"GGUF"
    one, two = models.loaded(folder).state_dict(), models.loaded(again).state_dict()
    assert all(torch.equal(one[name], two[name]) for name in one)
