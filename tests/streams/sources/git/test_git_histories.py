"""Generated histories: every commit and every file of the tree is sent, or counted as left out."""

from __future__ import annotations

import subprocess
import tempfile
from collections import Counter
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from streams.event import Commit, Files
from streams.sources.git.commits import ALL_TOO_WIDE, MERGE, NO_TEXT
from streams.sources.git.cursors import Cursors
from streams.sources.git.history import History
from streams.sources.texts.text import MAX_FILE_BYTES
from tests.support.sources.steps import drain

SIZES = (0, 1, 60, MAX_FILE_BYTES, MAX_FILE_BYTES + 1)
NAMES = ("a.py", "b/c.py", "with space", "new\nline", "\u65e5\u672c.py", ".env", "n.ipynb", "-", 'quo"te')
COMMIT = (NO_TEXT, MERGE, ALL_TOO_WIDE)


@st.composite
def changes(draw: st.DrawFn) -> list[tuple[str, bytes | None]]:
    """Files with their contents; None deletes."""
    names = draw(st.lists(st.sampled_from(NAMES), min_size=1, max_size=3, unique=True))
    return [(name, draw(st.none() | contents())) for name in names]


@st.composite
def contents(draw: st.DrawFn) -> bytes:
    size = draw(st.sampled_from(SIZES))
    letter = draw(st.sampled_from([b"x", b"y\n", b"\0", b"\xe9"]))
    return (letter * size)[:size]


@st.composite
def histories(draw: st.DrawFn) -> bytes:
    """Commands of git fast-import: commits with one or two parents, each a former one."""
    stream, count = b"", draw(st.integers(1, 7))
    for mark in range(1, count + 1):
        stream += b"commit refs/heads/main\nmark :%d\ncommitter A <a@example.org> %d +0000\n" % (mark, mark)
        stream += b"data 5\nm %03d\n" % mark
        parents = draw(st.lists(st.integers(1, mark - 1), max_size=2, unique=True)) if mark > 1 else []
        for number, parent in enumerate(parents or range(mark - 1, max(0, mark - 2), -1)):
            stream += b"%s :%d\n" % (b"merge" if number else b"from", parent)
        for name, content in draw(changes()):
            path = b'"%s"' % name.encode().replace(b'"', b'\\"').replace(b"\n", b"\\n")
            if content is None:
                stream += b"D %s\n" % path
            else:
                stream += b"M 100644 inline %s\ndata %d\n%s\n" % (path, len(content), content)
    return stream


@settings(max_examples=60, deadline=None)
@given(histories(), st.integers(0, 6))
def test_every_commit_and_file_is_sent_or_counted(stream: bytes, new: int):
    """Of `new` commits the last ones come after the first sight."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "repository"
        git = ["git", "-C", str(path)]
        subprocess.run(["git", "init", "--quiet", "--initial-branch=main", path], check=True)
        subprocess.run([*git, "fast-import", "--quiet", "--force"], input=stream, check=True)
        listed = asked(git, "rev-list", "--topo-order", "--first-parent", "main")
        whole = set(asked(git, "rev-list", "main"))
        history = History.open(path, versions="last")
        first = listed[min(new, len(listed) - 1)]
        last = listed[0]
        subprocess.run([*git, "update-ref", "refs/heads/main", first], check=True)
        cursors, _ = history.begin(Cursors())
        present, cursors, left_out = drain(history, cursors, "present")
        sent = sum(len(event.files) if isinstance(event, Files) else 1 for event in present)
        tree = asked(git, "ls-tree", "-r", "-z", "--name-only", first, ends="\0")
        assert sent + left_out.total() == len(tree)
        subprocess.run([*git, "update-ref", "refs/heads/main", last], check=True)
        events, _, left_out = drain(history, cursors, "live", "past")
        commits = Counter(event.sha for event in events if isinstance(event, Commit))
        assert commits.keys() <= whole and set(commits.values()) <= {1}
        assert len(commits) + sum(left_out[reason] for reason in COMMIT) == len(whole)


def asked(git: list[str], *arguments: str, ends: str = "\n") -> list[str]:
    told = subprocess.run([*git, *arguments], capture_output=True, check=True).stdout.decode(errors="replace")
    return [line for line in told.split(ends) if line]
