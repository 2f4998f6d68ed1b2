"""Real clients: Ollama's package for Node.js, and Continue's adapters, fetched once by the user's own npm."""

from __future__ import annotations

import asyncio
import json
import subprocess
from pathlib import Path

from server.app import Server
from server.client import AsyncClient
from tests.support.models.llamacpp import program
from tests.support.models.tiny import texts
from tests.support.programs import npm

PACKAGES = {"ollama": "0.6.3", "@continuedev/openai-adapters": "1.37.0"}
SCRIPT = Path(__file__).with_name("clients.mjs")
PREFIX, SUFFIX, MOST = texts()[20][:9], texts()[20][60:90], 24

pytestmark = npm.needed


async def test_real_clients_get_the_text_of_grpc(server: Server, rpc: AsyncClient) -> None:
    expected = (await rpc.complete(PREFIX, SUFFIX, max_tokens=MOST)).text
    template = f"<|fim_prefix|>{PREFIX}<|fim_suffix|>{SUFFIX}<|fim_middle|>"
    job = json.dumps({"prefix": PREFIX, "suffix": SUFFIX, "template": template, "most": MOST})
    command = [
        str(program("node")),
        str(SCRIPT),
        str(await asyncio.to_thread(npm.packages, "http-clients", PACKAGES)),
        f"http://{server.http}",
        job,
    ]
    done = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout.splitlines()[-1])
    assert len(answer["results"]) == 12 and expected
    assert answer["results"] == dict.fromkeys(answer["results"], expected)
    assert "midstream" in str(answer["told"]) and "from 1 to 16 alternatives" in answer["refusal"]
