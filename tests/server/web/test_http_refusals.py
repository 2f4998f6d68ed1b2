"""What is wrong with a request is said in the shape of its protocol, and nothing of it harms the server."""

from __future__ import annotations

import asyncio
import gzip
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from starlette.requests import Request as Http

from server.app import CannotListen, ServeConfig, Server
from server.web.body import Refused, read

DOORS = {
    "/v1/completions": {"prompt": "x"},
    "/beta/completions": {"prompt": "x"},
    "/v1/fim/completions": {"prompt": "x"},
    "/fim/completions": {"prompt": "x"},
    "/infill": {"input_prefix": "x"},
    "/completion": {"prompt": "x"},
    "/completions": {"prompt": "x"},
    "/api/generate": {"prompt": "x"},
}
LARGE = 17 * 1024 * 1024


def message(path: str, answer: httpx.Response) -> str:
    """The refusal's sentence, where the protocol has it."""
    body = answer.json()
    if path.startswith("/api/"):
        assert list(body) == ["error"]
        return body["error"]
    if "/fim/" in path:
        assert body["object"] == "error" and body["type"].endswith("_error")
        return body["message"]
    error = body["error"]
    assert error["type"].endswith("_error")
    if not path.startswith(("/v1/", "/beta/")):
        assert error["code"] == answer.status_code
    return error["message"]


def chunks(size: int) -> AsyncIterator[bytes]:
    async def made() -> AsyncIterator[bytes]:
        for _ in range(size // 65_536):
            yield b" " * 65_536

    return made()


async def test_bodies_that_are_none(server: Server, http: httpx.AsyncClient) -> None:
    deep = b'{"x":' + b"[" * 100_000 + b"]" * 100_000 + b"}"
    cases = [
        (b"", "not JSON"), (b"{", "not JSON"), (b"nonsense", "not JSON"), (b"[]", "Expected `object`"),
        (b'{"prompt":"\xff"}', "not UTF-8 at byte 11"), (b'{"prompt":"\\ud800"}', "not JSON"), (deep, "too deep"),
    ]  # fmt: skip
    for path in DOORS:
        for body, word in cases:
            answer = await http.post(path, content=body)
            assert answer.status_code == 400 and word in message(path, answer), (path, body[:20], answer.text)


@pytest.mark.parametrize("is_chunked", [False, True])
async def test_bodies_that_are_too_large(server: Server, http: httpx.AsyncClient, is_chunked: bool) -> None:
    for path in DOORS:
        answer = await http.post(path, content=chunks(LARGE) if is_chunked else b" " * LARGE)
        assert answer.status_code == 413 and "16,777,216 bytes" in message(path, answer)
    assert (await http.get("/health")).status_code == 200


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"temperature": "hot"}, "$.temperature"),
    ({"temperature": 1e300}, "temperature is 0"),
    ({"top_p": 2.0}, "top_p is above 0"),
    ({"stop": 7}, "$.stop"),
    ({"stop": ["a", 7]}, "$.stop[1]"),
    ({"stop": ["x"] * 65}, "at most 64 strings"),
    ({"stop": "x" * 300}, "at most 256 characters"),
    ({"seed": 1.5}, "$.seed"),
]
OWN: list[tuple[str, dict[str, Any], str]] = [
    ("/v1/completions", {"n": 17}, "from 1 to 16 alternatives"),
    ("/v1/completions", {"n": 17, "temperature": 0}, "from 1 to 16 alternatives"),
    ("/v1/completions", {"n": 0}, "from 1 to 16 alternatives"),
    ("/v1/completions", {"max_tokens": -1}, "max_tokens is not negative"),
    ("/v1/completions", {"max_tokens": True}, "$.max_tokens"),
    ("/v1/completions", {"temperature": -1}, "temperature is 0"),
    ("/v1/completions", {"echo": True}, "echo is not supported"),
    ("/v1/completions", {"best_of": 4}, "best_of"),
    ("/v1/completions", {"best_of": 0}, "best_of is 1 or more"),
    ("/v1/completions", {"logprobs": -1}, "logprobs is not negative"),
    ("/v1/completions", {"prompt": ["a", "b"]}, "prompt is one text"),
    ("/v1/completions", {"prompt": []}, "prompt is one text"),
    ("/v1/completions", {"prompt": [1, 10**6]}, "token ids are from 0 to"),
    ("/v1/completions", {"prompt": [1] * 200_001}, "at most 200,000 token ids"),
    ("/completion", {"prompt": [[1] * 200_001]}, "at most 200,000 token ids"),
    ("/completion", {"response_fields": ["content"] * 257}, "response_fields"),
    ("/v1/completions", {"prompt": {"text": "x"}}, "$.prompt"),
    ("/v1/completions", {"suffix": 3}, "$.suffix"),
    ("/v1/fim/completions", {"prompt": None}, "$.prompt"),
    ("/v1/fim/completions", {"max_tokens": -3}, "max_tokens is not negative"),
    ("/infill", {"input_extra": [{"filename": "x"}]}, "missing required field `text` - at `$.input_extra[0]`"),
    ("/infill", {"input_extra": [{"text": "x"}] * 257}, "at most 256 files"),
    ("/infill", {"n_predict": -3}, "n_predict"),
    ("/infill", {"n_cmpl": 17}, "from 1 to 16 alternatives"),
    ("/infill", {"input_prefix": ["x"]}, "$.input_prefix"),
    ("/completion", {"prompt": [1, "x"]}, "prompt is one text"),
    ("/api/generate", {"prompt": 3}, "$.prompt"),
]


async def test_values_that_cannot_be_honoured(server: Server, http: httpx.AsyncClient) -> None:
    for path, body in DOORS.items():
        for wrong, word in WRONG:
            name, value = next(iter(wrong.items()))
            renamed = "random_seed" if name == "seed" and "/fim/" in path else name
            asked = body | ({"options": wrong} if path == "/api/generate" else {renamed: value})
            answer = await http.post(path, json=asked)
            said = message(path, answer).replace("$.options.", "$.").replace("random_seed", "seed")
            assert answer.status_code == 400 and word in said, (path, wrong, answer.text)
    for path, wrong, word in OWN:
        answer = await http.post(path, json=DOORS[path] | wrong)
        said = message(path, answer)
        assert answer.status_code == 400 and word.lower() in said.lower(), (path, wrong, answer.text)


async def test_values_that_mean_none(server: Server, http: httpx.AsyncClient) -> None:
    """As llama.cpp's own: below 0 is no limit, and no field is every field."""
    body = {"input_prefix": "x", "n_predict": 2, "t_max_predict_ms": -1, "response_fields": []}
    assert (await http.post("/infill", json=body)).json().keys() >= {"content", "stop_type", "timings"}


async def test_a_body_that_is_compressed_is_refused_in_words(server: Server, http: httpx.AsyncClient) -> None:
    for path, body in DOORS.items():
        answer = await http.post(
            path, content=gzip.compress(json.dumps(body).encode()), headers={"content-encoding": "gzip"}
        )
        assert answer.status_code == 415 and "content-encoding" in message(path, answer)


@pytest.mark.parametrize("path", ["/v1/completions", "/v1/fim/completions"])
async def test_no_tokens_end_at_their_limit(server: Server, http: httpx.AsyncClient, path: str) -> None:
    body = {"prompt": "x", "max_tokens": 0}
    assert (await http.post(path, json=body)).json()["choices"][0]["finish_reason"] == "length"
    stream = (await http.post(path, json=body | {"stream": True})).text.split("\n\n")
    parts = [json.loads(part.removeprefix("data: ")) for part in stream if part.startswith("data: {")]
    assert [part["choices"][0]["finish_reason"] for part in parts] == ["length"] and "data: [DONE]" in stream


async def test_numbers_that_are_none(server: Server, http: httpx.AsyncClient) -> None:
    for text in (b"NaN", b"Infinity", b"1e999"):
        answer = await http.post("/v1/completions", content=b'{"prompt":"x","temperature":' + text + b"}")
        assert answer.status_code == 400


async def test_places_that_are_none(server: Server, http: httpx.AsyncClient) -> None:
    for method, path, status in (
        ("GET", "/v1/nothing", 404), ("GET", "/api/nothing", 404), ("POST", "/nothing", 404), ("GET", "/infill", 405),
        ("PUT", "/v1/completions", 405), ("OPTIONS", "/api/generate", 405), ("POST", "/health", 405),
    ):  # fmt: skip
        answer = await http.request(method, path)
        assert answer.status_code == status and path in message(path, answer)
        assert "POST" in answer.headers.get("allow", "") or status == 404 or path == "/health"


async def test_without_a_model_each_says_so(bare: Server, http: httpx.AsyncClient) -> None:
    for path, body in DOORS.items():
        answer = await http.post(path, json=body)
        assert answer.status_code == 503 and "oading" in message(path, answer)
    answer = await http.get("/health")
    assert answer.status_code == 503 and answer.json()["error"]["type"] == "unavailable_error"
    assert (await http.get("/props")).status_code == 503
    assert (await http.get("/v1/models")).json()["data"] == (await http.get("/api/tags")).json()["models"] == []


async def test_a_body_that_does_not_come_is_not_waited_for() -> None:
    async def receive() -> dict[str, Any]:
        await asyncio.Event().wait()
        return {}

    with pytest.raises(Refused) as refused:
        await read(Http({"type": "http", "headers": []}, receive), patience_s=0.01)
    assert refused.value.status == 408


async def test_a_length_that_lies_ends_with_its_connection(server: Server, http: httpx.AsyncClient) -> None:
    host, _, port = server.http.rpartition(":")
    for length, body in ((1000, b"{}"), (10**12, b"{}"), (-1, b"{}")):
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(b"POST /infill HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s" % (length, body))
        await writer.drain()
        writer.write_eof() if length == 1000 else None
        said = await reader.read(12)
        assert said == b"" or said.startswith((b"HTTP/1.1 4", b"HTTP/1.0 4"))
        writer.close()
        assert (await http.get("/health")).status_code == 200


async def test_a_port_that_is_taken_is_named(server: Server) -> None:
    other = Server(ServeConfig(server.config.checkpoints, listen="127.0.0.1:0", http=server.http, grace_s=0.1))
    with pytest.raises(CannotListen, match=f"cannot listen on {server.http}: another server is running there"):
        await other.start()
