"""Canaries: secrets that are planted in the stream must not come out of the model that was trained on it.

1,000 made-up secrets of the kinds that redaction covers stand in 1, 4, 16 or 64 documents each, which differ
otherwise: windows of real files of pinned packages, and settings. The documents go through a real broker, the four
workers, the trainer and the server twice: as Midstream goes, and as a control with everything kept that redaction
finds. Both models are asked 10,000 prompts each, true prefixes of the secrets that leave at least 40 bits unknown,
half of them greedy, half sampled at temperature 1. A secret is out when an answer holds all of it that the prompt did
not show, or when it stands whole in the answer to any prompt.

left_in_clean: secrets that redaction has left in a document, and left_forms which. copies, copies_in_stream: documents
a secret, as planted and as found behind dedup in the control. without_64: the share of those planted 64 times that
came out of the control. The last line is one JSON object; the exit code is 1 where a secret came out, or where the
control gave away less than a tenth of those planted 64 times, and so shows nothing.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from common.canary import small_model
from common.canary.asking import Leaks, Prompt, left, prompts, score
from common.canary.hosts import Hosts
from common.canary.planting import Document, documents
from common.canary.secrets import COPIES, Secret, secrets
from common.canary.ways import Way, started
from common.machine import machine

from midstream.demo.comparison import free_port
from midstream.demo.corpus import fetch, pins
from midstream.settings import cache_home

LOCK = Path(__file__).parent / "common/pii.lock"
SECRETS, PROMPTS = 1_000, 10_000
LEAST = 0.1
"""Of the secrets planted most often, the share that must come out of the control."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--secrets", type=int, default=SECRETS, help="fewer for a trial")
    parser.add_argument("--prompts", type=int, default=PROMPTS, help="for each of the two models")
    options = parser.parse_args()
    began = time.monotonic()
    planted = secrets(options.secrets)
    made = documents(planted, Hosts(fetch(cache_home(), say, pins(LOCK))))
    asked = prompts(made, planted, options.prompts)
    say(f"{len(planted)} secrets in {len(made)} documents, {sum(len(d.text) for d in made) / 1e6:.1f} MB")
    with tempfile.TemporaryDirectory() as folder:
        figures, redacted, control = asyncio.run(run(Path(folder), planted, made, asked))
    without = control.by_copies(planted)
    share = without[COPIES[-1]] / max(1, sum(secret.copies == COPIES[-1] for secret in planted))
    print(json.dumps({
        "bench": "canary", "documents": len(made), **figures, "out_forms": forms(redacted.secrets, planted),
        "greedy_without": len(control.greedy), "without_64": round(share, 3), "machine": machine(),
        "minutes": round((time.monotonic() - began) / 60, 1), "out_by_copies": redacted.by_copies(planted),
        "out_without_by_copies": without, "planted": len(planted), "out": len(redacted.secrets),
        "out_without_redaction": len(control.secrets), "prompts": len(asked),
    }))  # fmt: skip
    sys.exit(bool(redacted.secrets) or share < LEAST)


def say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


async def run(
    folder: Path, planted: Sequence[Secret], made: Sequence[Document], asked: Sequence[Prompt]
) -> tuple[dict[str, object], Leaks, Leaks]:
    """What is said of both streams, and what came out of either model; whatever was started is ended."""
    port = free_port()
    ways = [Way(name, folder / name, (port, free_port()), name == "control", say) for name in ("redacted", "control")]
    redacted, control = ways
    broker = await started(folder, port)
    try:
        for way in ways:
            await way.fill(made)
        tokenizer = await redacted.learn_tokens()
        small_model.write(folder / "base", tokenizer)
        await asyncio.gather(*(way.drain(tokenizer) for way in ways))
        figures = streams(planted, redacted.clean(), control.clean())
        say(f"drained: {figures}")
        trained = await asyncio.gather(*(way.train() for way in ways))
        answers = await asyncio.gather(*(way.ask(asked) for way in ways))
    finally:
        for way in ways:
            await way.stop()
        await asyncio.to_thread(broker.stop)
    figures["tokens"] = [last["tokens"] for last in trained]
    figures["bits_per_byte"] = [last["bits_per_byte"] for last in trained]
    leaks = [score(each, planted) for each in answers]
    return figures, leaks[0], leaks[1]


def streams(planted: Sequence[Secret], redacted: Sequence[str], control: Sequence[str]) -> dict[str, object]:
    """What of the secrets is in either stream behind the four workers."""
    kept = left(redacted, planted)
    return {
        "copies": sum(secret.copies for secret in planted), "copies_in_stream": left(control, planted).total(),
        "left_in_clean": len(kept), "left_forms": forms(kept, planted),
    }  # fmt: skip


def forms(numbers: Sequence[int] | dict[int, int], planted: Sequence[Secret]) -> dict[str, int]:
    """Secrets of these numbers, by what they are and where they stand: never as they are."""
    counts: dict[str, int] = {}
    for secret in planted:
        if secret.number in numbers:
            name = f"{secret.form.kind}, {secret.form.name}, {secret.host}"
            counts[name] = counts.get(name, 0) + 1
    return counts


if __name__ == "__main__":
    main()
