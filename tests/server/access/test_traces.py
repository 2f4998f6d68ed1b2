"""Spans as a collector gets them: real HTTP, decoded as OTLP has it."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import grpc
import httpx
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from prometheus_client.parser import text_string_to_metric_families

from midstream.settings import Settings
from model.mapping import SettingsError, from_mapping
from server.access import traces
from server.access.call import Call
from server.access.config import Access
from server.access.traces import Traces
from server.app import ServeConfig, Server
from server.rpc import infill_pb2, infill_pb2_grpc
from tests.support.models.tiny import texts, write_checkpoint

PREFIX = texts()[1][:60]
CANARY = "canary0xyz"
TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


@dataclass
class Collector:
    """Takes spans; `status` is what it answers, `may` whether it answers yet."""

    url: str = ""
    status: int = 200
    may: threading.Event = field(default_factory=threading.Event)
    requests: list[bytes] = field(default_factory=list)

    def spans(self) -> list[dict[str, Any]]:
        """Name, ids, kind, times, status, and the attributes of each."""
        found: list[dict[str, Any]] = []
        for data in self.requests:
            for resource in ExportTraceServiceRequest.FromString(data).resource_spans:
                service = {a.key: a.value.string_value for a in resource.resource.attributes}
                for span in (span for scope in resource.scope_spans for span in scope.spans):
                    found.append({"span": span, "service": service["service.name"], **_attributes(span)})
        return found

    async def has(self, count: int) -> list[dict[str, Any]]:
        async with asyncio.timeout(60):
            while len(spans := self.spans()) < count:
                await asyncio.sleep(0.02)
        return spans


def _attributes(span: Any) -> dict[str, Any]:
    def value(one: Any) -> Any:
        kind = one.WhichOneof("value")
        return [value(item) for item in one.array_value.values] if kind == "array_value" else getattr(one, kind)

    return {attribute.key: value(attribute.value) for attribute in span.attributes}


@pytest.fixture
def collector() -> Iterator[Collector]:
    collector = Collector()
    collector.may.set()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            assert self.path == "/v1/traces" and self.headers["content-type"] == "application/x-protobuf"
            data = self.rfile.read(int(self.headers["content-length"]))
            collector.may.wait()
            if collector.status == 200:
                collector.requests.append(data)
            self.send_response(collector.status)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        collector.url = f"http://127.0.0.1:{server.server_port}"
        yield collector
        collector.may.set()
        server.shutdown()
        thread.join()


@pytest.fixture
async def server(tmp_path: Path, collector: Collector, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Server]:
    monkeypatch.setattr(traces, "EVERY_S", 0.05)
    write_checkpoint(tmp_path, 1)
    access = Access(otlp=collector.url, metrics="127.0.0.1:0")
    server = Server(ServeConfig(tmp_path, "127.0.0.1:0", grace_s=0.2, http="127.0.0.1:0", access=access))
    await server.start()
    await asyncio.wait_for(server.ready(), 300)
    yield server
    await server.stop()


async def test_a_span_says_what_a_request_took_and_nothing_of_its_text(server: Server, collector: Collector) -> None:
    asked = infill_pb2.InfillRequest(prefix=PREFIX, suffix=CANARY, path=CANARY, session=CANARY, stop=[CANARY])
    asked.max_tokens = 3
    parent = (("traceparent", f"00-{TRACE}-{PARENT}-01"), ("tracestate", f"x={CANARY}"), ("x-other", CANARY))
    async with grpc.aio.insecure_channel(server.address) as channel:
        stub = infill_pb2_grpc.InfillServiceStub(channel)
        last = [response async for response in stub.Infill(asked, metadata=parent)][-1]
    async with httpx.AsyncClient(base_url=f"http://{server.http}", timeout=300) as http:
        body = {"prompt": PREFIX + CANARY, "max_tokens": 3, "model": CANARY}
        headers = {"traceparent": f"00-{TRACE}-{PARENT}-01"}
        answer = (await http.post(f"/v1/completions?q={CANARY}", json=body, headers=headers)).json()
        assert (await http.post("/v1/completions", json={"prompt": PREFIX, "temperature": -1})).status_code == 400
        unrecorded = {"traceparent": f"00-{TRACE}-{PARENT}-00"}
        assert (await http.get("/v1/models", headers=unrecorded)).status_code == 200
        assert (await http.get(f"/{CANARY}", headers={"traceparent": CANARY})).status_code == 404
    one, two, three, other = await collector.has(4)
    assert one["span"].name == "/midstream.v1.InfillService/Infill" and two["span"].name == "/v1/completions"
    for span in (one, two):
        assert (span["span"].trace_id.hex(), span["span"].parent_span_id.hex()) == (TRACE, PARENT)
        assert span["span"].kind == span["span"].SPAN_KIND_SERVER and span["service"] == "midstream"
        assert 0 < span["span"].start_time_unix_nano < span["span"].end_time_unix_nano
        assert span["gen_ai.operation.name"] == "text_completion"
        assert span["gen_ai.response.model"] == last.model_version
        assert span["gen_ai.response.finish_reasons"] == [span["midstream.end"]]
        assert span["midstream.queue_s"] >= 0 and span["gen_ai.response.time_to_first_chunk"] > 0
    assert (one["midstream.face"], two["midstream.face"]) == ("grpc", "http")
    assert (one["midstream.end"], one["gen_ai.usage.output_tokens"]) == ("length", last.tokens)
    assert two["gen_ai.usage.output_tokens"] == answer["usage"]["completion_tokens"]
    assert two["gen_ai.usage.input_tokens"] == answer["usage"]["prompt_tokens"]
    assert one["gen_ai.usage.input_tokens"] == last.prompt_tokens
    assert one["gen_ai.usage.cache_read.input_tokens"] == last.reused_tokens
    assert three["error.type"] == three["midstream.end"] == "http_400" and three["span"].status.code == 2
    assert not three["span"].parent_span_id and three["span"].trace_id.hex() != TRACE
    assert other["span"].name == "other" and other["span"].trace_id.hex() != TRACE
    assert not any(CANARY.encode() in data for data in collector.requests)


async def dropped(server: Server) -> float:
    async with httpx.AsyncClient() as client:
        page = (await client.get(f"http://{server.metrics}/metrics")).text
    (value,) = (
        sample.value for family in text_string_to_metric_families(page) for sample in family.samples
        if sample.name == "midstream_spans_dropped_total"
    )  # fmt: skip
    return value


async def test_what_a_collector_refuses_is_counted(server: Server, collector: Collector) -> None:
    collector.status = 400
    async with httpx.AsyncClient(base_url=f"http://{server.http}") as http:
        for _ in range(3):
            assert (await http.get("/v1/models")).status_code == 200
    async with asyncio.timeout(60):
        while await dropped(server) < 3:
            await asyncio.sleep(0.02)
    collector.status = 200
    async with httpx.AsyncClient(base_url=f"http://{server.http}") as http:
        assert (await http.get("/v1/models")).status_code == 200
    await collector.has(1)
    assert await dropped(server) == 3


def test_a_collector_that_hangs_keeps_a_bounded_number(collector: Collector, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(traces, "MOST_WAITING", 20)
    monkeypatch.setattr(traces, "BATCH", 10)
    collector.may.clear()
    sending = Traces(collector.url, every_s=0.01)
    for _ in range(200):
        sending.told(Call("grpc", "x", is_whole=True))
    waiting = sending._spans._spans
    assert len(waiting) <= 20 and 200 - 20 - 10 <= sending.dropped <= 200 - 20
    collector.may.set()
    sending.close()
    assert len(collector.spans()) == 200 - sending.dropped


def test_nothing_is_imported_unless_it_is_wanted() -> None:
    code = "import server.app, sys; assert not {'opentelemetry', 'prometheus_client', 'requests'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("url", ["127.0.0.1:4318", "ftp://x", "http://", "http://a b", "http://x?y", "http://u:p@x"])
def test_a_url_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(SettingsError, match="otlp must be empty or http://host:port"):
        from_mapping(Settings, {"serve": {"otlp": url}}, "x")
    assert from_mapping(Settings, {"serve": {"otlp": "http://127.0.0.1:4318"}}, "x").serve.otlp
