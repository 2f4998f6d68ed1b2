"""Requests as editors' plug-ins send them, read as they read the answers: the text is what gRPC gives."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest

from server.app import Server
from server.client import AsyncClient
from tests.support.models.tiny import texts

TEXT = texts()[20]
PREFIX, SUFFIX = TEXT[:9], TEXT[60:90]
MOST = 24


def events(text: str) -> list[Any]:
    """Of a stream of server-sent events, as clients take them apart: blocks with an empty line behind each."""
    assert text.endswith("\n\n")
    blocks = [block for block in text.split("\n\n") if block]
    assert all(block.startswith("data: ") for block in blocks)
    return [json.loads(block[6:]) for block in blocks if block != "data: [DONE]"]


def completion(text: str) -> str:
    return json.loads(text)["choices"][0]["text"]


def completion_stream(text: str) -> str:
    assert text.endswith("data: [DONE]\n\n")
    return "".join(event["choices"][0]["text"] for event in events(text))


def chat_stream(text: str) -> str:
    assert text.endswith("data: [DONE]\n\n")
    return "".join(event["choices"][0]["delta"]["content"] for event in events(text))


def content(text: str) -> str:
    """As llama.vim looks at it first: no blank behind the colon."""
    assert re.search(r'"content"\s*:"', text)
    return json.loads(text)["content"]


def content_stream(text: str) -> str:
    assert "[DONE]" not in text
    return "".join(event["content"] for event in events(text) if event["content"])


def lines(text: str) -> str:
    answers = [json.loads(line) for line in text.splitlines()]
    assert [answer["done"] for answer in answers] == [False] * (len(answers) - 1) + [True]
    return "".join(answer["response"] for answer in answers)


STARCODER = f"<fim_prefix>{PREFIX}<fim_suffix>{SUFFIX}<fim_middle>"
QWEN = f"<|fim_prefix|>{PREFIX}<|fim_suffix|>{SUFFIX}<|fim_middle|>"
CODELLAMA = f"<PRE> {PREFIX} <SUF>{SUFFIX} <MID>"
DEEPSEEK = f"<｜fim▁begin｜>{PREFIX}<｜fim▁hole｜>{SUFFIX}<｜fim▁end｜>"
CODESTRAL = f"[SUFFIX]{SUFFIX}[PREFIX]{PREFIX}"
ZED_STOPS = ["<|endoftext|>", "<fim_prefix>", "<fim_middle>", "<fim_suffix>"]


@dataclass(frozen=True)
class Client:
    """A plug-in's request and how it reads the answer."""

    path: str
    body: dict[str, Any]
    read: Callable[[str], str]
    media: str = "application/json"
    headers: dict[str, str] = field(default_factory=dict)


LLAMA_VIM = {
    "id_slot": 0, "input_prefix": PREFIX[:5], "input_suffix": SUFFIX, "input_extra": [], "prompt": PREFIX[5:],
    "n_predict": MOST, "stop": [], "n_indent": 0, "top_k": 40, "top_p": 0.90,
    "samplers": ["top_k", "top_p", "infill"], "stream": False, "cache_prompt": True, "t_max_prompt_ms": 300_000,
    "t_max_predict_ms": 300_000,
    "response_fields": [
        "content", "timings/prompt_n", "timings/prompt_ms", "timings/prompt_per_token_ms",
        "timings/prompt_per_second", "timings/predicted_n", "timings/predicted_ms",
        "timings/predicted_per_token_ms", "timings/predicted_per_second", "truncated", "tokens_cached",
    ],
}  # fmt: skip
LLAMA_VSCODE = {
    "id_slot": 0, "input_prefix": PREFIX, "input_suffix": SUFFIX, "input_extra": [], "prompt": "", "n_predict": MOST,
    "n_cmpl": 1, "top_k": 40, "top_p": 0.99, "stream": False, "samplers": ["top_k", "top_p", "infill"],
    "cache_prompt": True, "n_indent": 4, "t_max_prompt_ms": 300_000, "t_max_predict_ms": 300_000,
    "lora": [{"id": 0, "scale": 0.5}], "model": "any",
}  # fmt: skip
MINUET = {"model": "any", "stream": True, "prompt": PREFIX, "suffix": SUFFIX, "max_tokens": MOST, "top_p": 0.9}
CONTINUE = {
    "model": "any", "max_tokens": MOST, "temperature": 0, "top_p": None, "frequency_penalty": None,
    "presence_penalty": None, "stop": ["<fim_prefix>", "<file_sep>", "</code>", "\n\n\n\n\n"], "stream": True,
}  # fmt: skip
ZED = {"model": "any", "max_tokens": MOST, "stop": ZED_STOPS}
OLLAMA = {"model": "any", "raw": True, "keep_alive": 1800, "stream": True,
          "options": {"num_predict": MOST, "temperature": 0, "num_ctx": 2048, "stop": ["\n\n\n\n\n"]}}  # fmt: skip
SIDES = {"prompt": PREFIX, "suffix": SUFFIX}
SSE = "text/event-stream"
BEARER = {"Authorization": "Bearer none", "Accept": "application/json"}

CLIENTS = {
    "llama.vim": Client("/infill", LLAMA_VIM, content, headers=BEARER),
    "llama.vscode": Client("/infill", LLAMA_VSCODE, content),
    "minuet": Client("/v1/completions", MINUET, completion_stream, SSE, BEARER),
    "minuet, no stream": Client("/v1/completions", MINUET | {"stream": False}, completion, headers=BEARER),
    "Continue, openai": Client("/v1/completions", CONTINUE | {"prompt": STARCODER}, completion_stream, SSE),
    "Continue, mistral": Client("/v1/fim/completions", CONTINUE | SIDES, chat_stream, SSE),
    "Continue, deepseek": Client("/fim/completions", CONTINUE | SIDES, chat_stream, SSE),
    "Continue, ollama": Client(
        "/api/generate", OLLAMA | {"prompt": PREFIX, "suffix": SUFFIX}, lines, "application/x-ndjson"
    ),
    "Continue, llama.cpp": Client(
        "/completion", {"prompt": STARCODER, "stream": True, "n_predict": MOST, "temperature": 0}, content_stream, SSE
    ),
    "Zed, openai, starcoder": Client("/v1/completions", ZED | {"prompt": STARCODER}, completion),
    "Zed, openai, qwen": Client("/v1/completions", ZED | {"prompt": QWEN}, completion),
    "Zed, openai, codellama": Client("/v1/completions", ZED | {"prompt": CODELLAMA}, completion),
    "Zed, openai, deepseek": Client("/v1/completions", ZED | {"prompt": DEEPSEEK}, completion),
    "Zed, openai, codestral": Client("/v1/completions", ZED | {"prompt": CODESTRAL}, completion),
    "Zed, ollama": Client(
        "/api/generate",
        {"model": "any", "prompt": STARCODER, "raw": True, "stream": False,
         "options": {"num_predict": MOST, "temperature": 0, "stop": ZED_STOPS}},
        lines,
    ),
    "llm-ls, llamacpp": Client(
        "/v1/completions", {"max_tokens": MOST, "prompt": STARCODER, "model": "any", "stream": False}, completion
    ),
    "llm-ls, ollama": Client(
        "/api/generate",
        {"options": {"num_predict": MOST}, "prompt": STARCODER, "model": "any", "stream": False},
        lines,
    ),
    "famulus, mistral": Client(
        "/v1/fim/completions", {"model": "codestral-latest", "prompt": PREFIX, "suffix": SUFFIX, "max_tokens": MOST},
        lambda text: json.loads(text)["choices"][0]["message"]["content"],
    ),
    "curl": Client(
        "/v1/completions", {"prompt": PREFIX, "suffix": SUFFIX, "max_tokens": MOST}, completion,
        headers={"Content-Type": "application/x-www-form-urlencoded"},
    ),
}  # fmt: skip


async def test_every_client_gets_the_text_of_grpc(server: Server, http: httpx.AsyncClient, rpc: AsyncClient) -> None:
    expected = await rpc.complete(PREFIX, SUFFIX, max_tokens=MOST)
    assert expected.text.count("\n") > 0 and expected.tokens > 5
    for name, client in CLIENTS.items():
        answer = await http.post(
            client.path, content=json.dumps(client.body), headers={"Content-Type": "application/json"} | client.headers
        )
        assert (answer.status_code, answer.headers["content-type"]) == (200, client.media), (name, answer.text)
        assert client.read(answer.text) == expected.text, name


async def test_llama_vim_s_fields_are_flat_and_others_nested(server: Server, http: httpx.AsyncClient) -> None:
    flat = (await http.post("/infill", json=LLAMA_VIM)).json()
    assert sorted(flat) == sorted(LLAMA_VIM["response_fields"]) and flat["timings/predicted_n"] > 0
    nested = (await http.post("/infill", json=LLAMA_VSCODE)).json()
    assert nested["timings"]["predicted_n"] == flat["timings/predicted_n"] == nested["tokens_predicted"]
    assert nested["stop"] is True and nested["stop_type"] == "eos"


async def test_llama_vscode_gets_a_list_of_alternatives(server: Server, http: httpx.AsyncClient) -> None:
    answers = (await http.post("/infill", json=LLAMA_VSCODE | {"n_cmpl": 3})).json()
    assert [answer["index"] for answer in answers] == [0, 1, 2] and all(answer["content"] for answer in answers)


async def test_an_answer_says_why_it_ended_and_what_it_took(
    server: Server, http: httpx.AsyncClient, rpc: AsyncClient
) -> None:
    for most, why in ((MOST, "stop"), (4, "length")):
        expected = await rpc.complete(PREFIX, SUFFIX, max_tokens=most)
        body = {"prompt": PREFIX, "suffix": SUFFIX, "max_tokens": most}
        one = (await http.post("/v1/completions", json=body)).json()
        assert one["choices"][0]["finish_reason"] == why and one["system_fingerprint"] == expected.model_version
        used = {
            "prompt_tokens": expected.prompt_tokens, "completion_tokens": expected.tokens,
            "total_tokens": expected.prompt_tokens + expected.tokens,
        }  # fmt: skip
        assert one["usage"] == used
        fim = (await http.post("/v1/fim/completions", json=body)).json()
        assert (fim["choices"][0]["finish_reason"], fim["usage"]) == (why, used)
        asked = {"prompt": PREFIX, "suffix": SUFFIX, "options": {"num_predict": most}}
        last = json.loads((await http.post("/api/generate", json=asked)).text.splitlines()[-1])
        assert (last["done_reason"], last["prompt_eval_count"], last["eval_count"]) == (
            why, expected.prompt_tokens, expected.tokens,
        )  # fmt: skip
        stream = await http.post(
            "/v1/completions", json=body | {"stream": True, "stream_options": {"include_usage": True}}
        )
        *parts, end = events(stream.text)
        assert (end["choices"], end["usage"]) == ([], used) and {part["usage"] for part in parts} == {None}
        reasons = [part["choices"][0]["finish_reason"] for part in parts]
        assert reasons == [None] * (len(parts) - 1) + [why]


async def test_alternatives_are_those_of_grpc(server: Server, http: httpx.AsyncClient, rpc: AsyncClient) -> None:
    expected = await rpc.complete(PREFIX, SUFFIX, max_tokens=8, alternatives=3, temperature=0.8, seed=7, top_p=0.9)
    texts = [expected.text, *(other.text for other in expected.others)]
    body = {
        "prompt": PREFIX, "suffix": SUFFIX, "max_tokens": 8, "n": 3, "temperature": 0.8, "seed": 7, "top_p": 0.9,
        "logprobs": 0,
    }  # fmt: skip
    choices = (await http.post("/v1/completions", json=body)).json()["choices"]
    assert [choice["text"] for choice in choices] == texts and [choice["index"] for choice in choices] == [0, 1, 2]
    assert all(choice["logprobs"]["token_logprobs"][0] < 0 for choice in choices)
    streamed = ["", "", ""]
    for event in events((await http.post("/v1/completions", json=body | {"stream": True})).text):
        streamed[event["choices"][0]["index"]] += event["choices"][0]["text"]
    assert streamed == texts


@pytest.mark.parametrize("stream", [False, True])
async def test_greedy_alternatives_are_copies(server: Server, http: httpx.AsyncClient, stream: bool) -> None:
    body = {"prompt": PREFIX, "max_tokens": 8, "n": 3, "temperature": 0, "stream": stream}
    answer = (await http.post("/v1/completions", json=body)).text
    choices = [e["choices"][0] for e in events(answer)] if stream else json.loads(answer)["choices"]
    texts = ["".join(c["text"] for c in choices if c["index"] == index) for index in range(3)]
    assert texts[0] and len(set(texts)) == 1 and len({c["index"] for c in choices}) == 3


async def test_a_stop_is_one_or_several(server: Server, http: httpx.AsyncClient) -> None:
    for stop in ("return", ["nowhere", "return"], ["", "return"]):
        text = completion((await http.post("/v1/completions", json=MINUET | {"stream": False, "stop": stop})).text)
        assert text and "return" not in text
    whole = completion((await http.post("/v1/completions", json=MINUET | {"stream": False, "stop": [""]})).text)
    assert "return" in whole


async def test_token_ids_are_a_prompt(server: Server, http: httpx.AsyncClient) -> None:
    """Also as a template, whose sentinels are ids."""
    assert server.engine.served is not None
    tokenizer = server.engine.served.tokenizer
    ids = [
        tokenizer.special("<fim_prefix>"), *tokenizer.encode(PREFIX), tokenizer.special("<fim_suffix>"),
        *tokenizer.encode(SUFFIX), tokenizer.special("<fim_middle>"),
    ]  # fmt: skip
    expected = completion((await http.post("/v1/completions", json=MINUET | {"stream": False})).text)
    for prompt in (ids, [ids]):
        assert (
            completion((await http.post("/v1/completions", json={"prompt": prompt, "max_tokens": MOST})).text)
            == expected
        )


async def test_models_are_told_of(server: Server, http: httpx.AsyncClient) -> None:
    assert [m["id"] for m in (await http.get("/v1/models")).json()["data"]] == ["midstream"]
    assert (await http.get("/v1/models/midstream")).json()["object"] == "model"
    assert (await http.get("/health")).json() == {"status": "ok"}
    assert (await http.get("/props")).json()["default_generation_settings"]["n_ctx"] == 128
    assert (await http.get("/api/tags")).json()["models"][0]["name"] == "midstream:latest"
    assert re.fullmatch(r"\d+\.\d+\.\d+", (await http.get("/api/version")).json()["version"])
    shown = (await http.post("/api/show", json={"name": "any"})).json()
    assert ".Suffix" in shown["template"] and "insert" in shown["capabilities"]
    assert all(re.match(r'^(\S+)\s+((?:".*")|\S+)$', line) for line in shown["parameters"].split("\n"))
    head = await http.head("/health")
    assert (head.status_code, head.content) == (200, b"")


async def test_ollama_s_empty_prompt_loads(server: Server, http: httpx.AsyncClient) -> None:
    answer = (await http.post("/api/generate", json={"model": "any", "stream": False})).json()
    assert (answer["done"], answer["done_reason"], answer["response"]) == (True, "load", "")


async def test_no_page_of_another_origin_is_let_in(server: Server, http: httpx.AsyncClient) -> None:
    answer = await http.get("/health", headers={"Origin": "https://example.org"})
    assert not [name for name in answer.headers if name.startswith("access-control")]
