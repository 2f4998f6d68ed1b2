"""docs/events.md is true: its examples decode, and it names every field of the structs."""

from __future__ import annotations

import re

import msgspec

from streams import event
from tests.tree import ROOT

PAGE = (ROOT / "docs/events.md").read_text(encoding="utf-8")
EXAMPLES = [block.encode() for block in re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)]


def test_every_example_decodes_to_an_event_that_keeps_all_of_it():
    decoded = [event.decode(example) for example in EXAMPLES]
    assert {type(one) for one in decoded} == set(event.TOPIC_OF)
    for one, example in zip(decoded, EXAMPLES, strict=True):
        assert msgspec.json.decode(event.encode(one)).keys() == msgspec.json.decode(example).keys()


def test_each_topic_is_named_beside_its_kind():
    for struct, topic in event.TOPIC_OF.items():
        assert re.search(rf"\| `midstream\.{topic}` \| `{struct.__struct_config__.tag}` \|", PAGE)


def test_every_field_is_named():
    for struct in (event.Repository, event.SourceFile, event.ChangedFile, event.Comment, event.Cell, *event.TOPIC_OF):
        for field in struct.__struct_fields__:
            assert re.search(rf"[`\"]{field}[`\"]", PAGE), f"{struct.__name__}.{field}"


def test_the_limit_is_that_of_the_code():
    assert f"at most {event.MAX_RECORD_BYTES >> 20} MiB" in PAGE
