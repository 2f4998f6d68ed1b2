"""Over HTTP: heads that are right, and bodies that are not."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Iterator
from functools import cache

from common.hostile.wire import exchange, fields, head, post, route
from common.hostile.world import Draw, Kind, World

HUGE = 15 * 1024 * 1024
MIB = 1 << 20
SENTINELS = ("<fim_prefix>", "<fim_suffix>", "<fim_middle>", "<|endoftext|>", "<file_sep>", "<|fim_prefix|>", "<PRE>",
             " <SUF>", "<filename>", "<reponame>", "[SUFFIX]", "[PREFIX]", "<|repo_name|>",
             "\x00", "\ufffe")  # fmt: skip
Body = Callable[[Draw, str], bytes]


def _kind(name: str, body: Body, weight: int = 10, *more: str) -> Kind:
    async def act(world: World, draw: Draw) -> str:
        path = route(draw)
        return await exchange(world.http, post(world, path, body(draw, path), *more))

    return Kind(name, act, weight)


def _raw(text: str) -> Body:
    """JSON as it stands, but that CANARY is the draw's text."""
    return lambda draw, path: text.replace("CANARY", draw.text).encode()


def _sentinels(draw: Draw, path: str) -> bytes:
    words = [draw.of(SENTINELS, str(n)) for n in range(1 + draw.below(40, "count"))]
    return fields(path, draw.text.join(words), suffix="".join(reversed(words)), input_suffix=words[0])


def _invalid(draw: Draw, path: str) -> bytes:
    name, wrong = (
        fields(path, "CANARY"),
        draw.of((b"\xff", b"\xc0\x80", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xe2\x82")),
    )
    return name.replace(b"CANARY", draw.text.encode() + wrong)


def _mutated(draw: Draw, path: str) -> bytes:
    """A good body of which some bytes are others."""
    body = bytearray(fields(path, draw.text * 3, suffix="\n", stop=["\n"], temperature=0.5, seed=7))
    for n in range(1 + draw.below(4, "changes")):
        body[draw.below(len(body), f"at{n}")] = draw.below(256, f"to{n}")
    return bytes(body)


def _cut(draw: Draw, path: str) -> bytes:
    body = fields(path, draw.text * 3, suffix="\n")
    return body[: draw.below(len(body), "cut")]


def _numbers(draw: Draw, path: str) -> bytes:
    number = draw.of(("NaN", "Infinity", "-Infinity", "1e400", "-1e400", "9" * 400, "-0.0", "1e-400", "0x10", "1_000",
                      "00", "1.", ".5", "99999999999999999999",
                      "-99999999999999999999", "1e308", "true", '"1"', "[]"))  # fmt: skip
    name = draw.of(("temperature", "max_tokens", "n_predict", "seed", "n", "top_p", "t_max_predict_ms", "id_slot",
                    "logprobs", "t_max_prompt_ms", "n_cmpl"), "name")  # fmt: skip
    field = "input_prefix" if path == "/infill" else "prompt"
    return f'{{"{field}":"{draw.text}","{name}":{number}}}'.encode()


def _types(draw: Draw, path: str) -> bytes:
    wrong = draw.of(
        [None, 7, [], {}, [None], [[]], [{}], [1, "a"], True, "", [""] * 5000, ["x" * 100_000], [-1], [1 << 70]]
    )
    name = draw.of(["prompt", "input_prefix", "suffix", "input_suffix", "stop", "stream", "model", "options",
                    "input_extra",
                    "response_fields", "stream_options"], "name")  # fmt: skip
    return json.dumps(json.loads(fields(path, draw.text)) | {name: wrong}).encode()


def _many_fields(draw: Draw, path: str) -> bytes:
    return json.dumps({f"{draw.text}{n}": n for n in range(20_000)}).encode()


@cache
def _line(size: int) -> str:
    return "x" * size


def _huge(draw: Draw, path: str) -> bytes:
    """One line of 15 MiB."""
    return fields(path, draw.text + _line(HUGE))


async def _gigabyte(world: World, draw: Draw) -> str:
    """With its length told."""
    data = head(world, route(draw), f"content-length: {1 << 30}") + b"\r\n"
    return await exchange(world.http, _after(data, b"x" * MIB, 1024))


async def _gigabyte_in_chunks(world: World, draw: Draw) -> str:
    data = head(world, route(draw), "transfer-encoding: chunked") + b"\r\n"
    return await exchange(world.http, _after(data, b"%x\r\n%s\r\n" % (MIB, b"x" * MIB), 1024))


def _after(data: bytes, part: bytes, count: int) -> Iterator[bytes]:
    yield data
    for _ in range(count):
        yield part


def _zipped(draw: Draw, path: str) -> bytes:
    return gzip.compress(fields(path, draw.text + _line(MIB)))


NESTED = 100_000
KINDS = (
    _kind("body: 15 MiB in one line", _huge, 1),
    Kind("body: a gigabyte", _gigabyte, 1),
    Kind("body: a gigabyte in chunks", _gigabyte_in_chunks, 1),
    _kind("body: 17 MiB of blanks", lambda draw, path: b" " * 17 * MIB, 1),
    _kind("body: sentinels", _sentinels, 20),
    _kind("body: invalid UTF-8", _invalid, 20),
    _kind("body: mutated", _mutated, 60),
    _kind("body: cut", _cut, 20),
    _kind("body: numbers", _numbers, 40),
    _kind("body: types", _types, 40),
    _kind("body: deep lists", lambda draw, path: b'{"prompt":' + b"[" * NESTED + b"]" * NESTED + b"}"),
    _kind("body: deep objects", lambda draw, path: b'{"x":' * NESTED + b"1" + b"}" * NESTED),
    _kind("body: deep and cut", lambda draw, path: b'{"stop":' + b"[" * NESTED),
    _kind("body: fields twice", _raw('{"prompt":"a","prompt":"CANARY","input_prefix":1,"input_prefix":"CANARY"}')),
    _kind("body: 20,000 fields", _many_fields, 3),
    _kind("body: half of a surrogate pair",
          _raw('{"prompt":"CANARY\\ud800","input_prefix":"\\udfff","suffix":"\\ud800"}')),
    _kind("body: UTF-16", lambda draw, path: fields(path, draw.text).decode().encode("utf-16")),
    _kind("body: UTF-8 with a mark", lambda draw, path: b"\xef\xbb\xbf" + fields(path, draw.text)),
    _kind("body: two of them", lambda draw, path: fields(path, draw.text) * 2),
    _kind("body: none", lambda draw, path: b""),
    _kind("body: random bytes", lambda draw, path: draw.data(1 + draw.below(5_000, "size"))),
    _kind("body: compressed", _zipped, 5, "content-encoding: gzip"),
    _kind("body: a form", lambda draw, path: f"prompt={draw.text}".encode(), 5, "content-type: multipart/form-data"),
    _kind("body: no such model", lambda draw, path: fields(path, draw.text, model=draw.text)),
    _kind("body: a model's name of a megabyte",
          lambda draw, path: fields(path, draw.text, model=draw.text + _line(MIB)), 3),
)  # fmt: skip
