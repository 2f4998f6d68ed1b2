"""Make the small vocabulary of the rule `fertility` from the demo's pinned packages, and the bars that go with it.

Each bar is the published one, which goes with a vocabulary of 49,152 tokens, times the ratio of the medians of both
vocabularies, learnt from the same files, on files that neither learnt from. Writes streams/prepare/vocabulary.json with
--write; the last line is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import defaultdict
from pathlib import Path

import numpy as np
import xxhash
from common.machine import machine

from midstream.demo import corpus
from midstream.settings import cache_home
from model.tokens.tokenizer import train
from streams.prepare.language import language

TARGET = Path(__file__).parent.parent / "streams/prepare/vocabulary.json"
SMALL, LARGE = 10_240, 49_152
PUBLISHED = {"python": 2.5, "java": 2.9, "javascript": 2.6}
"""SantaCoder's (arXiv 2301.03988): characters a token."""
LANGUAGES = ("python", "javascript", "typescript", "java", "html")
LEAST, MOST, EACH = 200, 60_000, 3_000
"""Bytes of a file, and files of a language at most."""
JAVA = [
    corpus.Pin("npm", name, version, digest)
    for name, version, digest in (
        ("react-native-navigation", "7.40.1", "64dbd24548f682503fa57e25adc3bc317df6bc432b9bccd7ba984a84d984aef5"),
        ("react-native-svg", "13.14.0", "5b518423a62b5eb22fadebb0dc8f9ba53b3166bda0e7de2f78569704f30d24c4"),
    )
]
"""Packages with Java in them, under MIT, beside the demo's."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help=f"Write {TARGET.name}.")
    write = parser.parse_args().write
    learnt, judged = files()
    small, large = train(learnt, SMALL), train(learnt, LARGE)
    text = small.json
    if write:
        TARGET.write_text(text)
    bars = {}
    for name, bar in PUBLISHED.items():
        theirs = np.array([len(text) / max(1, large.array(text).size) for text in judged[name]])
        ours = np.array([len(text) / max(1, small.array(text).size) for text in judged[name]])
        scale = float(np.median(ours) / np.median(theirs))
        bars[name] = {
            "published": bar, "bar": round(bar * scale, 2), "files": len(theirs),
            "below_published": round(float((theirs < bar).mean()), 4),
            "below": round(float((ours < bar * scale).mean()), 4),
        }  # fmt: skip
    made = {"tokens": small.vocab_size, "bytes": len(text.encode()), "sha256": small.hash}
    print(json.dumps({"bench": "vocabulary", **made, "bars": bars, "machine": machine()}))


def files() -> tuple[list[str], dict[str, list[str]]]:
    """Half of the files to learn from, the other half by language, by keyed hash; each text once."""
    learnt: list[str] = []
    judged: dict[str, list[str]] = defaultdict(list)
    seen: set[bytes] = set()
    for pin, folder in corpus.fetch(cache_home(), say, [*corpus.pins(), *JAVA]).items():
        for path in sorted(folder.rglob("*")):
            if not path.is_file() or path.is_symlink() or not LEAST <= path.stat().st_size <= MOST:
                continue
            try:
                text = path.read_text(encoding="utf-8")
            except UnicodeDecodeError:
                continue
            name = language(path.name, text)
            key = xxhash.xxh3_128_digest(text.encode())
            if name not in LANGUAGES or key in seen or ".min." in path.name:
                continue
            seen.add(key)
            half = xxhash.xxh3_64_intdigest(f"{pin.folder}/{path.relative_to(folder)}".encode()) % 2
            (learnt if half else judged[name]).append(text)
    return learnt, {name: texts[:EACH] for name, texts in judged.items()}


def say(line: str) -> None:
    print(line, file=sys.stderr)


if __name__ == "__main__":
    main()
