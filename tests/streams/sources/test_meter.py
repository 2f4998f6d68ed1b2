"""How far training is behind the sources: what is on its way, and who may send."""

from __future__ import annotations

import time

import pytest

from streams.pace import Pace, read, write
from streams.sources.meter import FIRST_BYTES, Meter


class Trainer:
    """Writes what a trainer would; `now` is the meter's clock."""

    def __init__(self) -> None:
        self.pace: Pace | None = None
        self.now = 0.0

    def meter(self, room_s: float = 10.0, most_s: float = 30.0) -> Meter:
        return Meter(lambda: self.pace, room_s, most_s, lambda: self.now)

    def says(self, mark: int = 0, tokens: int = 0, rate: float = 1000.0, ready: int = 0, age_s: float = 0.0) -> None:
        self.pace = Pace(time.time() - age_s, rate, tokens, ready, {"id:0": mark})
        self.now += 1


@pytest.fixture
def trainer() -> Trainer:
    return Trainer()


def send(meter: Meter, size: int, offset: int, lane="present"):
    flight = meter.send(lane, size)
    flight.source, flight.offset = "id:0", offset
    return flight


def test_before_a_trainer_has_told_its_pace_a_first_window_is_sent(trainer):
    meter = trainer.meter()
    assert meter.has_room(10 * FIRST_BYTES), "something must be sent for a pace to be told"
    send(meter, FIRST_BYTES - 10, 0)
    assert meter.has_room(10) and not meter.has_room(11)
    assert meter.behind_s() is None and meter.fits(1 << 30)


def test_what_is_on_its_way_is_told_in_seconds_of_training(trainer):
    meter = trainer.meter()
    trainer.says()
    send(meter, 10_000, 0)
    assert meter.behind_s() == 3.0
    trainer.says(ready=5_000)
    assert meter.behind_s() == 8.0
    assert meter.has_room(6_000) and not meter.has_room(8_000)
    assert meter.fits(100_000) and not meter.fits(100_001)
    trainer.says(mark=1)
    assert meter.behind_s() == 0.0
    assert meter.has_room(90_000), "more than the room goes when nothing else is under way"


def test_the_share_of_bytes_that_become_tokens_is_measured(trainer):
    meter = trainer.meter()
    trainer.says(tokens=1_000_000)
    assert meter.behind_s() == 0.0
    send(meter, 100_000, 0)
    trainer.says(mark=1, tokens=1_050_000)
    send(meter, 10_000, 1)
    assert meter.behind_s() == 5.0
    trainer.says(mark=1, tokens=0)
    assert meter.behind_s() == 3.0, "a trainer that began anew is measured anew"


def test_a_trainer_does_not_starve_where_most_is_rejected(trainer):
    """What is on its way counts as what it came to lately; the next record as if it were kept whole."""
    meter = trainer.meter(room_s=5.0)
    trainer.says()
    assert meter.behind_s() == 0.0
    send(meter, 1_000_000, 0)
    trainer.says(mark=1, tokens=50_000)  # one byte in twenty became a token
    send(meter, 20_000, 1)
    assert meter.behind_s() == 2.0, "at 0.1 tokens a byte, the least"
    assert meter.has_room(10_000) and not meter.has_room(10_001), "at 0.3, as if it were kept"


def test_a_trainer_that_is_away_leaves_no_room(trainer):
    meter = trainer.meter()
    trainer.says(age_s=120)
    assert not meter.has_room(1_000_000)
    send(meter, 10, 0)
    assert not meter.has_room(1)


def test_lags_of_lanes_are_apart(trainer):
    meter = trainer.meter()
    trainer.says()
    send(meter, 10, 0, "past")
    trainer.now += 5
    send(meter, 10, 1, "live")
    trainer.now += 2
    assert (meter.lag_s("live"), meter.lag_s("present", "past")) == (2.0, 7.0)
    trainer.says(mark=1)
    assert (meter.lag_s("live"), meter.lag_s("present", "past")) == (3.0, 0.0)


def test_the_paces_file_is_read_as_it_was_written(tmp_path):
    assert read(tmp_path) is None
    pace = Pace(1.0, 2.0, 3, 4, {"a:0": 6})
    write(tmp_path, pace)
    assert read(tmp_path) == pace
    assert [path.stat().st_mode & 0o777 for path in tmp_path.iterdir()] == [0o600]
    (tmp_path / "pace.json").write_text("{")
    assert read(tmp_path) is None
