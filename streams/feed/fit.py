"""What fits a checkpoint: Frames are refused whose examples its model cannot be trained on; rows are filled anew when
they have become too long."""

from __future__ import annotations

import logging
import time

from model.packing import differences
from model.training.bins import Bins
from streams.feed.state import BinItem, FeedState, Limits
from streams.frame import Frame

log = logging.getLogger("midstream.streams")

REMEDY = "put the setting back and pack again, or train from a new checkpoint folder"


class WrongTokenizer(RuntimeError):
    """Examples were made with another tokenizer than the checkpoint's."""


class WrongPacking(RuntimeError):
    """Examples were made for another context or format than the checkpoint's; the message names the setting."""


def refuse(frame: Frame, where: str, state: FeedState, limits: Limits) -> None:
    """Raises WrongTokenizer or WrongPacking for a Frame that is not for this checkpoint; `where` names the Frame."""
    if frame.tokenizer != state.tokenizer:
        raise WrongTokenizer(
            f"{where} was made with tokenizer {frame.tokenizer[:12]}, the checkpoint has {state.tokenizer[:12]} "
            f"([paths] tokenizer): {REMEDY}"
        )
    if frame.packing and state.packing and frame.packing != state.packing:
        raise WrongPacking(f"{where} was packed with another {differences(frame.packing, state.packing)}: {REMEDY}")
    context = limits.context or limits.row_tokens
    longest = max((e.tokens for e in frame.examples), default=0)
    if longest > context:
        raise WrongPacking(
            f"{where} has an example of {longest} tokens, and the checkpoint's context is {context}: it was packed "
            f"with another [model] context; {REMEDY}"
        )


def restore(state: FeedState, limits: Limits) -> Bins[BinItem]:
    """The state's rows; filled anew when one of them is longer than a row is now. Raises WrongPacking."""
    groups, now = [*state.rows, *state.open_bins], time.monotonic()
    if all(sum(h.example.tokens for h in row) <= limits.row_tokens for row in groups):
        return Bins.restore(
            limits.row_tokens, limits.open_bins, state.open_bins, state.rows, size=lambda h: h.example.tokens, now=now
        )
    log.warning("[feed] row_contexts is lower than it was: the %d rows of the checkpoint are filled anew", len(groups))
    bins: Bins[BinItem] = Bins(limits.row_tokens, limits.open_bins)
    for item in (item for row in groups for item in row):
        if item.example.tokens > limits.row_tokens:
            raise WrongPacking(
                f"the checkpoint holds an example of {item.example.tokens} tokens, and a row has {limits.row_tokens}: "
                "raise [feed] row_contexts"
            )
        bins.add(item.example.tokens, item, now)
    state.flushing = 0
    return bins
