"""`midstream serve --check`: a server on a free port is asked as an editor asks it, and tells how fast it answers."""

from __future__ import annotations

import asyncio
import resource
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median

from model import choice
from model.decoder.stepping import Model, Stepper
from model.kernels import isa
from model.manifest import CheckpointError
from server.app import ServeConfig, Server
from server.client import AsyncClient
from server.reload import Watcher

CHARACTERS = 1_600
"""Of a prompt: some 500 tokens of code, less where the model's context is shorter."""
ROUNDS = 5


class CannotServe(Exception):
    """There is no checkpoint that could be served; the message says why."""


@dataclass(frozen=True)
class Checked:
    """What was measured."""

    version: str
    weights: int
    isa: str
    memory_mb: float
    """The most that the process had at once."""
    own_mb: float
    """Of what it has in the end, that which is no file's: libraries are shared with other programs. 0: not known."""
    prompt_tokens: int
    first_ms: float
    """From a request that nothing was kept of to its answer's first text."""
    tokens_s: float
    """Of one answer, after its first text."""
    key_ms: float
    """From four typed characters to the end of the line that is suggested."""
    key_tokens: float
    """Of the prompt, computed for a key."""

    def lines(self) -> list[str]:
        return [
            f"model        {self.version}, {self.weights / 1e6:.1f} million weights",
            f"memory       {self.memory_mb:.0f} MB" + (f", {self.own_mb:.0f} of them no files" if self.own_mb else ""),
            f"first token  {self.first_ms:.0f} ms after {self.prompt_tokens} tokens",
            f"decoding     {self.tokens_s:.0f} tokens/s",
            f"key          {self.key_ms:.0f} ms to the end of the line ({self.key_tokens:.0f} tokens computed)",
            f"processor    {self.isa}",
        ]


async def check(config: ServeConfig) -> Checked:
    """Raises CannotServe, and CannotListen."""
    server = Server(replace(config, listen="127.0.0.1:0", http=""))
    address = await server.listen()
    try:
        if not await asyncio.to_thread(server.watcher.look):
            raise CannotServe(_why(config.checkpoints, server.watcher))
        await server.ready()
        async with AsyncClient(address) as client:
            return await _measured(server, client)
    finally:
        await server.stop()


def _why(folder: Path, watcher: Watcher) -> str:
    if watcher.failure is not None:
        return f"the checkpoint {watcher.failure.name} in {folder} cannot be served: {watcher.failure.reason}"
    try:
        gone = choice.missing(folder)
    except CheckpointError as error:
        return str(error)
    if gone:
        return gone
    return f"no checkpoint to serve in {folder}: `midstream train` writes them, or `[model] weights` names a model"


async def _measured(server: Server, client: AsyncClient) -> Checked:
    assert server.engine.served is not None
    served, text = server.engine.served, Path(__file__).read_text()
    firsts: list[float] = []
    tokens = prompt = 0
    seconds = 0.0
    for number in range(ROUNDS):
        began, first, generated = time.perf_counter(), 0.0, 1
        async for piece in client.stream(f"# {number}\n{text[:CHARACTERS]}", temperature=1.0, seed=number):
            first = first or time.perf_counter() - began
            generated, prompt = piece.tokens, piece.prompt_tokens
        tokens, seconds = tokens + max(0, generated - 1), seconds + time.perf_counter() - began - first
        firsts.append(first)
    keys, computed = await _keys(client, text)
    return Checked(
        served.version, served.model.spec.parameters, _isa(served.model), _memory_mb(), _own_mb(),
        prompt, median(firsts) * 1e3, tokens / seconds if seconds else 0.0, median(keys) * 1e3, median(computed),
    )  # fmt: skip


async def _keys(client: AsyncClient, text: str) -> tuple[list[float], list[int]]:
    """Four characters at a time, each time to the end of the line."""
    keys: list[float] = []
    computed: list[int] = []
    for typed in range(CHARACTERS - 4 * ROUNDS, CHARACTERS + 4, 4):
        began = time.perf_counter()
        got = await client.complete(text[:typed], session="check", single_line=True, max_tokens=16)
        keys.append(time.perf_counter() - began)
        computed.append(got.prompt_tokens - got.reused_tokens)
    return keys[1:], computed[1:]


def _isa(model: Model) -> str:
    return isa.name_of(model.step.way) if isinstance(model, Stepper) else "torch"


def _memory_mb() -> float:
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most / (1024 * 1024 if sys.platform == "darwin" else 1024)


def _own_mb() -> float:
    status = Path("/proc/self/status")
    lines = status.read_text().splitlines() if status.exists() else []
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("RssAnon:")), 0.0)
