"""Two trainers on one folder without a lock: the older one ends, and neither harms what the newer one counts."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from model.checkpoint import Contents
from model.fim.formats import STARCODER
from model.manifest import Manifest, folders, newest
from model.reign import Superseded, check, highest, take
from model.training.publisher import Publisher
from streams.feed import ledger
from streams.feed.feed import Feed
from streams.feed.ledger import Ledger
from streams.feed.state import Limits, decode, fresh
from streams.frame import Frame
from tests.support.documents.lanes import ROW, TOKENIZER, TOPICS, Log, expected, some
from tests.support.models.tiny import QUICK, SHAPE, tokenizer, write_checkpoint

TAKE = "import sys, pathlib; from model.reign import take; print(take(pathlib.Path(sys.argv[1])))"


def test_every_start_takes_another_number(tmp_path: Path) -> None:
    processes = [
        subprocess.Popen([sys.executable, "-c", TAKE, str(tmp_path)], stdout=subprocess.PIPE, text=True)
        for _ in range(4)
    ]
    numbers = {int(process.communicate()[0]) for process in processes}
    assert len(numbers) == 4 and highest(tmp_path) == max(numbers)
    assert all(path.stat().st_mode & 0o777 == 0o600 for path in tmp_path.iterdir())


def test_old_files_go_and_the_number_never_falls(tmp_path: Path) -> None:
    assert [take(tmp_path) for _ in range(30)] == list(range(1, 31))
    assert len(list(tmp_path.iterdir())) == 8


@pytest.mark.parametrize("name", ["step-00000012-r7", "step-00000012-r7.2", "ledger-r7.bin", "ledger-r7-1.bin"])
def test_a_copied_folder_without_reigns_goes_on_above_what_it_holds(tmp_path: Path, name: str) -> None:
    (tmp_path / name).touch()
    for other in ("notes-r99.txt", "step-00000012", "ledger.bin", "ledger-1.bin"):
        (tmp_path / other).touch()
    assert take(tmp_path) == 8


def test_the_older_one_is_told_who_has_the_folder(tmp_path: Path) -> None:
    own = take(tmp_path)
    check(tmp_path, own)
    take(tmp_path)
    with pytest.raises(Superseded, match=r"Another trainer has begun on .* \(process \d+ on .*this one ends"):
        check(tmp_path, own)


def test_a_trainer_removes_nothing_of_a_later_reign(tmp_path: Path) -> None:
    for step, reign in ((1, 1), (2, 1), (1, 2), (3, 2), (5, 3)):
        write_checkpoint(tmp_path, step, reign=reign)
    torn = tmp_path / ".unfinished-step-00000009-r3"
    torn.mkdir()
    write_checkpoint(tmp_path, 9, keep=2, reign=2)
    assert [path.name for path in folders(tmp_path)] == ["step-00000003-r2", "step-00000009-r2", "step-00000005-r3"]
    assert torn.exists()
    write_checkpoint(tmp_path, 6, keep=1, reign=3)
    assert [path.name for path in folders(tmp_path)] == ["step-00000006-r3"] and not torn.exists()


class Race:
    """Trainers that take turns, one effect at a time, as the schedule says."""

    def __init__(self, folder: Path, log: list[list[Frame]], schedule: list[int]) -> None:
        self.folder, self.log, self.schedule = folder, log, schedule
        self.running: dict[int, Iterator[None]] = {}
        self.superseded: set[int] = set()
        self.busy: set[int] = set()

    def turn(self) -> None:
        """One effect of the trainer that is next; one that has ended or was never there begins."""
        number = self.schedule.pop(0)
        if number in self.busy:
            return
        trainer = self.running.setdefault(number, self.trainer(number))
        self.busy.add(number)
        try:
            next(trainer)
        except StopIteration:
            del self.running[number]
        except Superseded:
            self.superseded.add(number)
            del self.running[number]
        finally:
            self.busy.discard(number)

    def others(self) -> None:
        """What may happen between the look for a later trainer and the writing."""
        for _ in range(min(3, len(self.schedule))):
            self.turn()

    def trainer(self, number: int) -> Iterator[None]:
        own = take(self.folder)
        yield
        checkpoint = newest(self.folder)
        manifest = checkpoint[0] if checkpoint else None
        starts = {f"{t}:{p}": 0 for t in TOPICS.values() for p in range(len(self.log))}
        state = decode(checkpoint[1]) if checkpoint else fresh(TOKENIZER, [0] * len(self.log), starts)
        ledger.check(self.folder, state.ledger)
        yield
        publisher = Publisher(self.folder, QUICK, own, manifest)
        with closing(Ledger(self.folder, own)) as book:
            limits = Limits(row_tokens=ROW, rows=2, open_bins=4, closed=True)
            feed = Feed(Log(self.log, list(state.offsets)), book, limits, state)
            step = manifest.step if manifest else 0
            while feed.next(0.0) is not None:
                step += 1
                feed.trained(step)
                yield
                if step % 3 == 0:
                    self.publish(publisher, feed, step, own)
                    yield
            self.publish(publisher, feed, step, own)

    def publish(self, publisher: Publisher, feed: Feed, step: int, own: int) -> None:
        manifest = Manifest(
            step=step, reign=own, tokens=step, text_bytes=0, model=SHAPE, format=STARCODER,
            tokenizer=tokenizer().hash, bits_per_byte=None,
        )  # fmt: skip
        publisher.publish(manifest, feed.state(), feed.changes, self.contents(manifest))

    def contents(self, given: Manifest) -> Callable[[], Contents]:
        def build() -> Contents:
            self.others()
            return Contents(given, {"norm.weight": torch.zeros(1)}, {}, b"", tokenizer())

        return build

    def finish(self) -> None:
        """Those that run are left where they are, and one more trains to the end."""
        self.schedule = []
        for _ in self.trainer(-1):
            pass


@settings(deadline=None, max_examples=60, suppress_health_check=list(HealthCheck))
@given(st.lists(st.integers(0, 2), max_size=60))
def test_whatever_two_or_three_do_at_once_every_piece_is_trained_once(schedule: list[int]) -> None:
    log = some(partitions=2, count=5)
    with TemporaryDirectory() as folder:
        race = Race(Path(folder), log, list(schedule))
        while race.schedule:
            race.turn()
        race.finish()
        checkpoint = newest(Path(folder))
        assert checkpoint is not None
        entries = ledger.read(Path(folder), decode(checkpoint[1]).ledger)
        trained = Counter((e.topic_id, e.partition, e.offset, e.index, e.piece) for e in entries)
        assert trained == expected(log)
        for number, trainer in race.running.items():  # all that still ran see that they are superseded
            with pytest.raises(Superseded):
                for _ in trainer:
                    pass
            race.superseded.add(number)
