"""`midstream serve --http`, as a program of its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from midstream.settings import Serve
from server.client import Client
from tests.support.models.tiny import texts, write_checkpoint

MIDSTREAM = [sys.executable, "-c", "from midstream.cli import main; main()"]


def test_the_program_answers_over_both_and_ends_with_code_0(tmp_path: Path) -> None:
    write_checkpoint(tmp_path / "c", 1)
    listen = ["--listen", "127.0.0.1:0", "--http", "127.0.0.1:0"]
    program = subprocess.Popen(
        [*MIDSTREAM, "serve", "--checkpoints", str(tmp_path / "c"), *listen],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    with program:
        assert program.stdout is not None and program.stderr is not None
        address = program.stdout.readline().split(",")[0].removeprefix("listening on ")
        url = program.stdout.readline().removeprefix("HTTP on ").strip()
        assert program.stdout.readline().startswith("ready: step-00000001-")
        body = {"prompt": texts()[20][:9], "max_tokens": 64}
        answer = httpx.post(f"{url}/v1/completions", json=body, timeout=60).json()
        with Client(address) as client:
            assert answer["choices"][0]["text"] == client.complete(texts()[20][:9]).text != ""
        program.terminate()
        said = program.stderr.read()
    assert program.returncode == 0 and body["prompt"] not in said and "Traceback" not in said


def test_no_place_is_refused() -> None:
    done = subprocess.run([*MIDSTREAM, "serve", "--http", "8012"], capture_output=True, text=True)
    assert done.returncode == 2 and "--http must be host:port" in done.stderr
    with pytest.raises(ValueError, match="http must be empty or host:port"):
        Serve(http="8012")
    assert not Serve().http and Serve(http="127.0.0.1:8012").http
