"""`midstream recipes compare|review`: recipes at work on documents."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click

from midstream.commands.options import with_settings
from midstream.recipes.command import named, recipes
from midstream.settings import Settings

PATHS = click.argument("paths", nargs=-1, type=click.Path(path_type=Path, exists=True))
FROM_TOPIC = click.option("--from-topic", is_flag=True, help="What the source topics still hold, instead of PATHS.")
COMMITS = click.option(
    "--commits", type=click.IntRange(0), default=500, show_default=True, help="Of a clone, the newest that are read."
)
WIDTH, HEIGHT = 120, 40
"""Of a document that is shown."""


def _one_of(paths: tuple[Path, ...], from_topic: bool) -> None:
    if from_topic == bool(paths):
        raise click.UsageError("Name PATHS (folders, files or clones), or give --from-topic: one of the two.")


@recipes.command()
@click.argument("one")
@click.argument("other")
@PATHS
@FROM_TOPIC
@COMMITS
@click.option(
    "--samples", type=click.IntRange(0), default=10, show_default=True, help="Of what only one drops, for each of both."
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@with_settings
def compare(
    settings: Settings, one: str, other: str, paths: tuple[Path, ...], from_topic: bool, commits: int, samples: int,
    as_json: bool,
) -> None:  # fmt: skip
    """Run recipes ONE and OTHER over the same documents: what each keeps, and what only one of them drops."""
    from midstream.recipes.compare import compare as compared
    from midstream.recipes.documents import documents

    _one_of(paths, from_topic)
    made = compared(documents(settings, paths, from_topic, commits), (named(one), named(other)), samples)
    if as_json:
        click.echo(json.dumps(made.table()))
        return
    seen = f"{made.documents:,} document{'' if made.documents == 1 else 's'}"
    click.echo(f"{seen}; both drop {made.both_drop:,}, overlap {made.overlap:.3f}")
    for side, name in enumerate(made.names):
        click.echo(f"{name}: keeps {made.kept[side]:,}; drops {made.only[side]:,} that {made.names[1 - side]} keeps")
        dropped = ", ".join(f"{rule} {count:,}" for rule, count in made.rules[side].most_common(12))
        click.echo(f"  drops by {dropped or 'nothing'}")
        for sample in sorted(made.samples[side], reverse=True):
            click.echo(f"  {sample.path} ({sample.language}): {sample.rule}, {sample.reason}")


@recipes.command()
@click.argument("clones", nargs=-1, required=True, type=click.Path(path_type=Path, exists=True))
@click.option(
    "--share",
    type=click.FloatRange(0, 1),
    default=0.1,
    show_default=True,
    help="Of the repositories, the lowest that the bar leaves out.",
)
def scores(clones: tuple[Path, ...], share: float) -> None:
    """Print what the rule project_score gives to CLONES, the lowest first, and the bar that leaves out a tenth of them.

    A clone knows nothing of stars; the bar goes into your recipe as `least` of project_score.
    """
    from streams.document import Project
    from streams.prepare.rules.projects import ScoreParameters, score
    from streams.sources.git.history import History
    from streams.sources.git.objects import GitError

    rows: list[tuple[float, str]] = []
    for path in clones:
        try:
            told = History.open(path).describe()
        except GitError as error:
            raise click.ClickException(str(error)) from error
        value = score(told.stars, Project(told.commits, told.tests), ScoreParameters()) or 0.0
        rows.append((value, f"{path}: {told.commits or 0:,} commits, {told.tests or 0:,} tests"))
    for value, line in sorted(rows):
        click.echo(f"{value:6.3f}  {line}")
    click.echo(f"least = {sorted(rows)[min(len(rows) - 1, int(share * len(rows)))][0]:.3f}")


@recipes.command()
@click.argument("name", default="default")
@PATHS
@FROM_TOPIC
@COMMITS
@click.option(
    "-n", "each", type=click.IntRange(1), default=3, show_default=True, help="Samples of each language and verdict."
)
@click.option("--by-rule", is_flag=True, help="Samples of each rule that drops, not of all drops together.")
@click.option(
    "--marks", "file", type=click.Path(path_type=Path, dir_okay=False), help="JSON lines; kept and gone on with."
)
@click.option("--only", help="One language, or kind, alone.")
@with_settings
def review(
    settings: Settings, name: str, paths: tuple[Path, ...], from_topic: bool, commits: int, each: int, by_rule: bool,
    file: Path | None, only: str | None,
) -> None:  # fmt: skip
    """Show samples of what recipe NAME keeps and drops, by language, and keep what you think of each.

    NAME may be left out: a path in its place is one of PATHS. Without --marks the samples are printed. With it, each
    is asked for: good (the verdict is right), bad, unsure; what the file has is not asked again, and the shares are
    printed in the end. Without PATHS the shares alone are.
    """
    from midstream.recipes.documents import documents
    from midstream.recipes.review import choose, marks

    if Path(name).exists() and not name.endswith(".toml"):
        name, paths = "default", (Path(name), *paths)
    named(name)
    if file and not file.resolve().parent.is_dir():
        raise click.ClickException(f"there is no folder {file.parent} for {file.name}: make it first")
    try:
        done = {mark.id for mark in marks(file) if mark.recipe == named(name).name} if file else set()
    except ValueError as error:
        raise click.ClickException(str(error)) from error
    if paths or from_topic or not file:
        _one_of(paths, from_topic)
        chosen = choose(documents(settings, paths, from_topic, commits), named(name), each, by_rule)
        known = sorted({shown.language for shown in chosen})
        if only is not None and only not in known:
            raise click.ClickException(f"nothing is in {only}; there is {', '.join(known) or 'nothing at all'}")
        chosen = [shown for shown in chosen if only in (None, shown.language) and shown.id not in done]
        for number, shown in enumerate(chosen, 1):
            head = f"[{number} of {len(chosen)}] {shown.id} {shown.language} {shown.verdict} {shown.reason}"
            click.echo(f"\n{head.rstrip()}")
            click.echo(f"{shown.path}\n{_cut(shown.text)}")
            if file and not _asked(file, shown):
                break
    if file:
        _tell(file)


def _cut(text: str) -> str:
    lines = text.split("\n")
    more = [f"… {len(lines) - HEIGHT:,} lines more"] if len(lines) > HEIGHT else []
    return "\n".join([*(line[:WIDTH] for line in lines[:HEIGHT]), *more])


def _asked(file: Path, shown) -> bool:  # pyright: ignore[reportMissingParameterType]
    """False when the person stops, or there is nobody to ask."""
    from midstream.recipes.review import MARKS, add

    answers = {mark[0]: mark for mark in MARKS}
    while True:
        click.echo("g(ood), b(ad), u(nsure), s(top): ", nl=False)
        answer = sys.stdin.readline().strip().lower()[:1]
        if answer in answers:
            add(file, shown, answers[answer])
            return True
        if answer in ("s", ""):
            return False


def _tell(file: Path) -> None:
    from midstream.recipes.review import marks, shares

    for recipe, language, verdict, total, marked in shares(marks(file)):
        told = ", ".join(f"{name} {share:.2f}" for name, share in marked.items())
        click.echo(f"{recipe:<12} {language:<14} {verdict:<8} {total:>5}  {told}")
