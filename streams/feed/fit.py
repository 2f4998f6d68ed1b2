"""What fits a checkpoint: Frames are refused, or passed over, whose examples its model cannot be trained on; rows are
filled anew when they have become too long."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass

from model.packing import differences
from model.training.bins import Bins
from streams.feed.log import FrameLog
from streams.feed.state import BinItem, FeedState, Limits
from streams.frame import Frame

log = logging.getLogger("midstream.streams")

REMEDY = (
    "stop the workers, put the setting back and run `midstream repair`: pack brings these documents again, and the "
    "trainer then passes over this Frame; or train into a new checkpoint folder ([paths] checkpoints) under the new "
    "setting"
)


class WrongTokenizer(RuntimeError):
    """Examples were made with another tokenizer than the checkpoint's."""


class WrongPacking(RuntimeError):
    """Examples were made for another context or format than the checkpoint's; the message names the setting."""


@dataclass(frozen=True)
class Fit:
    """How examples must have been made for a checkpoint's model."""

    tokenizer: str
    """Its hash."""
    packing: str
    """`model.packing.packing`; empty: not known."""
    context: int
    """Tokens that one example may have."""

    def misfit(self, frame: Frame, where: str) -> WrongTokenizer | WrongPacking | None:
        """What a Frame that is not for this checkpoint is refused with; `where` names the Frame."""
        if frame.tokenizer != self.tokenizer:
            return WrongTokenizer(
                f"{where} was made with tokenizer {frame.tokenizer[:12]}, the checkpoint has {self.tokenizer[:12]} "
                f"([paths] tokenizer): {REMEDY}"
            )
        if frame.packing and self.packing and frame.packing != self.packing:
            return WrongPacking(f"{where} was packed with another {differences(frame.packing, self.packing)}: {REMEDY}")
        longest = max((e.tokens for e in frame.examples), default=0)
        if longest > self.context:
            return WrongPacking(
                f"{where} has an example of {longest} tokens, and the checkpoint's context is {self.context}: it was "
                f"packed with another [model] context; {REMEDY}"
            )
        return None

    def takes(self, frame: Frame) -> bool:
        return self.misfit(frame, "") is None


class Gate:
    """What a feed does with Frames that do not fit. One is refused while it is the newest way of packing; once a Frame
    that fits stands behind it the setting has been put back, and it is passed over: its documents come again."""

    def __init__(self, fit: Fit, log: FrameLog) -> None:
        self._fit, self._log = fit, log
        self._fitting: dict[int, int] = {}
        """By partition, the offset of a Frame that fits: what lies below it is passed over."""

    def passes(self, partition: int, offset: int, frame: Frame) -> bool:
        """Whether the Frame is to be passed over. Raises WrongTokenizer or WrongPacking for one that is refused."""
        wrong = self._fit.misfit(frame, f"examples/{partition} at {offset}")
        if wrong is None:
            return False
        if self._fitting.get(partition, -1) < offset:
            found = self._log.find(partition, offset + 1, self._fit.takes)
            if found is None:
                raise wrong
            self._fitting[partition] = found
        return True


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
