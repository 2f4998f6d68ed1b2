"""The sequences of one model: each step schedules, runs one forward over all, and takes a token of each that is ready.

Shapes: M rows, V vocabulary.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator

import numpy as np

from model.decoder.stepping import Model
from model.decoder.stores import Pasts, Slice
from model.memory import mixing
from server.engine.job import Job
from server.engine.memory import Memory
from server.engine.sampling import Floats, logprobs
from server.engine.schedule import Need, schedule
from server.engine.sequence import Sequence
from server.request import Finish
from server.served import Served

logger = logging.getLogger("midstream.server")

CONTEXTS = 64
"""Whole contexts that the cache holds at most: a small model needs no more, whatever it may take."""
STEP = 5_000_000_000
"""Weights times rows of a step at most, some .2 s of a core with AVX2: what comes meanwhile waits so long. A model of
19 million weights has 256 rows, one of 150 million 33."""
LEAST_ROWS = 32
PASTS = 16
"""Sequences that are kept of a family that keeps them in its own way; so many run side by side."""
MOST_UNWAITED = 8
"""Sequences whose answer was sent at a deadline and that go on for the cache, the newest ones."""


def pages(model: Model, cache_mb: int) -> int:
    """How many a model gets: of a context at least, with room to copy a page."""
    if isinstance(model.pages, Pasts):
        return PASTS
    context = -(-model.spec.context // model.pages.size)
    return min(max(cache_mb * 1024 * 1024 // model.page_bytes, context + 2), CONTEXTS * context)


def budget(model: Model, rows: int) -> int:
    """Rows of a step: fewer for a larger model, but on a card, where a step of many takes little longer."""
    return rows if model.is_on_card else min(rows, max(LEAST_ROWS, STEP // max(1, model.spec.parameters)))


class Lane:
    """Owned by the engine's thread."""

    def __init__(self, served: Served, rows: int, cache_mb: int) -> None:
        """`rows`: of a step at most."""
        self.served, self._rows = served, budget(served.model, rows)
        served.model.allot(pages(served.model, cache_mb))
        self.memory = Memory(served.model.pages)
        self._waiting: list[Sequence] = []
        self._running: list[Sequence] = []
        self._work: mixing.Work | None = None

        self.rows = 0
        """Of the last step."""

    @property
    def waiting(self) -> int:
        """Answers that have not begun."""
        return len(self._waiting)

    def __len__(self) -> int:
        return len(self._waiting) + len(self._running)

    def add(self, job: Job) -> None:
        """One alternative computes the prompt for all."""
        first = Sequence(job)
        others = [Sequence(job, first, number) for number in range(1, job.request.alternatives)]
        self._waiting += [first, *others]

    def supersede(self, session: str) -> None:
        """Ends what runs of the session; what it has computed stays."""
        for sequence in [s for s in self._all() if s.job.request.session == session]:
            sequence.finish(Finish.CANCELLED)
        self._sweep()

    def fail_all(self, error: Exception) -> None:
        for sequence in self._all():
            self._fail(sequence, error)
        self._sweep()

    def cancel_all(self) -> None:
        for sequence in self._all():
            sequence.finish(Finish.CANCELLED)
        self._sweep()

    def step(self) -> bool:
        """One forward at most; false when nothing was left to run."""
        self._look()
        self._admit()
        if not self._running:
            return False
        given = schedule([Need(len(s.ids) - s.done, not s.answered) for s in self._running], self._rows)
        self.rows = sum(given)
        chosen = [(s, count) for s, count in zip(self._running, given, strict=True) if count]
        ready: list[tuple[Sequence, Floats]] = []
        for (sequence, count), logits_1V in zip(chosen, self._run(chosen), strict=True):
            if logits_1V is not None:
                sequence.done += count
                if sequence.done == len(sequence.ids):
                    ready.append((sequence, logits_1V))
        if ready:
            self._take(ready)
        self._sweep()
        return True

    def _all(self) -> Iterator[Sequence]:
        yield from [*self._running, *self._waiting]

    def _look(self) -> None:
        """Cancellations and deadlines."""
        now = time.monotonic()
        for sequence in self._all():
            if sequence.job.cancelled and not sequence.answered:
                sequence.finish(Finish.CANCELLED)
            elif not sequence.answered and (at := sequence.job.request.deadline) is not None and now >= at:
                sequence.answer_now()
        unwaited = [s for s in self._all() if s.answered and not s.over]
        for sequence in unwaited[: max(0, len(unwaited) - MOST_UNWAITED)]:
            sequence.over = True
        self._sweep()

    def _admit(self) -> None:
        """In the order in which they came: who needs much room is not passed over for ever. Who goes on for the cache
        alone gives way."""
        while (sequence := next((s for s in self._waiting if s.may_begin), None)) is not None:
            lease = self.memory.begin(sequence.ids, sequence.tokens)
            if lease is None:
                unwaited = next((s for s in self._running if s.answered), None)
                if unwaited is None:
                    return
                unwaited.over = True
                self._sweep()
                continue
            self._waiting.remove(sequence)
            sequence.job.begun = sequence.job.begun or time.monotonic()
            sequence.lease, sequence.done = lease, lease.reused
            self._running.append(sequence)

    def _run(self, chosen: list[tuple[Sequence, int]]) -> list[Floats | None]:
        """logits_1V of each; None where it has failed, alone."""
        slices = [self._slice(sequence, count) for sequence, count in chosen]
        try:
            return list(self.served.model.run(slices))
        except Exception as error:
            if len(chosen) > 1:
                return [self._run([one])[0] for one in chosen]
            self._fail(chosen[0][0], error)
            return [None]

    def _slice(self, sequence: Sequence, count: int) -> Slice:
        assert sequence.lease is not None
        at = sequence.done
        return Slice(sequence.ids[at : at + count], at, sequence.lease.table)

    def _take(self, ready: list[tuple[Sequence, Floats]]) -> None:
        """The next token of each."""
        logits_MV = np.concatenate([self._mixed(sequence, logits_1V) for sequence, logits_1V in ready])
        likeliest = logits_MV.argmax(1).tolist()
        tokens: list[int] = []
        for (sequence, _), best, logits_V in zip(ready, likeliest, logits_MV, strict=True):
            if sequence.is_prompt:
                self._keep(sequence)  # others find it, and the other alternatives begin
            tokens.append(best if sequence.is_greedy else sequence.choose(logits_V))
        noted = self._noted(ready, tokens, logits_MV)
        for number, (sequence, _) in enumerate(ready):
            try:
                sequence.accept(tokens[number], noted.get(number))
            except Exception as error:
                self._fail(sequence, error)

    def _mixed(self, sequence: Sequence, logits_1V: Floats) -> Floats:
        """With what the buffer says, where that is wanted."""
        if sequence.view is None:
            return logits_1V
        if self._work is None:
            self._work = mixing.work(logits_1V.shape[1])
        return sequence.view.mixed(logits_1V[0], self._work)[None]

    def _noted(self, ready: list[tuple[Sequence, Floats]], tokens: list[int], logits_MV: Floats) -> dict[int, float]:
        """Log-probabilities by row, where they are needed."""
        rows = [n for n, (sequence, _) in enumerate(ready) if sequence.needs_logprob]
        if not rows:
            return {}
        noted = dict(zip(rows, logprobs(logits_MV[rows], [tokens[n] for n in rows]), strict=True))
        for n in rows:  # what is scored is not asked to say again what stands before the cursor
            sequence = ready[n][0]
            if sequence.job.prepared.given and (among := sequence.among):
                noted[n] = logprobs(logits_MV[n : n + 1, among], [among.index(tokens[n])])[0]
        return noted

    def _keep(self, sequence: Sequence) -> None:
        if sequence.lease is not None:
            self.memory.keep(sequence.lease, sequence.ids[: sequence.done], sequence.job.request.session)

    def _fail(self, sequence: Sequence, error: Exception) -> None:
        """Nothing of it is kept."""
        logger.error("a request failed: %s", type(error).__name__)
        sequence.job.fail(error)
        for one in self._all():
            if one.job is sequence.job:
                one.answered = one.over = True
                if one.lease is not None:
                    self.memory.end(one.lease)
                    one.lease = None

    def _sweep(self) -> None:
        """Gives back what is over; what was computed stays in the tree."""
        for sequence in self._running:
            if sequence.over and sequence.lease is not None:
                self._keep(sequence)
                self.memory.end(sequence.lease)
        self._running = [s for s in self._running if not s.over]
        self._waiting = [s for s in self._waiting if not s.over]
