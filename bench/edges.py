"""What goes wrong with a running stream, one case after another, on a real broker with the four real workers.

After each case the workers are tended as `midstream up` does, everything is trained on, and the ids that were sent are
held against those that were trained on, rejected or dead. The last line is one JSON object: `stopped` counts the cases
after which a stage stood still for good, `lost` and `twice` documents. The documents are generated.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from pathlib import Path

from common.edge_cases import CASES, Stream
from common.machine import machine

from streams.kafka.connection import Connection
from streams.kafka.topics import check
from tests.support.programs.crew import Crew
from tests.support.programs.mishaps import make_topics_twice_at_once
from tests.support.programs.outage import Outage


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with Outage(folder / "broker") as outage:
            codes = make_topics_twice_at_once(outage.brokers, "edges.", folder)
            connection = Connection(brokers=outage.brokers, prefix="edges.")
            check(connection)
            assert 0 in codes
            with Crew(connection, folder / "state") as crew:
                counts = run(Stream(outage, crew))
    report = {
        "bench": "edges", "cases": len(CASES), "names": [name for name, _ in CASES], **counts,
        "histories": "generated", "machine": machine(),
    }  # fmt: skip
    print(json.dumps(report))


def run(stream: Stream) -> dict[str, int]:
    """Cases that left a stage that stands still; documents that were lost or trained twice after any case; all."""
    stopped = 0
    lost, twice, sent = set[str](), set[str](), set[str]()
    stream.crew.start()
    for name, act in CASES:
        began = time.monotonic()
        word = "goes on"
        try:
            act(stream)
            stream.settle()
        except AssertionError as error:
            stopped, word = stopped + 1, f"STOPPED: {str(error)[:2000]}"
        lost, twice, sent = lost | stream.lost, twice | stream.twice, sent | stream.sent
        say(
            f"{name:<4} {(act.__doc__ or '').strip():<60} {time.monotonic() - began:5.1f} s  {word}, "
            f"lost {len(stream.lost)}, twice {len(stream.twice)} of {len(stream.sent)}"
        )
    return {"stopped": stopped, "lost": len(lost), "twice": len(twice), "documents": len(sent)}


def say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
