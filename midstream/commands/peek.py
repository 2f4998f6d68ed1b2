"""`midstream peek TOPIC`: decoded records, one JSON object each."""

from __future__ import annotations

from typing import Any

import click

from midstream.commands.options import with_settings
from midstream.settings import Settings

CUT = 80
"""Characters of a text that are shown."""


@click.command()
@click.argument("topic")
@click.option("--partition", type=int, help="Only this one; all by default.")
@click.option("--from", "start", type=int, help="First offset; by default the last N records.")
@click.option("-n", "count", default=5, show_default=True, help="Records of each partition.")
@click.option("--whole", is_flag=True, help="Do not cut texts.")
@with_settings
def peek(settings: Settings, topic: str, partition: int | None, start: int | None, count: int, whole: bool) -> None:
    """Print decoded records of TOPIC (its name without the prefix)."""
    connection = settings.connection()
    known = connection.topics()
    if not known:
        raise click.ClickException(
            f"No topics under {connection.prefix!r} yet. Make them with `midstream topics create`."
        )
    if topic not in known:
        raise click.ClickException(
            f"There is no topic {topic!r} under {connection.prefix!r}, but {', '.join(sorted(known))}."
        )
    first, ends = connection.beginning_offsets([topic]), connection.end_offsets([topic])
    for key in sorted(ends):
        if partition is not None and key[1] != partition:
            continue
        begin = max(first[key], ends[key] - count if start is None else start)
        for record in _read(connection, key, begin, min(ends[key], begin + count)):
            _show(topic, record, whole)


def _read(connection, key: tuple[str, int], begin: int, end: int):
    if begin >= end:
        return
    consumer = connection.consumer({key: begin})
    try:
        while begin < end:
            for records in consumer.poll(timeout_ms=1000).values():
                for record in records:
                    begin = record.offset + 1
                    if record.offset < end:
                        yield record
    finally:
        consumer.close()


def _show(topic: str, record: Any, whole: bool) -> None:
    import msgspec

    shown = {
        "partition": record.partition,
        "offset": record.offset,
        "timestamp_ms": record.timestamp,
        "key": _text(record.key),
        "headers": {name: _text(value) for name, value in record.headers},
        "value": _decoded(topic, record.value),
    }
    line = msgspec.json.encode(msgspec.to_builtins(_cut(shown, whole)), order="sorted")
    click.echo(line)


def _decoded(topic: str, value: bytes | None) -> Any:
    """JSON of a source as it is; msgpack of a stage by its struct, or generically; else its length."""
    import msgspec

    from streams import frame
    from streams.stages import FRAMES, SOURCES

    if value is None:
        return None
    try:
        if topic in SOURCES:
            return msgspec.json.decode(value)
        if topic in FRAMES:
            return msgspec.to_builtins(frame.decode(value), builtin_types=(bytes,))
        if topic == "rejected":
            return msgspec.to_builtins(frame.decode_rejections(value), builtin_types=(bytes,))
        return _json_or_msgpack(value)
    except (frame.NoFrame, frame.Damaged, msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return {"undecodable": str(error), "bytes": len(value)}


def _json_or_msgpack(value: bytes) -> Any:
    """Dead letters are a source's JSON or an encoded Document; `signatures` is msgpack."""
    import msgspec

    return msgspec.json.decode(value) if value[:1] == b"{" else msgspec.msgpack.decode(value)


def _cut(value: Any, whole: bool) -> Any:
    if isinstance(value, dict):
        return {str(key): _cut(item, whole) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_cut(item, whole) for item in value]
    if isinstance(value, bytes):
        return value.hex() if whole or len(value) <= 16 else f"{value[:16].hex()}… ({len(value)} bytes)"
    if isinstance(value, str) and len(value) > CUT and not whole:
        return f"{value[:CUT]}… ({len(value)} characters)"
    return value


def _text(value: bytes | None) -> str | None:
    return None if value is None else value.decode("utf-8", "replace")
