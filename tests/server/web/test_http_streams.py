"""What runs while others come and go: clients that leave, slots, prompts read ahead, one request twice, the end."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from server.app import Server
from server.web.completing import MOST_WARMING
from tests.support.models.tiny import texts
from tests.support.programs.engine_gate import Gate

BODY = {"prompt": texts()[20][:9], "max_tokens": 24}
SLOT = {"id_slot": 0, "input_prefix": texts()[20][:9], "n_predict": 24, "stream": False}


async def idle(server: Server) -> None:
    """Nothing runs and nothing waits."""
    while server.engine.active:
        await asyncio.sleep(0.01)


async def parts(answer: httpx.Response) -> AsyncIterator[dict[str, Any]]:
    async for line in answer.aiter_lines():
        if line.startswith("data: {"):
            yield json.loads(line[6:])


async def test_pieces_come_as_they_are_made(server: Server, http: httpx.AsyncClient, gate: Gate) -> None:
    whole = asyncio.create_task(http.post("/v1/completions", json=BODY))
    gate.go()
    text = (await whole).json()["choices"][0]["text"]
    gate.jobs.clear()
    gate.hold()
    seen: list[str] = []
    async with http.stream("POST", "/v1/completions", json=BODY | {"stream": True, "stop": ["nowhere"]}) as answer:
        step = asyncio.create_task(every(gate))
        async for part in parts(answer):
            seen.append(part["choices"][0]["text"])
        step.cancel()
    assert "".join(seen) == text and len([piece for piece in seen if piece]) > 2


async def every(gate: Gate) -> None:
    """A step at a time, with time to read what came of it."""
    while True:
        gate.go(1)
        await asyncio.sleep(0.03)


async def test_a_client_that_leaves_in_the_middle_ends_its_request(
    server: Server, http: httpx.AsyncClient, gate: Gate
) -> None:
    async with http.stream("POST", "/v1/completions", json=BODY | {"stream": True}) as answer:
        await gate.asked(1)
        gate.go(4)
        assert (await anext(parts(answer)))["object"] == "text_completion"
    await cancelled(gate)
    gate.go()
    await idle(server)


@pytest.mark.parametrize("stream", [False, True])
async def test_a_client_that_leaves_before_the_first_token_too(server: Server, gate: Gate, stream: bool) -> None:
    host, _, port = server.http.rpartition(":")
    _, writer = await asyncio.open_connection(host, int(port))
    body = json.dumps(BODY | {"stream": stream}).encode()
    writer.write(b"POST /v1/completions HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
    await gate.asked(1)
    assert not gate.jobs[0].cancelled
    writer.transport.abort()
    await cancelled(gate)


async def cancelled(gate: Gate) -> None:
    async with asyncio.timeout(60):
        while not gate.jobs[0].cancelled:
            await asyncio.sleep(0.01)


async def test_the_same_request_three_times_is_answered_once(
    server: Server, http: httpx.AsyncClient, gate: Gate
) -> None:
    """As minuet asks; and by another protocol."""
    asked = [http.post("/v1/completions", json=BODY) for _ in range(3)]
    same = http.post("/completion", json={"prompt": BODY["prompt"], "n_predict": 24})
    tasks = [asyncio.create_task(one) for one in (*asked, same)]
    await gate.asked(1)
    while sum(len(flight._readers) for flight in server.asker._flights.values()) < 4:
        await asyncio.sleep(0.01)
    gate.go()
    *three, fourth = [(await task).json() for task in tasks]
    assert len(gate.jobs) == 1 and len({one["choices"][0]["text"] for one in three} | {fourth["content"]}) == 1


async def test_a_newer_request_of_a_slot_ends_the_older(server: Server, http: httpx.AsyncClient, gate: Gate) -> None:
    older = asyncio.create_task(http.post("/infill", json=SLOT))
    await gate.asked(1)
    newer = asyncio.create_task(http.post("/infill", json=SLOT | {"prompt": "x"}))
    await gate.asked(2)
    gate.go()
    assert (await older).json()["tokens_predicted"] < 24 and (await newer).json()["stop"] is True
    assert [job.request.session for job in gate.jobs] == ["slot-0@127.0.0.1"] * 2


async def test_a_prompt_is_read_ahead_while_the_answer_is_there(
    server: Server, http: httpx.AsyncClient, gate: Gate
) -> None:
    """As llama.vim warms the cache: the answer does not wait for the engine, and the next request finds the prompt."""
    warm = SLOT | {"n_predict": 0, "samplers": [], "t_max_prompt_ms": 1, "t_max_predict_ms": 1, "response_fields": [""]}
    for body, expected in ((warm, {}), (SLOT | {"n_predict": 0, "response_fields": ["content"]}, {"content": ""})):
        answer = await http.post("/infill", json=body)
        assert (answer.status_code, answer.json()) == (200, expected)
    stream = (await http.post("/completion", json={"prompt": "y", "n_predict": 0, "stream": True})).text
    assert json.loads(stream[6:])["content"] == "" and stream.count("data: ") == 1
    gate.go()
    await idle(server)
    timings = (await http.post("/infill", json=SLOT)).json()["timings"]
    assert timings["cache_n"] > timings["prompt_n"]


async def test_few_prompts_are_read_ahead(server: Server, http: httpx.AsyncClient, gate: Gate) -> None:
    for number in range(MOST_WARMING + 3):
        await http.post("/completion", json={"prompt": f"x{number}", "n_predict": 0})
    assert [job.cancelled for job in gate.jobs] == [True] * 3 + [False] * MOST_WARMING


async def test_what_is_ready_at_the_deadline_is_the_answer(server: Server, http: httpx.AsyncClient, gate: Gate) -> None:
    answer = (await http.post("/infill", json=SLOT | {"t_max_prompt_ms": 20, "t_max_predict_ms": 30})).json()
    assert (answer["content"], answer["stop_type"]) == ("", "limit")


async def test_at_the_end_new_requests_are_refused_and_old_ones_have_the_grace(
    server: Server, http: httpx.AsyncClient, gate: Gate
) -> None:
    await http.get("/health")  # a connection that stays open
    async with http.stream("POST", "/v1/completions", json=BODY | {"stream": True}) as answer:
        await gate.asked(1)
        assert server._web is not None
        ending = asyncio.create_task(server._web.stop(30))
        await asyncio.sleep(0)
        assert (await http.get("/health")).status_code == 503
        refused = await http.post("/api/generate", json={"prompt": "x"})
        assert refused.status_code == 503 and "ending" in refused.json()["error"]
        gate.go()
        assert "".join([part["choices"][0]["text"] async for part in parts(answer)])
    await ending


async def test_after_the_grace_a_stream_ends_with_the_reason(
    server: Server, http: httpx.AsyncClient, gate: Gate, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "midstream.access")
    async with http.stream("POST", "/v1/completions", json=BODY | {"stream": True}) as answer:
        await gate.asked(1)
        assert server._web is not None
        await server._web.stop(0.01)
        *_, last = [part async for part in parts(answer)]
    assert "ending" in last["error"]["message"] and gate.jobs[0].cancelled
    lines = [record.getMessage() for record in caplog.records if record.name == "midstream.access"]
    assert [line.rpartition(" ")[2] for line in lines] == ["end=http_503"]


async def test_a_body_that_has_not_come_at_the_end_is_no_fault(
    server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    host, _, port = server.http.rpartition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(b"POST /infill HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{")
    await writer.drain()
    await asyncio.sleep(0.2)
    assert server._web is not None
    await server._web.stop(0.01)
    answer = await reader.read()
    assert answer.startswith(b"HTTP/1.1 503") or not answer
    assert "Traceback" not in caplog.text and not any(record.exc_info for record in caplog.records)
    writer.close()
