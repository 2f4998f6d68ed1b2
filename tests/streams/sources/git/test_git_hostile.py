"""A repository whose configuration would run a program, read by a git that knows nothing of GIT_NO_LAZY_FETCH."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections import Counter
from pathlib import Path

import pytest

from streams.sources.git.cursors import Cursor
from streams.sources.git.history import History
from streams.sources.git.log import LOG
from streams.sources.git.objects import Git, GitError

REMOTES = ("ext::{program}", "made-up::x", "ssh://host/x", "git://127.0.0.1:9/x", "file://{folder}", "{folder}")


@pytest.fixture
def hostile(git_folder, tmp_path):
    """Returns a function that gives the repository a remote, and the file that its program makes."""
    ran, program = tmp_path / "ran", tmp_path / "program"
    program.write_text(f"#!/bin/sh\ntouch {ran}\nexit 1\n")
    program.chmod(0o755)
    shutil.copy(program, tmp_path / "git-remote-made-up")
    git_folder.commit("one", {"a.py": "1", "folder/b.py": "1", ".gitattributes": "* diff=x filter=x\n"})
    git_folder.commit("two", {"a.py": "2", "folder/b.py": "3"})
    programs = (
        *(
            "core.fsmonitor",
            "core.sshCommand",
            "core.gitProxy",
            "core.askPass",
            "core.pager",
            "pager.log",
            "core.editor",
        ),
        *("diff.external", "diff.x.textconv", "diff.x.command", "filter.x.smudge", "filter.x.process", "gpg.program"),
        *("core.alternateRefsCommand", "credential.helper", "remote.origin.uploadpack", "alias.log"),
    )
    settings = dict.fromkeys(programs, str(program))
    settings |= {f"protocol.{name}.allow": "always" for name in ("ext", "file", "ssh", "git", "made-up")}
    settings |= {"protocol.allow": "always", "log.showSignature": "true", "diff.orderFile": "nowhere"}
    settings |= {
        "remote.origin.promisor": "true",
        "extensions.partialClone": "origin",
        "core.repositoryFormatVersion": "1",
    }

    def make(remote: str) -> Path:
        for name in ("post-index-change", "reference-transaction", "post-checkout", "pre-auto-gc"):
            shutil.copy(program, git_folder.path / ".git/hooks" / name)
        for key, value in settings.items():
            git_folder.git("config", key, value)
        git_folder.git("config", "remote.origin.url", remote.format(program=program, folder=tmp_path / "other"))
        return ran

    return make


@pytest.fixture
def old_git(tmp_path, monkeypatch):
    """On PATH: a git that does not know GIT_NO_LAZY_FETCH, and helpers of protocols."""
    wrapper = tmp_path / "git"
    wrapper.write_text(f'#!/bin/sh\nunset GIT_NO_LAZY_FETCH\nexec {shutil.which("git")} "$@"\n')
    wrapper.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")


def lose(repository: Path, id_: str) -> str:
    (repository / ".git/objects" / id_[:2] / id_[2:]).unlink()
    return id_


@pytest.mark.parametrize(
    ("lost", "remote"),
    [(lost, REMOTES[0]) for lost in ("HEAD", "HEAD^", "HEAD^{tree}", "HEAD:folder", "HEAD^:folder", "HEAD:a.py", "")]
    + [("HEAD:a.py", remote) for remote in REMOTES[1:]],
)
def test_reading_runs_nothing_and_connects_to_nothing(git_folder, hostile, old_git, lost, remote):
    ran = hostile(remote)
    if lost:
        lose(git_folder.path, git_folder.git("rev-parse", lost))
    ran.unlink(missing_ok=True)
    left_out: Counter[str] = Counter()
    given: list[str] = []
    try:
        history = History.open(git_folder.path)
        assert history.warning().startswith("a partial clone")
        for cursor in (Cursor(), Cursor(git_folder.path.name), Cursor("1" * 40, "2" * 40, 1)):
            given = [event.message for step in history.live(cursor, left_out) for event in step.events[:1]]
    except GitError as error:
        assert lost not in ("", "HEAD:a.py"), error
    else:
        assert given == ["one", "two"]
    assert not ran.exists()


OURS = (
    ("rev-parse", "--verify", "--quiet", "--end-of-options", "HEAD^{commit}"),
    ("config", "--get-regexp", "remote"),
    ("rev-list", "--count", "HEAD"),
    ("merge-base", "HEAD", "1" * 40),
    ("ls-tree", "-r", "-z", "HEAD"),
    ("cat-file", "--batch-command", "--buffer"),
    (*LOG, "HEAD", "--"),
)


@pytest.mark.parametrize("remote", REMOTES)
def test_no_command_of_ours_runs_anything_in_the_repository_itself(git_folder, hostile, old_git, remote):
    """Each guard is enough by itself: settings and variables without a view of the objects."""
    ran = hostile(remote)
    lost = [lose(git_folder.path, git_folder.git("rev-parse", name)) for name in ("HEAD:a.py", "HEAD:folder")]
    ran.unlink(missing_ok=True)
    git = Git(git_folder.path)
    asked = "".join(f"{verb} {id_}\n" for verb in ("info", "contents") for id_ in lost)
    for name in ("", "GIT_ALLOW_PROTOCOL"):  # the protocols named one by one, and the list of all
        if name and remote.startswith("made-up"):
            continue  # what a configuration makes up cannot be named: only the list keeps it out
        environment = {key: value for key, value in git.environment().items() if key != name}
        for arguments in OURS:
            subprocess.run(git.command(*arguments), env=environment, input=asked.encode(), capture_output=True)
            assert not ran.exists(), arguments


def test_such_a_configuration_does_run_a_program_where_nothing_guards(git_folder, hostile):
    ran = hostile("ext::{program}")
    lost = lose(git_folder.path, git_folder.git("rev-parse", "HEAD:a.py"))
    ran.unlink(missing_ok=True)
    subprocess.run(["git", "-C", git_folder.path, "cat-file", "-p", lost], capture_output=True)
    assert ran.exists()
