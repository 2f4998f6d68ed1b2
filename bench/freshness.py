"""What following the stream is worth: real histories replayed in the order of their commits, under three models.

*Frozen* was trained on what came before each repository's middle, at a rate that is halved when a pass gains little,
until another pass at the lowest gained less than half a percent on held-out past. *Continual* goes on from it and is
trained on every commit after the middle, each asked about before. The *control* takes as many steps at the same moments
on old data alone. Rates are tuned as long for both, on the first part of the stream.

gain: percent fewer bits a byte than frozen, of all the text that arrives over the whole stream, each commit scored
before it is trained on; gains.new leaves out lines that stood in the repository before (moved, merged); changed and
changed_new are of the changed lines of a sample of files, the file after the commit around them. forgetting: percent
more bits a byte of held-out past in the end. exact_match_ratio: rests of changed lines completed exactly, continual for
each of frozen; buffer_floor: what copying from the open buffer completes. stale_share: a day after a commit changed a
signature, of completions that give the old one or the new one, the share of the old. by_lag: the same for a model that
has not seen the last minute, hour, day, week of commits. The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import pickle
import sys
import tempfile
import time
from dataclasses import asdict, replace
from pathlib import Path

from common.freshness.commits import read
from common.freshness.figures import figures
from common.freshness.questions import questions
from common.freshness.run import Seed, Tuned, run
from common.freshness.sizes import Sizes
from common.freshness.training import spec
from common.freshness.world import World, build, tokens
from common.histories import histories
from common.machine import machine

from midstream.settings import cache_home


def main() -> None:
    options = arguments().parse_args()
    sizes = sized(options)
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as work:
        given = ("given", options.folders) if options.folders else histories(cache_home(), Path(work) / "generated")
        origin, folders = given
        arrived = read(folders, sizes.commits, by_author=origin == "given")
        say(f"{len(arrived.commits)} commits of {len(folders)} repositories, {arrived.left_out} left out")
        world = build(arrived, sizes)
        asked = questions(world, sizes)
        say(
            f"{tokens(world.past)} tokens of the past, {tokens(world.held_out)} held out, {tokens(world.stream)} arrive"
        )
        seeds: list[Seed] = []
        tuned = Tuned(*options.rates, {}) if options.rates else None
        folder = (options.keep or Path(work)) / named(world, sizes)
        for seed in range(sizes.seeds):
            found, tuned = kept(folder, sizes, seed, tuned) or run(world, asked, sizes, seed, folder, tuned, say)
            keep(folder, sizes, seed, found, tuned)
            seeds.append(found)
            said = figures(seeds, world, asked, tuned, sizes)
            say(f"seed {seed}: {json.dumps(said)}")
    assert tuned is not None
    print(json.dumps({
        "bench": "freshness", **figures(seeds, world, asked, tuned, sizes), "histories": origin,
        "shared_authors": arrived.shared_authors, "repositories": len(folders), "commits_left_out": arrived.left_out,
        "whole_histories": arrived.whole, "tokens": {
            "past": tokens(world.past), "held_out": tokens(world.held_out), "stream": tokens(world.stream),
        }, "commits": {"past": len(world.past), "stream": len(world.stream)}, "dropped": world.dropped,
        "trained": asdict(replace(sizes, ways=replace(sizes.ways, rate=tuned.stream))),
        "parameters": spec(world.tokenizer, sizes, 0).parameters,
        "minutes": round((time.monotonic() - began) / 60, 1), "machine": machine(),
    }))  # fmt: skip


def arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="*", type=Path, help="Clones of git; else releases of packages.")
    parser.add_argument("--seeds", type=int, default=Sizes.seeds)
    parser.add_argument("--commit-tokens", type=int, default=Sizes.commit_tokens, help="Of one commit at most.")
    parser.add_argument("--tokens", type=int, default=Sizes.stream, help="Of the stream, and as many before it.")
    parser.add_argument("--commits", type=int, default=Sizes.commits, help="Of each repository, the newest.")
    parser.add_argument("--passes", type=int, default=Sizes.passes, help="Over the past at most.")
    parser.add_argument("--keep", type=Path, help="Folder of what a run that was cut short goes on from.")
    rates = "Rates of stream and control that an earlier run tuned; else they are tuned first."
    parser.add_argument("--rates", nargs=2, type=float, metavar=("STREAM", "CONTROL"), help=rates)
    parser.add_argument("--quick", action="store_true", help="A tiny run that proves nothing.")
    return parser


def named(world: World, sizes: Sizes) -> str:
    """What the frozen model's passes depend on."""
    past = f"{world.tokenizer.hash[:12]}-{tokens(world.past)}"
    shape = f"{sizes.width}-{sizes.layers}-{sizes.heads}-{sizes.context}"
    return f"passes-{past}-{shape}-{sizes.base_rate:g}"


def kept(folder: Path, sizes: Sizes, seed: int, tuned: Tuned | None) -> tuple[Seed, Tuned] | None:
    """What an earlier run with the same settings and rates came to."""
    path = file_of(folder, sizes, seed)
    if not path.exists():
        return None
    found, rates = pickle.loads(path.read_bytes())
    same = tuned is None or (tuned.stream, tuned.control) == (rates.stream, rates.control)
    return (found, rates) if same else None


def keep(folder: Path, sizes: Sizes, seed: int, found: Seed, tuned: Tuned) -> None:
    """So that a run that is cut short goes on where it was."""
    file_of(folder, sizes, seed).write_bytes(pickle.dumps((found, tuned)))


def file_of(folder: Path, sizes: Sizes, seed: int) -> Path:
    settings = hashlib.sha256(repr(replace(sizes, seeds=0)).encode()).hexdigest()[:12]
    return folder / f"seed-{seed}-{settings}.pickle"


def sized(options: argparse.Namespace) -> Sizes:
    sizes = Sizes(
        past=options.tokens,
        stream=options.tokens,
        commits=options.commits,
        passes=options.passes,
        seeds=options.seeds,
        commit_tokens=options.commit_tokens,
    )
    if options.quick:
        return replace(sizes, vocab=400, width=32, layers=1, heads=2, context=128, grid=(1e-3,), hunks=4, signatures=4)
    return sizes


def say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
