"""Other finders of secrets, each in a place of its own in the cache, on the windows written as files."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import venv
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from common.pii.score import Find
from common.pii.windows import Window

DETECT_SECRETS = "detect-secrets==1.5.0"
CREDSWEEPER = "credsweeper==1.19.5"
GITLEAKS = "v8.30.1"
MODULE = "github.com/zricethezav/gitleaks/v8"
SECRETS = frozenset({"key", "password"})
"""The kinds that all three claim."""
_PLUGINS = """
import json, sys
from detect_secrets import SecretsCollection
from detect_secrets.settings import default_settings
found = {}
with default_settings():
    for line in sys.stdin:
        secrets = SecretsCollection()
        secrets.scan_file(line.strip())
        found[line.strip()] = sorted({secret.line_number for _, secret in secrets})
print(json.dumps(found))
"""
Finds = list[list[Find]]


class Missing(RuntimeError):
    """A peer cannot be had; the message says why."""


def write(windows: Sequence[Window], folder: Path) -> list[Path]:
    """Each as a file of its own name in a numbered folder, so that no peer leaves it out for a folder's name."""
    paths: list[Path] = []
    for number, window in enumerate(windows):
        path = folder / f"{number:05}" / Path(window.path).name
        path.parent.mkdir(parents=True)
        path.write_bytes(window.text.encode())
        paths.append(path)
    return paths


def detect_secrets(windows: Sequence[Window], folder: Path, paths: Sequence[Path], cache: Path) -> Finds:
    """Whole lines: it says no more."""
    python = _environment(cache / "detect-secrets", DETECT_SECRETS)
    done = _run([str(python), "-c", _PLUGINS], "".join(f"{path}\n" for path in paths))
    lines = json.loads(done.splitlines()[-1])
    return [
        [_line(window.text, number) for number in lines[str(path)]] for window, path in zip(windows, paths, strict=True)
    ]


def credsweeper(windows: Sequence[Window], folder: Path, paths: Sequence[Path], cache: Path) -> Finds:
    python = _environment(cache / "credsweeper", CREDSWEEPER)
    report = folder.parent / "credsweeper.json"
    _run(
        [
            str(python),
            "-m",
            "credsweeper",
            "--path",
            str(folder),
            "--save-json",
            str(report),
            "--jobs",
            "2",
            "--log",
            "silence",
        ]
    )
    found = Found(windows, paths)
    for row in json.loads(report.read_text()) if report.exists() else ():
        lines = row["line_data_list"]
        for line in lines:
            found.add(line["path"], line["line_num"], line["value"] or "")
        if lines[0]["value"].startswith("-----BEGIN"):
            found.join(lines[0]["path"], len(lines))
    return found.finds


def gitleaks(windows: Sequence[Window], folder: Path, paths: Sequence[Path], cache: Path) -> Finds:
    report = folder.parent / "gitleaks.json"
    command = [str(_gitleaks(cache)), "dir", str(folder), "--report-format", "json", "--report-path", str(report)]
    _run([*command, "--no-banner", "--exit-code", "0", "--log-level", "error"])
    found = Found(windows, paths)
    for row in json.loads(report.read_text()):
        found.add(row["File"], row["StartLine"], row["Secret"])
    return found.finds


PEERS: dict[str, Callable[[Sequence[Window], Path, Sequence[Path], Path], Finds]] = {
    "detect-secrets": detect_secrets, "credsweeper": credsweeper, "gitleaks": gitleaks,
}  # fmt: skip


class Found:
    """Finds by window, from a path, a line and the secret itself."""

    def __init__(self, windows: Sequence[Window], paths: Sequence[Path]) -> None:
        self.finds: Finds = [[] for _ in windows]
        self._windows = windows
        self._numbers = {str(path): number for number, path in enumerate(paths)}

    def add(self, path: str, line: int, secret: str) -> None:
        """Of several places of the secret, the one nearest to the line; the line where it is in none."""
        number = self._numbers[path]
        text = self._windows[number].text
        places: list[tuple[int, int]] = []
        at = text.find(secret) if secret else -1
        while at >= 0:
            places.append((abs(text.count("\n", 0, at) + 1 - line), at))
            at = text.find(secret, at + 1)
        if not places:
            self.finds[number].append(_line(text, line))
            return
        start = len(text[: min(places)[1]].encode())
        self.finds[number].append((start, start + len(secret.encode()), "key"))

    def join(self, path: str, count: int) -> None:
        """The last so many of a window become one: a block of lines."""
        several = self.finds[self._numbers[path]]
        block = several[-count:]
        several[-count:] = [(min(f[0] for f in block), max(f[1] for f in block), "key")]


def _line(text: str, number: int) -> Find:
    """A whole line, by its number from one on."""
    lines = text.encode().split(b"\n")
    start = sum(len(line) + 1 for line in lines[: number - 1])
    return start, start + len(lines[min(number, len(lines)) - 1]), "key"


def _environment(folder: Path, requirement: str) -> Path:
    """Its Python. Raises Missing."""
    folder = folder.with_name(requirement.replace("==", "-"))
    python, mark = folder / "bin/python", folder / ".installed"
    if not mark.exists():
        print(f"installing {requirement}", file=sys.stderr, flush=True)
        venv.create(folder, with_pip=True, clear=True)
        _run([str(python), "-m", "pip", "install", "--quiet", requirement])
        mark.touch()
    return python


def _gitleaks(cache: Path) -> Path:
    """The program, built by Go from its module. Raises Missing."""
    folder = cache / f"gitleaks-{GITLEAKS}"
    if not (folder / "gitleaks").exists():
        print(f"building gitleaks {GITLEAKS}", file=sys.stderr, flush=True)
        _run([_go(), "install", f"{MODULE}@{GITLEAKS}"], env={"GOBIN": str(folder)})
    return folder / "gitleaks"


def gitleaks_source() -> Path:
    """The folder of its module, fetched where it is not there. Raises Missing."""
    answer: dict[str, Any] = json.loads(_run([_go(), "mod", "download", "-json", f"{MODULE}@{GITLEAKS}"]))
    return Path(answer["Dir"])


def _go() -> str:
    go = shutil.which("go")
    if go is None:
        raise Missing("Go is not here")
    return go


def _run(command: list[str], text: str = "", env: dict[str, str] | None = None) -> str:
    done = subprocess.run(command, input=text, capture_output=True, text=True, env={**os.environ, **(env or {})})
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise Missing(f"{Path(command[0]).name} ended with {done.returncode}: {last}")
    return done.stdout
