"""A source that goes on producing while workers are killed."""

from __future__ import annotations

import threading
import time

from tests.support.programs.crew import Crew, documents, files, python

CHUNK = 9
"""Records of a partition that are produced together; the last of them is a copy of the first."""

AT_LEAST = 8
"""Chunks of a round: with ROUNDS + 1 rounds and two partitions, 432 records."""


class Source(threading.Thread):
    """Goes on producing, a few records at a time so that they become several Frames, until it is told to end."""

    def __init__(self, crew: Crew, number: int) -> None:
        super().__init__()
        self.crew, self.number = crew, number
        self.sent: set[str] = set()
        self.copies = 0
        self.ending = threading.Event()
        self.start()

    def run(self) -> None:
        chunk = 0
        while chunk < AT_LEAST or not self.ending.is_set():
            for partition in range(2):
                origins = self.crew.produce("files", self.records(chunk, partition), partition)
                self.sent |= set(documents(origins, [3] * len(origins)))
                self.copies += 3
            chunk += 1
            time.sleep(0.5)

    def records(self, chunk: int, partition: int) -> list[bytes]:
        first = ((self.number * 1000 + chunk) * 2 + partition) * CHUNK * 3
        texts = [[python(first + n * 3 + i) for i in range(3)] for n in range(CHUNK - 1)]
        return [files(three, f"{first}/{n}") for n, three in enumerate([*texts, texts[0]])]
