"""Messages that are none are refused in words by every method, and the log has no traceback of them."""

from __future__ import annotations

import logging
from typing import Any

import grpc
import pytest

from server.app import Server
from server.rpc.quiet import is_news
from tests.support.models.tiny import texts

METHODS = [
    *(f"midstream.v1.InfillService/{name}" for name in ("Infill", "Model", "Models", "Score")),
    "grpc.health.v1.Health/Check", "grpc.health.v1.Health/Watch",
    "grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
]  # fmt: skip
GARBAGE = [b"\xff" * 9, b"\x0a\x7fx", b"\x0a\x0bkanarie7q \xff", b"\xa3\x06" * 1_000]
"""A varint without an end, a text that is cut, one that is not UTF-8, groups that are never closed."""


@pytest.mark.parametrize("method", METHODS)
async def test_a_message_that_cannot_be_decoded_is_refused(
    guarded: Server, method: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    metadata = (("authorization", "Bearer token-of-free"),)
    async with grpc.aio.insecure_channel(guarded.address) as channel:
        call: Any = channel.unary_stream(f"/{method}", request_serializer=bytes, response_deserializer=bytes)
        garbage = [data for data in GARBAGE if b"kanarie" not in data or not method.endswith("Models")]
        for data in garbage:
            with pytest.raises(grpc.aio.AioRpcError) as refused:
                async for _ in call(data, metadata=metadata):
                    pass
            assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT, data
            assert refused.value.details() == "this is no message of the method"
        answered = channel.unary_stream("/midstream.v1.InfillService/Infill", bytes, bytes)
        prefix = texts()[1][:20].encode()
        assert [piece async for piece in answered(b"\x0a" + bytes([len(prefix)]) + prefix, metadata=metadata)]
    assert "Traceback" not in caplog.text and "kanarie7q" not in caplog.text
    lines = [record.getMessage() for record in caplog.records if record.name == "midstream.access"]
    expected = 0 if "health" in method else len(garbage)
    assert sum("end=invalid_argument" in line for line in lines) == expected


class ExecuteBatchError(Exception):
    """As grpc's own is called."""


def test_only_that_a_client_went_away_is_no_news() -> None:
    def record(error: Exception | None) -> logging.LogRecord:
        info = (type(error), error, None) if error else None
        return logging.LogRecord("grpc", logging.ERROR, "", 0, "raised", (), info)

    assert not is_news(record(ExecuteBatchError()))
    assert is_news(record(ValueError())) and is_news(record(None))
