"""Readers that stop reading: what waits for them is kept once, others go on, and they get the rest in few pieces."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import grpc
import httpx
import pytest

from server.app import ServeConfig, Server
from server.asking import Asker
from server.client import AsyncClient
from server.engine.job import Emit, Job, Prepared
from server.request import Finish, Piece, Request
from server.rpc import infill_pb2, infill_pb2_grpc
from tests.support.models.tiny import texts, write_checkpoint
from tests.support.programs.engine_gate import Gate

PREFIX, LONG = texts()[1][:60], texts()[2][:40]
COUNT, PIECE = 8000, "x" * 999 + "\n"
WHOLE = COUNT * len(PIECE)
"""8 MB: no buffer between server and client holds so much."""


class Flood:
    """Answers the prompt LONG with 8,000 pieces, in a thread of its own; the model answers the others."""

    def __init__(self, server: Server) -> None:
        self.emitted = 0
        self.jobs: list[Job] = []
        self._submit = server.engine.submit
        server.engine.submit = self.submit

    def submit(self, prepared: Prepared, emit: Emit) -> Job:
        if prepared.request.prefix != LONG:
            return self._submit(prepared, emit)
        job = Job(prepared, emit)
        self.jobs.append(job)
        threading.Thread(target=self._answer, args=(job,)).start()
        return job

    def _answer(self, job: Job) -> None:
        last = job.prepared.nothing()[0]
        for number in range(1, COUNT + 1):
            if job.cancelled:
                return job.send(replace(last, finish=Finish.CANCELLED))
            finish = Finish.LENGTH if number == COUNT else Finish.NONE
            last = Piece(PIECE, last.model_version, finish, number, last.prompt_tokens, logprobs=(-1.0,))
            job.send(last)
            self.emitted = number
        return None


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Server]:
    write_checkpoint(tmp_path, 1)
    server = Server(ServeConfig(tmp_path, "127.0.0.1:0", grace_s=0.2, http="127.0.0.1:0"))
    await server.start()
    await asyncio.wait_for(server.ready(), 300)
    yield server
    await server.stop()


@pytest.fixture
def flood(server: Server) -> Flood:
    return Flood(server)


async def until(holds: Any) -> None:
    async with asyncio.timeout(60):
        while not holds():
            await asyncio.sleep(0.01)


async def others_are_answered(server: Server) -> None:
    async with AsyncClient(server.address) as client:
        assert (await client.complete(PREFIX, max_tokens=3)).tokens == 3
    async with httpx.AsyncClient(base_url=f"http://{server.http}", timeout=60) as http:
        answer = await http.post("/v1/completions", json={"prompt": PREFIX, "max_tokens": 3})
        assert answer.json()["usage"]["completion_tokens"] == 3


async def test_a_slow_reader_over_grpc(server: Server, flood: Flood) -> None:
    async with grpc.aio.insecure_channel(server.address) as channel:
        call = infill_pb2_grpc.InfillServiceStub(channel).Infill(
            infill_pb2.InfillRequest(prefix=LONG, max_tokens=64, logprobs=True)
        )
        pieces: list[Any] = [await call.read()]
        await until(lambda: flood.emitted == COUNT and not server.asker._flights)
        await others_are_answered(server)
        while (piece := await call.read()) is not grpc.aio.EOF:
            pieces.append(piece)
    assert "".join(piece.text for piece in pieces) == PIECE * COUNT
    assert sum(len(piece.logprobs) for piece in pieces) == pieces[-1].tokens == COUNT
    assert len(pieces) < COUNT / 4, "what waited came in few pieces"


async def test_a_slow_reader_over_http(server: Server, flood: Flood) -> None:
    host, _, port = server.http.rpartition(":")
    with socket.socket() as slow:
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        slow.setblocking(False)
        loop = asyncio.get_running_loop()
        await loop.sock_connect(slow, (host, int(port)))
        body = json.dumps({"prompt": LONG, "max_tokens": 64, "stream": True}).encode()
        head = b"POST /v1/completions HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: %d\r\n\r\n"
        await loop.sock_sendall(slow, head % len(body) + body)
        await until(lambda: flood.emitted == COUNT)
        assert server._web is not None
        (connection,) = server._web._server.server_state.connections
        await others_are_answered(server)
        assert connection.flow.write_paused and connection.transport.get_write_buffer_size() < WHOLE / 8
        received = bytearray()
        while data := await loop.sock_recv(slow, 1 << 20):
            received += data
    parts = [json.loads(line[6:]) for line in received.split(b"\n") if line.startswith(b"data: {")]
    text = "".join(part["choices"][0]["text"] for part in parts if part["choices"])
    assert text == PIECE * COUNT and len(parts) < COUNT / 2


async def test_one_that_goes_away_frees_what_waits(server: Server, flood: Flood) -> None:
    async with grpc.aio.insecure_channel(server.address) as channel:
        call = infill_pb2_grpc.InfillServiceStub(channel).Infill(infill_pb2.InfillRequest(prefix=LONG, max_tokens=64))
        await call.read()
        call.cancel()
        await until(lambda: flood.jobs[0].cancelled)
    assert not server.asker._flights


async def test_what_waits_is_kept_once_for_all_who_read(server: Server, flood: Flood) -> None:
    """And a reader that has waited gets it as one piece."""
    asker = Asker(server.engine)
    answers = [await asker.ask(lambda: Request(LONG, max_tokens=64)) for _ in range(5)]
    assert len(flood.jobs) == 1 and len({id(answer._reader._made) for answer in answers}) == 1
    await until(lambda: not asker._flights)
    for answer in answers:
        assert [len(piece.text) async for piece in answer] == [WHOLE]
        answer.close()
    asker.close()


async def test_alternatives_that_wait_are_merged_each(server: Server) -> None:
    """However they come in turn."""
    asker, gate = Asker(server.engine), Gate(server.engine)
    try:
        request = Request(PREFIX[:20], max_tokens=12, temperature=2.0, alternatives=3)
        one, other = [await asker.ask(lambda: request) for _ in range(2)]
        pieces = aiter(one)
        gate.go()
        texts = Counter[int]()
        async for piece in pieces:
            texts[piece.alternative] += len(piece.text)
        late = [piece async for piece in other]
        assert sorted(piece.alternative for piece in late) == [0, 1, 2]
        assert {piece.alternative: len(piece.text) for piece in late} == texts
    finally:
        gate.go()
    asker.close()
