"""What is seen of requests from outside: exact counts on the metrics page, a line in the log, and nothing of a text."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from server.access.config import Access
from server.access.secure import Secure
from server.app import CannotListen, ServeConfig, Server
from server.client import AsyncClient, ServerError
from tests.support.models.tiny import texts
from tests.support.programs.engine_gate import Gate

PREFIX = texts()[1][:60]
CANARY = "canary0xyz"
FREE = {"authorization": "Bearer token-of-free"}
Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


@pytest.fixture
async def rpc(guarded: Server) -> AsyncIterator[AsyncClient]:
    async with AsyncClient(guarded.address, Secure("token-of-free")) as client:
        yield client


@pytest.fixture
async def http(guarded: Server) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=f"http://{guarded.http}", timeout=300) as client:
        yield client


async def page(server: Server) -> str:
    async with httpx.AsyncClient() as client:
        return (await client.get(f"http://{server.metrics}/metrics")).text


async def samples(server: Server) -> Samples:
    families = text_string_to_metric_families(await page(server))
    return {(s.name, frozenset(s.labels.items())): s.value for family in families for s in family.samples}


def value(of: Samples, name: str, **labels: str) -> float:
    return of.get((f"midstream_{name}", frozenset(labels.items())), 0)


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not holds():
            await asyncio.sleep(0.01)


async def test_the_page_counts_what_was_asked(guarded: Server, rpc: AsyncClient, http: httpx.AsyncClient) -> None:
    one = await rpc.complete(PREFIX, max_tokens=5)
    two = await rpc.complete(PREFIX, max_tokens=5)
    assert two.reused_tokens > one.reused_tokens
    body = {"prompt": PREFIX, "max_tokens": 5}
    three = (await http.post("/v1/completions", json=body, headers=FREE)).json()["usage"]
    await rpc.models()
    with pytest.raises(ServerError, match="INVALID_ARGUMENT"):
        await rpc.complete(PREFIX, temperature=-1.0)
    assert (await http.post("/v1/completions", json=body)).status_code == 401
    assert (await http.post(f"/{CANARY}", headers=FREE)).status_code == 404
    got = await samples(guarded)
    finish = one.finish.name.lower()
    assert value(got, "request_success_total", face="grpc", finished_reason=finish) == 2
    assert sum(v for (name, _), v in got.items() if name == "midstream_request_success_total") == 3
    assert value(got, "request_refusals_total", face="grpc", reason="invalid_argument") == 1
    assert value(got, "request_refusals_total", face="http", reason="http_401") == 1
    assert value(got, "request_refusals_total", face="http", reason="http_404") == 1
    assert value(got, "generation_tokens_total") == one.tokens + two.tokens + three["completion_tokens"]
    assert value(got, "prompt_tokens_total") == one.prompt_tokens * 2 + three["prompt_tokens"]
    assert value(got, "prefix_cache_queries_total") == value(got, "prompt_tokens_total")
    reused = value(got, "prefix_cache_hits_total")
    assert two.reused_tokens * 2 == reused - one.reused_tokens  # the third finds what the second did
    for name in ("request_queue_time", "time_to_first_token", "e2e_request_latency"):
        assert value(got, f"{name}_seconds_count", face="grpc") == 2, name
        assert value(got, f"{name}_seconds_count", face="http") == 1, name
    assert value(got, "time_to_first_token_seconds_sum", face="grpc") > 0
    assert value(got, "iteration_tokens_sum") == (
        value(got, "prompt_tokens_total") - reused + value(got, "generation_tokens_total") - 3
    )
    version = guarded.engine.models["other"].version
    assert value(got, "model_info", model="other", version=version) == 1
    assert value(got, "checkpoint_trouble", model="midstream", kind="") == 0
    assert value(got, "num_requests_running") == value(got, "num_requests_waiting") == 0


async def test_what_runs_and_what_is_given_up(guarded: Server, rpc: AsyncClient) -> None:
    gate = Gate(guarded.engine)
    try:
        asking = [asyncio.create_task(rpc.complete(PREFIX[: 20 + n], max_tokens=50)) for n in range(3)]
        await gate.asked(3)
        got = await samples(guarded)
        assert value(got, "num_requests_waiting") == 3 and value(got, "num_requests_running") == 0
        gate.go(2)
        await until(lambda: guarded.engine.active == 3 and guarded.engine.waiting == 0)
        assert value(await samples(guarded), "num_requests_running") == 3
        for task in asking:
            task.cancel()
        async with asyncio.timeout(60):
            while value(await samples(guarded), "request_cancellations_total", face="grpc") < 3:
                await asyncio.sleep(0.02)
    finally:
        gate.go()
    await until(lambda: guarded.engine.active == 0)


async def test_nothing_of_a_text_is_seen(
    guarded: Server, rpc: AsyncClient, http: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    prompt, shown = f"{PREFIX} {CANARY}", ""
    with caplog.at_level(logging.DEBUG):
        await rpc.complete(prompt, CANARY, path=CANARY, language=CANARY, session=CANARY, stop=(CANARY,), max_tokens=3)
        for wrong in ({"temperature": -1.0}, {"model": CANARY}):
            with pytest.raises(ServerError):
                await rpc.complete(prompt, **wrong)
        cases: list[tuple[str, dict[str, str]]] = [
            ("/v1/completions", {}), ("/infill", {"input_prefix": prompt}), (f"/{CANARY}", {}),
            (f"/v1/completions?x={CANARY}", {}), ("/v1/completions", {"temperature": CANARY}),
        ]  # fmt: skip
        for path, more in cases:
            answer = await http.post(path, json={"prompt": prompt, "suffix": CANARY, **more}, headers=FREE)
            shown += str(answer.headers.raw)
        await http.get(f"/v1/models/{CANARY}", headers=FREE)
        await http.get("/v1/models", headers={"authorization": f"Bearer {CANARY}"})
    lines = [r.getMessage() for r in caplog.records if r.name == "midstream.access"]
    assert len(lines) == 10
    ours = [r.getMessage() for r in caplog.records if r.name.startswith(("midstream", "uvicorn", "grpc"))]
    for text in (*ours, shown, await page(guarded)):
        assert CANARY not in text and "token-of-" not in text
    number = r"\d+\.\d"
    assert re.fullmatch(
        r"face=grpc route=/midstream\.v1\.InfillService/Infill token=free model=- version=step-00000001-\w+ "
        rf"prompt=\d+ reused=\d+ generated=[123] queue_ms={number} first_ms={number} whole_ms={number} end=\w+",
        lines[0],
    ), lines[0]
    assert [line.rpartition("end=")[2] for line in lines[1:3]] == ["invalid_argument", "not_found"]
    assert "face=http route=/v1/completions token=free" in lines[3] and "route=other" in lines[5]
    assert "route=/v1/models/{name} " in lines[8] and "token=- " in lines[9] and lines[9].endswith("end=http_401")


async def test_a_metrics_page_that_cannot_listen_is_named(guarded: Server, tmp_path: Any) -> None:
    access = Access(metrics=guarded.metrics)
    server = Server(ServeConfig(tmp_path, "127.0.0.1:0", grace_s=0.1, access=access))
    with pytest.raises(CannotListen, match=f"cannot listen on {guarded.metrics}: another server is running there"):
        await server.start()
    await server._server.stop(0)
