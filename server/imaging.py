"""A checkpoint becomes the image of its compiled step, in a process of its own: torch reads it, takes half a gigabyte
by itself, and is gone with that process. What a checkpoint does to memory there, the server does not feel."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
from msgspec import MsgspecError
from safetensors import SafetensorError

from model import memory
from model.decoder.stores import PAGE
from model.kernels import image
from model.kernels.compiled import CompiledStep
from model.low_rank import OtherBase
from model.manifest import WEIGHTS, CheckpointError, Manifest

Held = Literal["auto", "int8", "float32"]
"""How matrices are held and multiplied. auto: int8."""


APART: Any = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "start_new_session": True}
"""Ctrl-C on a terminal is the server's alone, which ends the process itself."""


FULL_BYTES = 1 << 20
"""A disk with less room is full."""


class CannotLoad(Exception):
    """The machine is at fault, and not the checkpoint: memory, a disk. Another try may help."""

    kind: ClassVar[str] = "machine"


class NoMemory(CannotLoad):
    """The weights are clearly too large for what is there."""

    kind = "memory"


PROGRAM = 600_000_000
"""Bytes of the process that reads a checkpoint, without the weights (520 MB were seen)."""
BYTES = {"auto": 1, "int8": 1, "float32": 4}
"""Of a weight as it is served. Of 420 million weights as float32 the process was seen to hold 2.8 GB for int8, 4.0 for
float32, of which 1.7 are the file's own pages, which the system takes back when it must."""


def refuse_large(path: Path, manifest: Manifest, held: Held) -> None:
    """Raises NoMemory where the weights do not fit, before the system ends a program to make room."""
    file = path / WEIGHTS
    stored = file.stat().st_size // 2 if file.exists() else 0
    weights = min(manifest.model.parameters, stored)  # a manifest may say anything
    need, there = PROGRAM + BYTES[held] * weights, memory.available()
    if there is not None and need > there:
        raise NoMemory(
            f"{path.name} has {weights / 1e6:,.0f} million weights, which need {need / 1e9:,.1f} GB of memory, and "
            f"{there / 1e9:,.1f} GB are there"
        )


def is_damage(error: BaseException) -> bool:
    """The checkpoint is at fault, and not the machine: memory, open files, a disk that is away; nor an adapter's base,
    which may be put back."""
    if isinstance(error, OtherBase):
        return False
    at = error.__cause__ if isinstance(error, CheckpointError) and error.__cause__ else error
    return isinstance(at, (CheckpointError, ValueError, FileNotFoundError, SafetensorError, MsgspecError))


def made(path: Path, manifest: Manifest, held: Held, threads: int) -> CompiledStep:
    """By torch in this process. Raises CheckpointError."""
    from model.decoder.compiled import Compiled
    from model.loading import load_base

    step = load_base(path, manifest).eval().compiled("int8" if held == "auto" else held, threads)
    assert isinstance(step, Compiled)
    return step.step


def run_once(step: CompiledStep) -> CompiledStep:
    """So that no request waits while it is compiled, or read from where it was kept."""
    shape, none = step.shape, np.zeros(1, np.int64)
    keys_LPGKS = np.zeros((shape.layers, 1, shape.kv_heads, shape.head_width, PAGE), np.float32)
    values_LPGSK = np.zeros((shape.layers, 1, shape.kv_heads, PAGE, shape.head_width), np.float32)
    step(none, none.astype(np.int32), np.zeros((1, 1), np.int32), keys_LPGKS, values_LPGSK)
    return step


class Imager:
    """Makes one image after another; `close` ends the one that is being made."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[str] | None = None
        self._closed = False

    def step(self, path: Path, manifest: Manifest, held: Held, threads: int) -> CompiledStep:
        """Where torch is here already, there is nothing to be saved. Raises CheckpointError, and CannotLoad."""
        if "torch" in sys.modules:
            return run_once(made(path, manifest, held, threads))
        with tempfile.TemporaryDirectory(prefix="midstream-") as folder:
            self._run(path, Path(folder), held)
            step = image.read(Path(folder), threads)
        return run_once(step)

    def close(self) -> None:
        self._closed = True
        if (process := self._process) is not None:
            process.kill()

    def _run(self, path: Path, folder: Path, held: Held) -> None:
        command = [sys.executable, "-P", "-m", "server.imaging", str(path), str(folder), held, str(os.getpid())]
        with subprocess.Popen(command, text=True, **APART) as process:
            self._process = process
            if self._closed:
                process.kill()
            output, _ = process.communicate()
            self._process = None
        if process.returncode == 0:
            return
        try:
            said: dict[str, Any] = json.loads(output)
        except ValueError:
            raise CannotLoad(_ended(process.returncode)) from None
        raise (CheckpointError if said["damage"] else CannotLoad)(said["reason"])


def _ended(code: int) -> str:
    how = f"was ended by signal {-code}" if code < 0 else f"ended with {code}"
    return f"the program that reads its weights {how}: is there memory for them?"


def _follow(folder: Path, parent: int) -> None:
    """Into the end of a server that was killed: nobody else would remove the folder."""
    while os.getppid() == parent:
        time.sleep(0.2)
    shutil.rmtree(folder, ignore_errors=True)
    os._exit(1)


def main() -> None:
    """CHECKPOINT FOLDER HELD PARENT. A failure is a line of JSON."""
    path, folder, held, parent = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3], int(sys.argv[4])
    threading.Thread(target=_follow, args=(folder, parent), daemon=True).start()
    with suppress(OSError):  # Linux: where memory ends, this program does, and not the server
        Path("/proc/self/oom_score_adj").write_text("1000")
    try:
        from model.manifest import read_manifest

        image.write(made(path, read_manifest(path), held, 1), folder)  # pyright: ignore[reportArgumentType]
        run_once(image.read(folder))
    except Exception as error:
        reason = str(error) if isinstance(error, CheckpointError) else f"{type(error).__name__}: {error}"
        if isinstance(error, OSError) and shutil.disk_usage(folder).free < FULL_BYTES:
            reason = f"no room in {folder.parent}, where its weights are laid out for the server ({reason})"
        print(json.dumps({"damage": is_damage(error), "reason": reason}))
        raise SystemExit(1) from None


if __name__ == "__main__":
    main()
