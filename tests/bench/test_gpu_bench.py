"""bench/gpu.py, on a CPU: it ends, and both sides say the same."""

from __future__ import annotations

from tests.support.programs.benches import last_line


def test_both_sides_give_the_same_tokens() -> None:
    figures = last_line("gpu", "--device", "cpu", "--quick", "--batches", "1", "3")
    assert set(figures) >= {"memory_gb_s", "packed", "parameters", "device", "torch", "machine", "rounds"}
    assert list(figures["by_batch"]) == ["1", "3"]
    for row in figures["by_batch"].values():
        assert row["same"] == 1.0 and row["captured"] == 0
        assert min(row["tokens_s"], row["transformers_tokens_s"], row["prefill_tokens_s"], row["of_limit"]) > 0
