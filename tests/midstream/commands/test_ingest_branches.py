"""`midstream ingest git` on more than what stands there: other branches, `git fetch`, contents that are missing."""

from __future__ import annotations

import signal

from streams.event import decode
from tests.support.programs.ingesting import ended, wait_for_records


def messages(records) -> list[str]:
    return [decode(record.value).message for record in records]


def test_all_branches_brings_what_each_has_of_its_own_once(midstream, read_all, git_folder):
    git_folder.commit("first", {"a.py": "1\n"})
    git_folder.git("switch", "--quiet", "--create", "side")
    git_folder.commit("on the side", {"b.py": "2\n"})
    git_folder.git("switch", "--quiet", "main")
    git_folder.commit("second", {"a.py": "3\n"})
    ended(midstream("ingest", "git", git_folder.path, "--all-branches", "--no-versions"))
    assert sorted(messages(read_all("commits"))) == ["first", "on the side", "second"]
    again = ended(midstream("ingest", "git", git_folder.path, "--all-branches", "--no-versions"))
    assert again.startswith("sent nothing")
    git_folder.git("switch", "--quiet", "side")
    git_folder.commit("more on the side", {"b.py": "4\n"})
    git_folder.git("switch", "--quiet", "main")
    ended(midstream("ingest", "git", git_folder.path, "--all-branches", "--no-versions"))
    assert sorted(messages(read_all("commits"))) == ["first", "more on the side", "on the side", "second"]


def test_a_branch_that_head_is_on_is_not_followed_twice(midstream, connection, read_all, git_folder):
    git_folder.commit("first", {"a.py": "1\n"})
    git_folder.git("branch", "side")
    command = ("ingest", "git", git_folder.path, "--follow", "--all-branches", "--no-versions", "--interval", 0.1)
    following = midstream(*command)
    wait_for_records(connection, 1)
    git_folder.commit("second", {"a.py": "2\n"})
    wait_for_records(connection, 2)
    git_folder.git("reset", "--quiet", "--hard", "HEAD~1")
    assert any("HEAD went back to" in line for line in following.stdout)
    git_folder.commit("third", {"a.py": "3\n"})
    wait_for_records(connection, 3)
    following.send_signal(signal.SIGTERM)
    assert "went back" not in ended(following), "said once"
    assert messages(read_all("commits")) == ["first", "second", "third"]


def test_fetch_every_brings_what_was_pushed_elsewhere(midstream, connection, read_all, git_folder, tmp_path):
    git_folder.commit("first", {"a.py": "1\n"})
    clone = type(git_folder)(tmp_path / "clone")
    clone.path.mkdir()
    clone.git("clone", "--quiet", str(git_folder.path), ".")
    command = ("ingest", "git", clone.path, "--follow", "--ref", "origin/main", "--no-versions", "--interval", 0.1)
    following = midstream(*command, "--fetch-every", 0.2)
    wait_for_records(connection, 1)
    git_folder.commit("pushed elsewhere", {"a.py": "2\n"})
    wait_for_records(connection, 2)
    git_folder.path.rename(tmp_path / "gone")
    word = f"{clone.path}: git fetch failed; `git -C {clone.path} fetch --all` says why"
    assert any(word in line for line in following.stdout)
    following.send_signal(signal.SIGTERM)
    assert word not in ended(following), "said once"
    assert messages(read_all("commits")) == ["first", "pushed elsewhere"]


def test_contents_that_are_missing_end_it_with_an_error_and_come_later(midstream, read_all, git_folder, tmp_path):
    git_folder.commit("first", {"a.py": "1\n", "b.py": "2\n"})
    lost = git_folder.git("rev-parse", "HEAD:b.py")
    path = git_folder.path / ".git/objects" / lost[:2] / lost[2:]
    path.rename(tmp_path / "lost")
    process = midstream("ingest", "git", git_folder.path)
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 1, out
    word = (
        f"contents of files are missing: `git -C {git_folder.path} fsck` names them; they are read once they are there"
    )
    assert f"Error: {word}" in out
    (tmp_path / "lost").rename(path)
    ended(midstream("ingest", "git", git_folder.path))
    texts = {file.path: file.text for record in read_all("files") for file in decode(record.value).files}
    assert texts == {"a.py": "1\n", "b.py": "2\n"}
