"""Repositories read side by side: turns, failures, cursors. The delivery is a list; the repositories are real."""

from __future__ import annotations

import threading
from collections import Counter
from pathlib import Path

import pytest

from streams.event import Commit, Event, Files, encode
from streams.sources.delivery import Undelivered
from streams.sources.git.commits import Versions
from streams.sources.git.cursors import Cursor, CursorFile, Cursors
from streams.sources.git.history import History
from streams.sources.git.reader import TURN_STEPS, Reader
from streams.sources.git.rounds import OPEN, rounds
from streams.sources.report import _past_bytes


class Taken:
    """Takes events as Kafka would; `refuse` makes the next confirmation fail."""

    def __init__(self) -> None:
        self.left_out: Counter[str] = Counter()
        self.events: list[Event] = []
        self.refuse = False

        self.bytes = 0

    def send(self, event: Event, lane: str = "live", left_out: Counter[str] | None = None) -> None:
        self.events.append(event)
        self.bytes += len(encode(event))

    def confirm(self) -> None:
        if self.refuse:
            raise Undelivered("refused")

    def commits(self) -> list[tuple[str, str]]:
        return [(event.repository.name, event.message) for event in self.events if isinstance(event, Commit)]


@pytest.fixture
def place(tmp_path, git_folder):
    """Makes repositories and readers of them that share one delivery."""

    class Place:
        def __init__(self) -> None:
            self.taken = Taken()
            self.words: list[str] = []
            self.unread: list[str] = []
            self.now = 0.0
            self.opened: list[tuple[str, float]] = []

        def repository(self, name: str, commits: int):
            folder = type(git_folder)(tmp_path / name)
            folder.path.mkdir()
            folder.git("init", "--quiet", "--initial-branch=main")
            lines = []
            for number in range(1, commits + 1):
                text = f"{name} {number}"
                lines += ["commit refs/heads/main", f"committer A <a@example.org> {number} +0000"]
                lines += [f"data {len(text)}", text, "M 100644 inline a.py", f"data {len(text)}", text]
            stream = tmp_path / "stream"
            stream.write_text("\n".join(lines) + "\n")
            folder.git("-c", "alias.import=!git fast-import --quiet < " + str(stream), "import")
            return folder

        def file(self, path: Path) -> CursorFile:
            return CursorFile.of(tmp_path / "cursors", path, "HEAD", "topic")

        def reader(
            self, path: Path, limit: int | None = None, ref: str = "HEAD", versions: Versions = "none", meter=None
        ) -> Reader:
            def open_() -> History:
                self.opened.append((path.name, self.now))
                return History.open(path, ref, versions=versions)

            return Reader(
                open_, self.file(path), self.taken, self.words.append, limit, lambda: self.now, self.unread.append,
                meter,
            )  # fmt: skip

    return Place()


def run(*readers: Reader) -> None:
    for _ in rounds(readers, threading.Event(), follow=False, interval=0):
        pass
    for reader in readers:
        reader.close()


def test_a_small_repository_does_not_wait_for_a_huge_one(place):
    huge, small = place.repository("huge", 4 * TURN_STEPS), place.repository("small", 2)
    run(place.reader(huge.path), place.reader(small.path))
    names = [name for name, _ in place.taken.commits()]
    assert names.index("small") <= TURN_STEPS
    assert Counter(names) == {"huge": 4 * TURN_STEPS, "small": 2}
    assert place.file(huge.path).read().past.done


@pytest.mark.parametrize("share", [0.01, 0.3, 0.5, 1.0])
@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0)])
def test_no_share_of_a_repository_makes_all_of_them_wait(place, monkeypatch, share: float, order: tuple[int, ...]):
    """One that has had its share waits for others, but not for those whose past waits for its own tree."""
    monkeypatch.setattr("streams.sources.git.rounds.SHARED_BYTES", 1000)
    folders = [place.repository(name, commits) for name, commits in (("large", 3), ("small", 40), ("other", 2))]
    for n in range(30):
        folders[0].write({f"d{n}/f.py": f"value_{n} = {n}\n" * 400})
    folders[0].git("add", "--all")
    folders[0].git("commit", "--quiet", "--message", "many")
    readers = [place.reader(folders[n].path, versions="last") for n in order]
    for number, _ in enumerate(rounds(readers, threading.Event(), follow=False, interval=0, share=share)):
        assert number < 2000, [(r.title, r.progress.metered_bytes, r.cursors.present.done) for r in readers]
    sent = {(e.repository.name, file.path) for e in place.taken.events if isinstance(e, Files) for file in e.files}
    assert {("large", f"d{n}/f.py") for n in range(30)} <= sent
    assert all(reader.cursors.past.done for reader in readers)


def test_the_one_that_fails_is_said_and_the_others_are_read(place, tmp_path):
    good, bad = place.repository("good", 3), place.repository("bad", 3)
    lost = bad.git("rev-parse", "HEAD^{tree}")
    path = bad.path / ".git/objects" / lost[:2] / lost[2:]
    kept = path.rename(tmp_path / "kept")
    readers = [place.reader(bad.path), place.reader(tmp_path / "nowhere"), place.reader(good.path)]
    run(*readers)
    assert [bool(reader.failure) for reader in readers] == [True, True, False]
    assert len(place.words) == 2
    assert place.taken.commits() == [("good", f"good {n}") for n in (3, 2, 1)]
    kept.rename(path)
    run(place.reader(bad.path))
    assert place.taken.commits()[3:] == [("bad", f"bad {n}") for n in (3, 2, 1)]


def test_with_follow_one_that_fails_is_tried_again_ever_more_seldom_while_the_others_go_on(place, tmp_path):
    good, late = place.repository("good", 1), tmp_path / "late"
    readers = [place.reader(late), place.reader(good.path)]
    turns = rounds(readers, threading.Event(), follow=True, interval=0)
    for second in range(40):
        place.now = float(second)
        next(turns)
    assert [now for name, now in place.opened if name == "late"] == [0, 1, 3, 7, 15, 31]
    assert len(place.words) == 1, "the same word is said once"
    good.commit("later", {"b.py": "b"})
    for _ in range(3):
        next(turns)
    assert place.taken.commits() == [("good", "good 1"), ("good", "later")]
    place.repository("late", 2)
    place.now = 1000
    for _ in range(3):
        next(turns)
    assert place.taken.commits()[2:] == [("late", "late 2"), ("late", "late 1")]
    assert place.words[-1] == "is read again"
    assert readers[0].failure == ""
    assert [bool(word) for word in place.unread] == [True, False, True, True, True, True, True, False]


def test_a_ref_that_goes_is_named_and_waited_for_ever_more_seldom(place):
    folder = place.repository("one", 1)
    folder.git("branch", "side")
    reader = place.reader(folder.path, ref="side")
    turns = rounds([reader], threading.Event(), follow=True, interval=0)
    next(turns)
    folder.git("branch", "--delete", "--force", "--quiet", "side")
    failed = []
    for second in range(1, 20):
        place.now = float(second)
        before = len(place.unread)
        next(turns)
        failed += [second] * (len(place.unread) > before)
    assert len(place.words) == 1 and "there is no side" in place.words[0] and reader.failure
    assert failed == [1, 2, 4, 8, 16]
    folder.commit("later", {"b.py": "b"})
    folder.git("branch", "side")
    place.now = 1000.0
    for _ in range(4):
        next(turns)
    reader.close()
    assert sorted(place.taken.commits()) == [("one", "later"), ("one", "one 1")] and not reader.failure


def test_the_cursor_of_what_was_sent_is_stored_when_git_fails(place, tmp_path):
    folder = place.repository("halfway", 5)
    lost = folder.git("rev-parse", "HEAD~3^{tree}")
    path = folder.path / ".git/objects" / lost[:2] / lost[2:]
    kept = path.rename(tmp_path / "kept")
    run(place.reader(folder.path))
    sent = len(place.taken.commits())
    assert 0 < sent < 4
    assert place.file(folder.path).read().past.position == sent
    kept.rename(path)
    run(place.reader(folder.path))
    assert place.taken.commits() == [("halfway", f"halfway {n}") for n in range(5, 0, -1)]


def test_what_was_not_confirmed_is_not_in_the_cursor(place):
    folder = place.repository("one", 3)
    place.taken.refuse = True
    with pytest.raises(Undelivered):
        run(place.reader(folder.path))
    assert place.file(folder.path).read() == Cursors()


def test_limits_and_more_repositories_than_may_be_open(place):
    folders = [place.repository(f"r{n}", 3) for n in range(OPEN + 3)]
    run(*[place.reader(folder.path, limit=2) for folder in folders])
    assert Counter(name for name, _ in place.taken.commits()) == {folder.path.name: 2 for folder in folders}
    run(*[place.reader(folder.path) for folder in folders])
    assert Counter(name for name, _ in place.taken.commits()) == {folder.path.name: 3 for folder in folders}


def test_a_damaged_cursor_says_which_file_to_remove(place):
    folder = place.repository("one", 1)
    place.file(folder.path).write(Cursors(live=Cursor("d")))
    place.file(folder.path).path.write_bytes(b'{"done"')
    reader = place.reader(folder.path)
    run(reader)
    assert str(place.file(folder.path).path) in reader.failure


def test_stopping_ends_a_turn(place):
    folder = place.repository("long", 20)
    stop = threading.Event()
    reader = place.reader(folder.path)
    send, place.taken.send = place.taken.send, lambda event, *_: (send(event), stop.set())
    for _ in rounds([reader], stop, follow=True, interval=0):
        pass
    reader.close()
    assert len(place.taken.commits()) == 1
    assert place.file(folder.path).read().past.position == 1


class Slow:
    """A meter of a trainer that takes a byte a second: nothing larger than `most` bytes may go."""

    def __init__(self, most: int) -> None:
        self.most, self.room = most, 0

    def fits(self, size: int, times: float = 1.0) -> bool:
        return size <= times * self.most

    def has_room(self, size: int = 0) -> bool:
        return size <= self.room


def test_a_file_that_is_too_long_for_the_trainer_is_named(place):
    folder = place.repository("one", 1)
    folder.commit("long", {"long.py": "x = 1\n" * 1000})
    reader = place.reader(folder.path, versions="last", meter=Slow(700))
    reader._meter.room = 3000
    run(reader)
    assert [w for w in place.words if "long.py" in w] == [
        "long.py is left out: it would take longer to train on than 4 × lag_s"
    ]
    assert reader.left_out["file of the tree that would take longer to train on than four times [sources] lag_s"] == 1


def test_how_much_is_left_and_why_it_stands_still(place):
    folder = place.repository("one", 3)
    folder.git("reset", "--quiet", "--hard")
    folder.commit("more", {f"d{n}.py": f"{n}\n" * 2000 for n in range(3)})
    meter = Slow(1 << 20)
    reader = place.reader(folder.path, versions="last", meter=meter)
    turns = rounds([reader], threading.Event(), follow=True, interval=0)
    next(turns)
    assert reader.tree_bytes_left == 3 * 4000 + len("one 3")
    assert _past_bytes([reader]) == [None], "no commit of the past has shown how large one is"
    place.now += 90
    next(turns)
    assert (reader.still_s, reader.waits_for_room) == (90, True)
    meter.room = 1 << 20
    while not reader.cursors.past.done:
        next(turns)
    assert (reader.tree_bytes_left, _past_bytes([reader]), reader.still_s) == (0, [0], 0)
    assert reader.progress.past_bytes > reader.progress.past_sent > 0


def test_how_much_a_past_is_from_few_commits_is_that_of_all_repositories(place):
    folders = [place.repository("long", 90), place.repository("short", 4)]
    readers = [place.reader(folder.path) for folder in folders]
    for reader, sent, size, left in zip(readers, (60, 1), (6_000, 9_000), (30, 3), strict=True):
        reader.progress.past_sent, reader.progress.past_bytes = sent, size
        reader.progress.past_commits = left
    assert _past_bytes(readers) == [30 * 100, round(3 * 15_000 / 61)]
