"""docs/serving.md names every setting of `[serve]`, every metric and every attribute of a span, and no other."""

from __future__ import annotations

import re
from dataclasses import fields

from server.access.call import Call
from server.access.metrics import Metrics
from server.access.tokens import Token
from server.access.traces import attributes
from server.engine.engine import Engine
from server.settings import Serve
from tests.tree import ROOT

PAGE = (ROOT / "docs/serving.md").read_text()


def test_every_setting_is_there() -> None:
    table = PAGE.split("| `[serve]` |")[1].split("\n\n")[0]
    named = [name for row in table.split("\n")[2:] for name in re.findall(r"`(\w+)`", row.split("|")[1])]
    assert sorted(named) == sorted(field.name for field in fields(Serve))


def test_every_metric_is_there() -> None:
    families = Metrics(Engine(), lambda name: "", lambda: 0).registry.collect()
    made = {f"{family.name}_total" if family.type == "counter" else family.name for family in families}
    assert set(re.findall(r"`(midstream_\w+)`", PAGE)) == made


def test_every_attribute_of_a_span_is_there() -> None:
    call = Call("grpc", "x", Token("ann", b""), refused="internal")
    names = set(attributes(call)) | {"midstream.queue_s"}
    spans = PAGE.split("*Spans*")[1].split("\n## ")[0]
    named = set(re.findall(r"`((?:midstream|gen_ai|error)\.[\w.]+)`", spans))
    assert names <= named
    assert {name for name in named if not name.startswith("gen_ai.")} == names
