"""Both faces of a server that asks for tokens: each method without one, with a wrong one and with one that is right."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import grpc
import httpx
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from server.app import Server
from server.rpc import infill_pb2
from tests.support.models.tiny import texts
from tests.support.programs.engine_gate import Gate

PREFIX = texts()[1][:60]
SERVICE = infill_pb2.DESCRIPTOR.services_by_name["InfillService"]
REQUESTS = {
    "Infill": infill_pb2.InfillRequest(prefix=PREFIX, max_tokens=2),
    "Model": infill_pb2.ModelRequest(),
    "Models": infill_pb2.ModelsRequest(),
    "Score": infill_pb2.ScoreRequest(prefix=PREFIX, middle="x"),
}
WRONG = [
    (), (("authorization", "Bearer wrong"),), (("authorization", "Basic token-of-free"),),
    (("authorization", "token-of-free"),), (("authorization", "Bearer token-of-free"), ("authorization", "Bearer x")),
]  # fmt: skip


def bearer(name: str) -> tuple[tuple[str, str], ...]:
    return (("authorization", f"Bearer token-of-{name}"),)


@pytest.fixture
async def channel(guarded: Server) -> AsyncIterator[grpc.aio.Channel]:
    async with grpc.aio.insecure_channel(guarded.address) as channel:
        yield channel


@pytest.fixture
async def http(guarded: Server) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=f"http://{guarded.http}", timeout=300) as client:
        yield client


async def ask(channel: Any, name: str, metadata: Any, request: Any = None) -> list[Any]:
    """The responses of a method of ours."""
    method = SERVICE.methods_by_name[name]
    make = channel.unary_stream if method.server_streaming else channel.unary_unary
    call = make(
        f"/{SERVICE.full_name}/{name}", lambda message: message.SerializeToString(),
        getattr(infill_pb2, method.output_type.name).FromString,
    )(request or REQUESTS[name], metadata=metadata)  # fmt: skip
    return [response async for response in call] if method.server_streaming else [await call]


async def test_every_method_needs_a_token(channel: grpc.aio.Channel) -> None:
    assert set(REQUESTS) == set(SERVICE.methods_by_name)
    for name in REQUESTS:
        for metadata in WRONG:
            with pytest.raises(grpc.aio.AioRpcError) as error:
                await ask(channel, name, metadata)
            assert error.value.code() is grpc.StatusCode.UNAUTHENTICATED
            assert error.value.details() == "a token is needed, as `authorization: Bearer TOKEN`"
        assert await ask(channel, name, bearer("free"))
    with pytest.raises(grpc.aio.AioRpcError) as error:
        await channel.unary_unary("/midstream.v1.InfillService/None")(b"")
    assert error.value.code() is grpc.StatusCode.UNAUTHENTICATED


async def test_health_is_open_and_reflection_is_not(channel: grpc.aio.Channel) -> None:
    health = health_pb2_grpc.HealthStub(channel)
    assert (await health.Check(health_pb2.HealthCheckRequest())).status == health_pb2.HealthCheckResponse.SERVING
    stub, listed = reflection_pb2_grpc.ServerReflectionStub(channel), reflection_pb2.ServerReflectionRequest(
        list_services=""
    )  # fmt: skip
    with pytest.raises(grpc.aio.AioRpcError) as error:
        _ = [r async for r in stub.ServerReflectionInfo(iter([listed]))]
    assert error.value.code() is grpc.StatusCode.UNAUTHENTICATED
    answers = [r async for r in stub.ServerReflectionInfo(iter([listed]), metadata=bearer("free"))]
    assert SERVICE.full_name in {s.name for s in answers[0].list_services_response.service}


async def test_a_rate_holds_for_one_token_over_both_faces(channel: grpc.aio.Channel, http: httpx.AsyncClient) -> None:
    await ask(channel, "Model", bearer("slow"))
    assert (await http.get("/v1/models", headers=dict(bearer("slow")))).status_code == 200
    with pytest.raises(grpc.aio.AioRpcError, match="too many requests") as error:
        await ask(channel, "Infill", bearer("slow"))
    assert error.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert 1 <= int(dict(error.value.trailing_metadata())["retry-after"]) <= 30
    answer = await http.post("/v1/completions", json={"prompt": "x"}, headers=dict(bearer("slow")))
    assert answer.status_code == 429 and 1 <= int(answer.headers["retry-after"]) <= 30
    assert "too many requests" in answer.json()["error"]["message"]
    assert await ask(channel, "Infill", bearer("free"))


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not holds():
            await asyncio.sleep(0.01)


async def test_one_runs_at_once_and_one_that_goes_away_makes_room(
    guarded: Server, channel: grpc.aio.Channel, http: httpx.AsyncClient
) -> None:
    gate = Gate(guarded.engine)
    body: Any = {"json": {"prompt": PREFIX, "max_tokens": 2}, "headers": dict(bearer("single"))}
    limits = guarded._gate._limits
    try:
        running = asyncio.create_task(ask(channel, "Infill", bearer("single")))
        await until(lambda: guarded.engine.active > 0)
        with pytest.raises(grpc.aio.AioRpcError, match="1 requests run, which is the most") as error:
            await ask(channel, "Score", bearer("single"))
        assert error.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        assert dict(error.value.trailing_metadata())["retry-after"] == "1"
        answer = await http.post("/v1/completions", **body)
        assert answer.status_code == 429 and answer.headers["retry-after"] == "1"
        running.cancel()  # the client goes away
        await until(lambda: not limits._running["single"])
        over_http = asyncio.create_task(http.post("/v1/completions", **body))
        await until(lambda: limits._running["single"] == 1)
        over_http.cancel()
        await until(lambda: not limits._running["single"])
    finally:
        gate.go()
    assert await ask(channel, "Infill", bearer("single"))
    assert (await http.post("/v1/completions", **body)).status_code == 200
    assert not limits._running["single"]


async def test_a_session_is_of_one_token(guarded: Server, channel: grpc.aio.Channel, http: httpx.AsyncClient) -> None:
    """Another's request of the same name ends nothing."""
    gate, asked = Gate(guarded.engine), infill_pb2.InfillRequest(prefix=PREFIX, max_tokens=4, session="s")
    try:
        first = asyncio.create_task(ask(channel, "Infill", bearer("free"), asked))
        await gate.asked(1)
        other = asyncio.create_task(ask(channel, "Infill", bearer("single"), asked))
        await gate.asked(2)
    finally:
        gate.go()
    assert (await first)[-1].finish_reason != infill_pb2.FINISH_REASON_CANCELLED
    assert (await other)[-1].finish_reason != infill_pb2.FINISH_REASON_CANCELLED
    sessions = {job.request.session for job in gate.jobs}
    assert len(sessions) == 2 and "s" not in sessions


async def test_a_token_sees_its_models_alone(channel: grpc.aio.Channel, http: httpx.AsyncClient) -> None:
    models = (await ask(channel, "Models", bearer("web")))[0].models
    assert [model.name for model in models] == ["other"]
    for name in ("Infill", "Score", "Model"):
        with pytest.raises(grpc.aio.AioRpcError, match="no model 'midstream' is served here: there are 'other'"):
            await ask(channel, name, bearer("web"))
    asked = infill_pb2.InfillRequest(prefix=PREFIX, max_tokens=2, model="other")
    assert (await ask(channel, "Infill", bearer("web"), asked))[-1].model_version.startswith("step-00000040")
    web = dict(bearer("web"))
    assert [m["id"] for m in (await http.get("/v1/models", headers=web)).json()["data"]] == ["other"]
    assert [m["name"] for m in (await http.get("/api/tags", headers=web)).json()["models"]] == ["other:latest"]
    for model, status in (("midstream", 404), ("other", 200), ("", 404), ("none", 404)):
        body = {"prompt": PREFIX, "max_tokens": 2, "model": model}
        answer = await http.post("/v1/completions", json=body, headers=web)
        assert answer.status_code == status
        assert status == 200 or answer.json()["error"]["message"].endswith("is served here: there are 'other'")
    assert (await http.get("/v1/models/midstream", headers=web)).status_code == 404


async def test_every_route_needs_a_token(guarded: Server, http: httpx.AsyncClient) -> None:
    app: Any = guarded._web and guarded._web._server.config.app
    routes = [(method, route.path) for route in app._app._app.routes for method in route.methods - {"HEAD"}]
    assert len(routes) > 15
    for method, path in [*routes, ("GET", "/none"), ("POST", "/health/"), ("OPTIONS", "/infill")]:
        if path in ("/health", "/v1/health"):
            assert (await http.request(method, path)).status_code == 200
            continue
        for headers in WRONG:
            answer = await http.request(method, path, headers=list(headers), content=b"{")
            assert answer.status_code == 401, (method, path)
            assert answer.headers["www-authenticate"] == "Bearer" and "a token is needed" in answer.text
    assert (await http.get("/v1/models", headers={"x-api-key": "token-of-free"})).status_code == 200
    assert (await http.get("/v1/models?api_key=token-of-free")).status_code == 401
    both = {"x-api-key": "token-of-free", "authorization": "Bearer x"}
    assert (await http.get("/v1/models", headers=both)).status_code == 401


async def test_a_token_that_is_taken_out_is_refused_at_once(channel: grpc.aio.Channel, tokens: Path) -> None:
    assert await ask(channel, "Model", bearer("free"))
    tokens.write_text("\n".join(line for line in tokens.read_text().split("\n") if not line.startswith("free")))
    with pytest.raises(grpc.aio.AioRpcError, match="a token is needed"):
        await ask(channel, "Model", bearer("free"))
    assert await ask(channel, "Model", bearer("single"))
