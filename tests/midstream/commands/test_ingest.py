"""`midstream ingest` as a user runs it, against a real broker."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
import zipfile

import pytest

from streams.event import Files, Repository, SourceFile, decode
from streams.sources.delivery import EventDelivery
from streams.sources.meter import Meter
from tests.support.programs.ingesting import ended, wait_for_records
from tests.support.sources.github_events import ISSUE, PULL

pytestmark = pytest.mark.broker


def test_files_go_into_their_topic_keyed_by_repository(midstream, read_all, tmp_path):
    folder = tmp_path / "project"
    folder.mkdir()
    for number in range(20):
        (folder / f"{number}.py").write_text(f"print({number})\n")
    assert ended(midstream("ingest", "files", folder)) == "sent 2 events: 2 to files (0.0 MB)\n"
    records = read_all("files")
    assert {record.key for record in records} == {b"local/project"}
    assert len({record.partition for record in records}) == 1
    assert sum(len(decode(record.value).files) for record in records) == 20


def test_archives_and_notebooks_are_files_too_and_a_damaged_one_ends_nothing(midstream, read_all, tmp_path):
    with zipfile.ZipFile(tmp_path / "pkg-1.0-py3-none-any.whl", "w") as archive:
        archive.writestr("pkg/a.py", "x = 1\n")
        archive.writestr("pkg/n.ipynb", '{"cells": [{"cell_type": "code", "source": "1"}]}')
    (tmp_path / "bad.crate").write_text("none")
    process = midstream("ingest", "files", tmp_path / "bad.crate", tmp_path / "pkg-1.0-py3-none-any.whl")
    out, _ = process.communicate(timeout=60)
    damaged, sent, counted, error = out.splitlines()
    assert damaged.startswith(f"{tmp_path / 'bad.crate'} cannot be read: ")
    assert process.returncode == 1
    assert error == "Error: 1 path could not be read to the end, as said above; everything else was"
    assert sent == "sent 2 events: 1 to files, 1 to notebooks (0.0 MB)"
    assert counted == "left out 1: archive damaged or too large"
    assert {record.key for topic in ("files", "notebooks") for record in read_all(topic)} == {b"pypi/pkg"}


@pytest.mark.parametrize("kind", ["files", "notebooks"])
def test_a_path_that_is_not_there_is_named_and_the_others_are_read(midstream, read_all, tmp_path, kind):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "n.ipynb").write_text('{"cells": [{"cell_type": "code", "source": "1"}]}')
    process = midstream("ingest", kind, tmp_path / "a", tmp_path / "nosuch", tmp_path / "b")
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 1
    assert f"{tmp_path / 'nosuch'}: cannot be read (No such file or directory)" in out
    assert out.splitlines()[-1] == "Error: 1 path could not be read to the end, as said above; everything else was"
    assert {record.key for record in read_all("notebooks")} == {b"local/a", b"local/b"}


def test_a_ref_that_is_not_there_when_following_begins_is_an_error(midstream, git_folder, tmp_path):
    git_folder.commit("first", {"a.py": "1\n"})
    process = midstream("ingest", "git", git_folder.path, "--follow", "--ref", "nosuch")
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 1 and f"Error: {git_folder.path}: there is no nosuch" in out


def test_new_commits_and_what_was_left_out_are_counted_over_all_runs(midstream, git_folder, tmp_path):
    git_folder.commit("first", {"a.py": "1\n"})
    ended(midstream("ingest", "git", git_folder.path))
    for number in range(2):
        git_folder.commit(f"{number}", {"a.py": f"{number}", "b.bin": f"\0{number}"})
        ended(midstream("ingest", "git", git_folder.path))
        ended(midstream("ingest", "git", git_folder.path, "--ref", "HEAD~0"))  # another title
    (path,) = (tmp_path / "state").rglob("sources.json")
    told = json.loads(path.read_bytes())
    assert told["new_commits"] == {str(git_folder.path): 2, f"{git_folder.path} (HEAD~0)": 1}
    assert told["repositories"][0]["commits"] == 1 and told["left_out"]["binary"] > 2


def test_a_history_goes_on_where_the_last_run_ended(midstream, read_all, git_folder):
    for number in range(5):
        git_folder.commit(f"commit {number}", {"a.py": f"{number}\n"})
    outs = [ended(midstream("ingest", "git", git_folder.path, "--no-versions", "--max-commits", 2)) for _ in range(4)]
    sent = ["sent 2 events: 2 to commits", "sent 2 events: 2 to commits", "sent 1 event: 1 to commits", "sent nothing"]
    assert [out.partition(" (")[0] for out in outs] == sent
    messages = [decode(record.value).message for record in read_all("commits")]
    assert messages == [f"commit {number}" for number in range(4, -1, -1)]
    assert read_all("files") == []


def test_follow_picks_up_commits_until_it_is_told_to_stop(midstream, connection, read_all, git_folder):
    git_folder.commit("first", {"a.py": "1\n"})
    following = midstream("ingest", "git", git_folder.path, "--follow", "--interval", 0.1)
    wait_for_records(connection, 1)
    git_folder.commit("second", {"a.py": "2\n"})
    wait_for_records(connection, 2)
    following.send_signal(signal.SIGTERM)
    assert ended(following).startswith("sent 4 events: 2 to commits, 2 to files")
    assert ended(midstream("ingest", "git", git_folder.path)) == "sent nothing (0.0 MB)\n"
    assert [decode(record.value).message for record in read_all("commits")] == ["first", "second"]


def test_a_kill_repeats_at_most_and_loses_nothing(midstream, connection, read_all, git_folder):
    git_folder.commit("first", {"a.py": "1\n"})
    following = midstream("ingest", "git", git_folder.path, "--follow", "--interval", 0.1)
    wait_for_records(connection, 1)
    following.kill()
    following.communicate()
    git_folder.commit("second", {"a.py": "2\n"})
    ended(midstream("ingest", "git", git_folder.path))
    messages = [decode(record.value).message for record in read_all("commits")]
    assert set(messages) == {"first", "second"} and len(messages) <= 3


def test_one_broken_repository_of_two_is_said_and_the_other_is_read(midstream, read_all, git_folder, tmp_path):
    git_folder.commit("first", {"a.py": "1\n", "__init__.py": ""})
    process = midstream("ingest", "git", tmp_path / "nowhere", git_folder.path)
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "sent 2 events: 1 to commits, 1 to files" in out
    assert out.splitlines()[-2] == "Error: not read to the end, 1 of 2 repositories:"
    assert "nowhere" in out.splitlines()[-1]
    assert [decode(record.value).message for record in read_all("commits")] == ["first"]


def test_a_closed_terminal_ends_following_like_a_request_to_stop(midstream, connection, git_folder, hangup):
    git_folder.commit("first", {"a.py": "1\n"})
    following = midstream("ingest", "git", git_folder.path, "--follow", "--interval", 0.1)
    wait_for_records(connection, 1)
    following.send_signal(signal.SIGHUP)
    assert ended(following).startswith("sent 2 events: 1 to commits, 1 to files")
    assert ended(midstream("ingest", "git", git_folder.path)) == "sent nothing (0.0 MB)\n"


def test_peek_shows_what_was_sent(midstream, tmp_path):
    (tmp_path / "a.py").write_text("x" * 200)
    ended(midstream("ingest", "files", tmp_path / "a.py", "--name", "named"))
    (line,) = ended(midstream("peek", "files")).splitlines()
    shown = json.loads(line)
    assert shown["key"] == "local/named"
    assert shown["value"]["files"][0]["text"] == "x" * 80 + "… (200 characters)"
    (line,) = ended(midstream("peek", "signatures")).splitlines()
    assert json.loads(line)["value"]["t"] == "genesis"


def test_ingest_without_topics_says_what_to_do(bare_connection, tmp_path):
    where = ["--brokers", bare_connection.brokers, "--prefix", bare_connection.prefix]
    command = [sys.executable, "-m", "midstream", "ingest", "files", str(tmp_path), *where]
    told = subprocess.run(command, capture_output=True, text=True)
    assert told.returncode == 1
    assert told.stderr.startswith("Error: No topics under")
    assert "midstream topics create" in told.stderr


def test_events_become_threads_across_runs_and_from_the_standard_input(midstream, read_all, tmp_path):
    hours = tmp_path / "hours"
    hours.mkdir()
    (hours / "0.json").write_text(json.dumps(ISSUE[:2]))
    (hours / "1.json").write_text("no events")
    process = midstream("ingest", "events", hours)
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 1 and "1.json: holds no JSON object" in out and "sent 1 event: 1 to issues" in out
    assert "Error: 1 file could not be read to the end, as said above; everything else was" in out
    (tmp_path / "rest").write_text("\n".join(map(json.dumps, [*ISSUE, *PULL])))
    assert "sent 2 events: 2 to issues" in ended(midstream("ingest", "events", tmp_path / "rest"))
    with (tmp_path / "rest").open("rb") as file:
        again = ended(midstream("ingest", "events", "-", stdin=file))
    assert again.splitlines()[0] == "sent nothing (0.0 MB)"
    assert again.splitlines()[1:] == ["left out 8: event that was known, or older than what is known"]
    sent = [decode(record.value) for record in read_all("issues")]
    assert [(one.number, len(one.comments)) for one in sorted(sent, key=lambda e: (e.number, e.updated))] == [
        (7, 2), (7, 4), (8, 4)
    ]  # fmt: skip


def test_acknowledgements_are_collected_while_nothing_is_sent(connection):
    """Else the meter takes what was sent last for under way until the next new commit, and nothing more is sent."""
    repository = Repository(name="r")
    meter = Meter(lambda: None, 10.0)
    with EventDelivery(connection, meter) as delivery:
        for number in range(3):
            delivery.send(Files(repository=repository, files=[SourceFile(path=f"{number}", text="x")]), "present")
        deadline = time.monotonic() + 60
        while any(not flight.source for flight in meter.under_way):
            assert time.monotonic() < deadline, "a record stays under way for ever"
            delivery.collect()
            time.sleep(0.05)
        assert sorted(flight.offset for flight in meter.under_way) == [0, 1, 2]


def test_a_name_is_one_repositorys(midstream, git_folder, tmp_path):
    process = midstream("ingest", "git", git_folder.path, tmp_path, "--name", "both")
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 2 and "one PATH at a time" in out
