"""The first hour of `midstream up`: how long a new commit takes to be trained on while trees and pasts are read.

Repositories are given, or made of releases file by file, and of the packages that are installed here, whose tree alone
counts. `midstream up` runs with the shipped defaults; once it trains, commits are made one after the other, and each
is followed from `git commit` to the training step in the trainer's ledger. The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

from common.first_hour_account import Account
from common.histories import WHO, git, histories
from common.machine import machine
from common.single_files import single_files
from stream import free_port

from midstream.settings import cache_home, load
from streams import pace
from streams.sources import report

COMMITS = 36
"""That are made and followed."""
EVERY_S = 8.0
"""Between two of them."""
BEGIN_S = 900.0
"""For the broker, the tokenizer and the first step."""
PATIENCE_S = 300.0
"""For the last commit."""
TREES_S = 3600.0
"""For the trees to be trained on."""
TREE_BYTES = 45_000_000
"""Of present trees, at least, where no repositories are given."""
SUFFIXES = {".py", ".pyi", ".h", ".hpp", ".cpp", ".c", ".js", ".ts", ".md", ".rst", ".cmake", ".html", ".css", ".cu"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folders", nargs="*", type=Path, help="Clones of git; else releases, and installed packages.")
    parser.add_argument("--commits", type=int, default=COMMITS)
    parser.add_argument("--past", action="store_true", help="Wait until all trees are read and the past is sent.")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        origin, repositories = prepare(arguments.folders, work)
        say(f"{len(repositories)} repositories: {backlog(repositories):,} commits, {trees(repositories) / 1e6:.1f} MB")
        print(json.dumps({"bench": "first_hour", "histories": origin, **measure(repositories, work, arguments)}))


def prepare(folders: list[Path], work: Path) -> tuple[str, list[Path]]:
    """Copies with a work tree, in which commits can be made."""
    if folders:
        return "given", [clone(folder, work / "repositories" / folder.resolve().name) for folder in folders]
    origin, clones = histories(cache_home(), work / "generated")
    bare = {path: work / "bare" / path.name for path in clones}
    for path, target in bare.items():
        single_files(path, target)
    repositories = [clone(target, work / "repositories" / target.name) for target in bare.values()]
    return origin, [*repositories, installed(work / "repositories/installed", TREE_BYTES - trees(repositories))]


def clone(source: Path, target: Path) -> Path:
    git(target.parent if target.parent.exists() else Path("/"), 0, "clone", "--quiet", str(source), str(target))
    git(target, 0, "remote", "remove", "origin")
    return target


def installed(path: Path, size: int) -> Path:
    """One commit of the texts of installed packages."""
    site = Path(sys.prefix) / "lib"
    git(Path("/"), 0, "init", "--quiet", "--initial-branch=main", str(path))
    for file in sorted(site.rglob("*")):
        if size <= 0:
            break
        if file.suffix in SUFFIXES and file.is_file() and not file.is_symlink() and file.stat().st_size < 200_000:
            target = path / file.relative_to(site)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, target)
            size -= file.stat().st_size
    git(path, 0, "add", "--all", "--force")
    git(path, 0, "commit", "--quiet", "--message", "The packages as they are installed")
    return path


def measure(repositories: list[Path], work: Path, arguments: argparse.Namespace) -> dict[str, object]:
    commits: int = arguments.commits
    config = work / "midstream.toml"
    config.write_text(
        f'[kafka]\nbrokers = "127.0.0.1:{free_port()}"\n[paths]\nstate = "{work / "state"}"\n'
        f'[serve]\nlisten = "127.0.0.1:{free_port()}"\n'
    )
    sources = [f"--git={path}" for path in repositories]
    command = [sys.executable, "-m", "midstream", "up", *sources, "--config", str(config)]
    backlog_commits, tree_bytes = backlog(repositories), trees(repositories)
    began = time.monotonic()
    with (work / "up.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        account = Account(load(config))
        training = until_it_trains(work, process, began)
        say(f"the first step after {training:.0f} s")
        if arguments.past:
            until_the_past_is_sent(work, process)
        fresh = [round(s, 1) for s in follow(account, repositories, commits, work, process)]
        left = account.left()
    finally:
        process.send_signal(signal.SIGINT)
        ended = time.monotonic()
        process.wait(timeout=120)
        ended = time.monotonic() - ended
    known = sorted(fresh)
    return {
        "behind": "past" if arguments.past else "trees",
        "live_fresh_s": median(known) if known else None, "live_p90_s": known[int(len(known) * 0.9)] if known else None,
        "live_commits": len(known), "live_missing": commits - len(known), "backlog_commits": backlog_commits,
        "tree_mb": round(tree_bytes / 1e6, 1), "first_step_s": round(training), "end_s": round(ended, 1), **left,
        "machine": machine(),
    }  # fmt: skip


def until_it_trains(work: Path, process: subprocess.Popen[bytes], began: float) -> float:
    while True:
        if process.poll() is not None or time.monotonic() - began > BEGIN_S:
            raise SystemExit((work / "up.log").read_text(errors="replace")[-4000:])
        latest = pace.read(work / "state")
        if latest is not None and latest.tokens_per_s:
            return time.monotonic() - began
        time.sleep(0.5)


def until_the_past_is_sent(work: Path, process: subprocess.Popen[bytes]) -> None:
    """All present trees are sent, and the past is on its way."""
    began = time.monotonic()
    while process.poll() is None and time.monotonic() - began < TREES_S:
        told = report.read(work / "state")
        if told and all(r.present_done for r in told.repositories) and any(r.past_commits for r in told.repositories):
            return say(f"the past is read {time.monotonic() - began:.0f} s later")
        time.sleep(1)
    raise SystemExit((work / "up.log").read_text(errors="replace")[-4000:])


def follow(
    account: Account, repositories: list[Path], commits: int, work: Path, process: subprocess.Popen[bytes]
) -> list[float]:
    """Seconds from each commit to the step that trained on it, of those that were."""
    times: dict[str, float] = {}
    seconds: dict[str, float] = {}
    deadline = time.monotonic() + commits * EVERY_S + PATIENCE_S
    due = time.monotonic()
    while len(seconds) < commits and time.monotonic() < deadline and process.poll() is None:
        if len(times) < commits and time.monotonic() >= due:
            times[change(repositories[len(times) % len(repositories)], len(times))] = time.time()
            due += EVERY_S
        for sha in account.trained(times.keys() - seconds.keys()):
            seconds[sha] = time.time() - times[sha]
            packed = account.packed_at(sha) - times[sha]
            say(f"commit {len(seconds)} packed after {packed:.1f} s, trained on after {seconds[sha]:.1f} s")
        time.sleep(0.5)
    return list(seconds.values())


def change(path: Path, number: int) -> str:
    """A commit that adds some lines to a file; its id."""
    file = path / f"live_{number % 5}.py"
    with file.open("a") as text:
        text.write(
            f"def handle_request_{number}(value):\n    total = value * {number}\n    return total + {number}\n\n\n"
        )
    git(path, number, "add", "--all")
    who = {f"GIT_{role}_{key}": value for role in ("AUTHOR", "COMMITTER") for key, value in WHO.items()}
    message = f"Handle the request of kind {number} in its own function"
    subprocess.run(
        ["git", "-C", str(path), "commit", "--quiet", "--message", message], check=True, env={**os.environ, **who}
    )
    return asked(path, "rev-parse", "HEAD")


def backlog(repositories: list[Path]) -> int:
    return sum(int(asked(path, "rev-list", "--count", "HEAD")) for path in repositories)


def trees(repositories: list[Path]) -> int:
    lines = (line for path in repositories for line in asked(path, "ls-tree", "-r", "-l", "HEAD").splitlines())
    return sum(int(line.split()[3]) for line in lines if line.split()[1] == "blob")


def asked(path: Path, *arguments: str) -> str:
    process = subprocess.run(["git", "-C", str(path), *arguments], capture_output=True, check=True)
    return process.stdout.decode(errors="replace").strip()


def say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
