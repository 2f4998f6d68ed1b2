"""The benches run, and their last line is the JSON object that they promise. Their figures are not judged here."""

from __future__ import annotations

import pytest

from tests.support.programs.benches import last_line

PROMISED = {
    "packing": {"use", "discarded", "us_per_document", "peers", "lengths", "documents", "tokens", "machine"},
    "fim": {"mb_s", "mb_s_without_syntax", "documents", "worst_share_error", "shares", "peers", "machine"},
}
SMALL = {"packing": ["--documents", "40"], "fim": ["--documents", "30", "--pairs", "60"]}


@pytest.mark.parametrize("name", PROMISED)
def test_the_last_line_holds_what_is_promised(name: str) -> None:
    figures = last_line(name, *SMALL[name], "--installed-only")
    assert set(figures) >= PROMISED[name]
    assert {"processor", "cores", "load"} <= set(figures["machine"])
    assert figures.get("discarded", 0) == 0


def test_requests_side_by_side_are_all_answered() -> None:
    figures = last_line("batching", "--streams", "1", "3", "--rounds", "1", "--prompt", "60", "--beside", "2")
    assert set(figures) >= {"first_p50_ms", "tokens_s", "one_stream_tokens_s", "by_streams", "isa", "machine", "key_ms"}
    assert {streams: found["tokens"] for streams, found in figures["by_streams"].items()} == {"1": 64, "3": 192}
    assert (figures["tokens_s"], figures["one_stream_tokens_s"]) == tuple(
        figures["by_streams"][streams]["tokens_s"] for streams in ("3", "1")
    )
