"""Redaction of secrets and personal data, against values whose places are known, beside other finders of secrets.

Some 2,900 made-up values (`common/pii`: keys in the forms of some fifty providers, passwords as people and as
generators make them, e-mails, addresses, phones, accounts, cards, names, user names) stand in windows of up to forty
lines of real files (`common/pii.lock`) or made-up settings files, in the syntax of each. The templates know none of
the detectors.

precision: finds that are of a value, of all finds. recall: values of which finds of their kind (key and password may
stand for each other) cover at least half. f1: of both. kinds, syntaxes: the same by kind, and recall by syntax;
worst_kind has the least f1. human, random: recall of passwords as people and as generators make them. forms: recall
by form of value, where it is below .9. confused: values met by finds of another kind. spill: the share of the bytes
of right finds that lie outside of values. clean_touched: of the windows that hold nothing, but most of them a trap
(hashes, placeholders, variables, annotations and the like), the share in which anything is found; traps: the same by
trap. hostile_s_mb: CPU seconds a megabyte of the worst of texts that repeat what redaction looks for. mb_s: MB of
plain code of the packages a second of CPU time. slowest_ms: CPU time of the slowest window.
hostile_ms: the same of 600 values of base64 and of paths; null where they take more than 30 s.

secrets: keys and passwords alone, for comparison with `peers`, which get the same windows: detect-secrets (by
lines), CredSweeper and gitleaks, each in a place of its own in the cache or named in `missing`; and patterns, the
usual regular expressions of code corpora, which claim e-mails and addresses too (as_patterns: ours on these kinds).
gitleaks_examples: the strings beside gitleaks' rules in its module, and in how many of them we find a secret. The
last line is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from common.machine import machine
from common.pii import patterns
from common.pii.examples import examples
from common.pii.hostile import slowest_ms, worst_s_mb
from common.pii.hosts import SUFFIXES, Hosts, texts
from common.pii.misses import telling
from common.pii.peers import PEERS, SECRETS, Missing, gitleaks_source, write
from common.pii.score import Find, Score, score
from common.pii.traps import clean
from common.pii.windows import Maker, Window

from midstream.demo.corpus import Pin, fetch, pins
from midstream.settings import cache_home
from streams.redact.redaction import find

LOCK = Path(__file__).parent / "common/pii.lock"
SEED = 20_240_301
PASSES = 5
PLAIN_BYTES = 20_000_000
"""Of code that the speed is measured on."""
SOURCES = tuple(suffix for suffixes in SUFFIXES.values() for suffix in suffixes)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--misses", type=Path, help="where examples of misses and false finds are written")
    parser.add_argument("--no-peers", action="store_true", help="leave the other programs out")
    options = parser.parse_args()
    folders = fetch(cache_home(), say, pins(LOCK))
    windows = made(folders)
    finds, slowest = found(windows)
    ours = score(windows, finds)
    if options.misses:
        options.misses.write_text("".join(f"{line}\n" for line in telling(ours)))
    say(f"ours {ours.total.figures()}")
    others, missing = ({}, {}) if options.no_peers else peers(windows, finds)
    print(json.dumps({
        "bench": "pii", **report(windows, ours), "mb_s": speed(folders), "slowest_ms": slowest,
        "hostile_ms": slowest_ms(SEED), "hostile_s_mb": worst_s_mb(), **others,
        "missing": missing, "gitleaks_examples": None if options.no_peers else of_gitleaks(missing),
        "machine": machine(),
    }))  # fmt: skip


def say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def made(folders: dict[Pin, Path], seed: int = SEED) -> list[Window]:
    """Those that hold something, then the clean ones."""
    maker = Maker(seed, Hosts(folders))
    return [*maker.windows(), *clean(maker)]


def found(windows: Sequence[Window]) -> tuple[list[list[Find]], float]:
    """Our finds, and the milliseconds of the slowest window."""
    finds, slowest = list[list[Find]](), 0.0
    for window in windows:
        start = time.process_time()
        finds.append(find(window.text, window.path))
        slowest = max(slowest, time.process_time() - start)
    return finds, round(slowest * 1e3, 1)


def report(windows: Sequence[Window], ours: Score) -> dict[str, object]:
    kinds = {kind: count.figures() for kind, count in sorted(ours.kinds.items())}
    traps = Counter(window.trap for window in windows if not window.truths)
    return {
        **ours.total.figures(), "kinds": kinds, "worst_kind": min(kinds, key=lambda kind: kinds[kind]["f1"]),
        "email_f1": kinds["email"]["f1"], "ip_f1": kinds["ip"]["f1"], "clean_touched": ours.clean_touched,
        "spans": sum(len(window.truths) for window in windows), "clean_windows": traps.total(),
        "traps": {trap: round(ours.touched[trap] / of, 4) for trap, of in traps.items()},
        "syntaxes": {name: count.figures()["recall"] for name, count in sorted(ours.syntaxes.items()) if count.truths},
        **{maker: passwords(windows, ours, f"{maker}: ") for maker in ("human", "random")},
        "forms": dict(forms(windows, ours)), "confused": dict(ours.confused.most_common()),
        "spill": round(ours.spilled / max(1, ours.covered), 4),
    }  # fmt: skip


def forms(windows: Sequence[Window], ours: Score) -> Iterator[tuple[str, float]]:
    """The recall of each form of value where it is below 0.9."""
    every = Counter((t.kind, t.form) for window in windows for t in window.truths)
    missed = Counter((t.kind, t.form) for _, t in ours.misses)
    for (kind, form), count in sorted(every.items()):
        recall = round(1 - missed[kind, form] / count, 4)
        if recall < 0.9:
            yield f"{kind}, {form}", recall


def passwords(windows: Sequence[Window], ours: Score, maker: str) -> float:
    """The recall of those that people or generators make."""
    every = sum(t.form.startswith(maker) for window in windows for t in window.truths)
    return round(1 - sum(t.form.startswith(maker) for _, t in ours.misses) / every, 4)


def peers(windows: Sequence[Window], own: Sequence[list[Find]]) -> tuple[dict[str, object], dict[str, str]]:
    """The figures of the others and ours on the same kinds, and why some are missing."""
    claimed = ("email", "ip", *SECRETS)
    figures = {"patterns": compared(windows, [patterns.find(window.text) for window in windows], claimed)}
    missing: dict[str, str] = {}
    with tempfile.TemporaryDirectory() as work:
        folder = Path(work) / "windows"
        paths = write(windows, folder)
        for name, run in PEERS.items():
            start = time.perf_counter()
            try:
                finds = run(windows, folder, paths, cache_home() / "pii")
            except Missing as error:
                missing[name] = str(error)
                continue
            seconds = round(time.perf_counter() - start, 1)
            figures[name] = {**compared(windows, finds, SECRETS, lines=name == "detect-secrets"), "seconds": seconds}
            say(f"{name} {figures[name]}")
    return {
        "secrets": compared(windows, only(own, SECRETS), SECRETS),
        "as_patterns": compared(windows, only(own, claimed), claimed), "peers": figures,
    }, missing  # fmt: skip


def compared(
    windows: Sequence[Window], finds: Sequence[Sequence[Find]], kinds: Iterable[str], *, lines: bool = False
) -> dict[str, object]:
    result = score(windows, finds, tuple(kinds), lines=lines)
    return {**result.total.figures(), "clean_touched": result.clean_touched}


def only(finds: Sequence[Sequence[Find]], kinds: Iterable[str]) -> list[list[Find]]:
    wanted = set(kinds)
    return [[f for f in several if f[2] in wanted] for several in finds]


def of_gitleaks(missing: dict[str, str]) -> dict[str, int] | None:
    """How many of its examples anything is found in, of those that should and of those that should not."""
    try:
        rows = list(examples(gitleaks_source()))
    except Missing as error:
        missing["gitleaks_examples"] = str(error)
        return None
    hits = Counter(is_true for is_true, path, text in rows if any(f[2] in SECRETS for f in find(text, path)))
    every = Counter(is_true for is_true, _, _ in rows)
    return {"true": every[True], "found": hits[True], "false": every[False], "touched": hits[False]}


def speed(folders: dict[Pin, Path]) -> float:
    """MB a second of CPU time, on whole files: the median of several passes."""
    sample, size = list[tuple[str, str]](), 0
    for name, text in texts(folders, SOURCES):
        if size >= PLAIN_BYTES:
            break
        sample.append((name, text))
        size += len(text.encode())
    rates = list[float]()
    for _ in range(PASSES):
        start = time.process_time()
        for name, text in sample:
            find(text, name)
        rates.append(round(size / 1e6 / (time.process_time() - start), 2))
    say(f"speed on {len(sample)} files of {size / 1e6:.1f} MB: {rates} MB/s")
    return statistics.median(rates)


if __name__ == "__main__":
    main()
