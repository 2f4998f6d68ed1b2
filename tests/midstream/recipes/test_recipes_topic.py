"""`midstream recipes compare --from-topic` and `review --from-topic`, over what a real broker still holds."""

from __future__ import annotations

import json
import subprocess

import pytest

from tests.support.sources.github_events import ISSUE, PULL

pytestmark = pytest.mark.broker
CODE = "def add(a, b):\n    return a + b\n\n\nprint(add(1, 2))\nprint(add(3, 4))\n"


def said(process: subprocess.Popen[str]) -> str:
    out, _ = process.communicate(timeout=120)
    assert process.returncode == 0, out
    return out


def test_two_recipes_are_compared_over_the_topics(midstream, connection, tmp_path):
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "a.py").write_text(CODE)
    (folder / "b.py").write_text("x = 1\n")
    (tmp_path / "events.jsonl").write_text("".join(json.dumps(event) + "\n" for event in (*ISSUE, *PULL)))
    said(midstream("ingest", "files", folder))
    said(midstream("ingest", "events", tmp_path / "events.jsonl"))
    producer = connection.producer()
    producer.send(connection.topic("files"), key=b"local/x", value=b"no event")
    producer.flush()
    producer.close()

    out = said(midstream("recipes", "compare", "default", "santacoder", "--from-topic", "--json"))
    assert "left out: 1 × record that prepare cannot read" in out
    made = json.loads(out.splitlines()[-1])
    assert made["documents"] > 2 and made["kept"][0] >= 1
    assert made["rules"][1]["licence"] >= 1 and made["rules"][0]["too_small"] >= 1

    shown = said(midstream("recipes", "review", "default", "--from-topic", "-n", "1"))
    assert "local/project a.py" in shown and "print(add(1, 2))" in shown
