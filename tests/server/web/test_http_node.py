"""Real clients: Ollama's package for Node.js, and Continue's adapters, fetched once by the user's own npm."""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path

import pytest

from midstream.settings import cache_home
from server.app import Server
from server.client import AsyncClient
from tests.support.models.llamacpp import program
from tests.support.models.tiny import texts

PACKAGES = {"ollama": "0.6.3", "@continuedev/openai-adapters": "1.37.0"}
SCRIPT = Path(__file__).with_name("clients.mjs")
PREFIX, SUFFIX, MOST = texts()[20][:9], texts()[20][60:90], 24

pytestmark = [pytest.mark.slow, pytest.mark.skipif(not (program("node") and program("npm")), reason="no node, no npm")]


@cache
def folder() -> Path:
    """Where the packages are installed. Skips the test when they cannot be fetched."""
    target = cache_home() / "-".join(["http-clients", *PACKAGES.values()])
    if target.is_dir():
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(dir=target.parent, prefix=".unfinished-"))
    flags = ["--no-audit", "--no-fund", "--no-save", "--omit=optional", "--ignore-scripts"]
    wanted = [f"{name}@{version}" for name, version in PACKAGES.items()]
    done = subprocess.run([str(program("npm")), "install", *flags, *wanted], cwd=work, capture_output=True, text=True)
    if not done.returncode and not target.is_dir():
        work.rename(target)
    shutil.rmtree(work, ignore_errors=True)
    if not target.is_dir():
        pytest.skip(f"{', '.join(wanted)} could not be fetched: {done.stderr.strip()[-200:]}")
    return target


async def test_real_clients_get_the_text_of_grpc(server: Server, rpc: AsyncClient) -> None:
    expected = (await rpc.complete(PREFIX, SUFFIX, max_tokens=MOST)).text
    template = f"<|fim_prefix|>{PREFIX}<|fim_suffix|>{SUFFIX}<|fim_middle|>"
    job = json.dumps({"prefix": PREFIX, "suffix": SUFFIX, "template": template, "most": MOST})
    command = [str(program("node")), str(SCRIPT), str(await asyncio.to_thread(folder)), f"http://{server.http}", job]
    done = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout.splitlines()[-1])
    assert len(answer["results"]) == 12 and expected
    assert answer["results"] == dict.fromkeys(answer["results"], expected)
    assert "midstream" in str(answer["told"]) and "from 1 to 16 alternatives" in answer["refusal"]
