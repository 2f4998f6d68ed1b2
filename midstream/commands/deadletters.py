"""`midstream deadletters list|retry|discard`: what could not be processed, and what to do about it (architecture §2.8).

What may be retried is the list of the newest checkpoint's feed, dead minus replaced. The topic
`deadletters` only holds the bytes: a letter that is not in that list is void or not yet counted.
No content is ever printed.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence, Set
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from midstream.commands.options import with_settings
from midstream.settings import Settings

if TYPE_CHECKING:
    from streams.deadletters import Letter, Retry
    from streams.feed.state import FeedState
    from streams.kafka.connection import Connection

NO_CHECKPOINT = "there is no checkpoint yet, and only the trainer knows what died for good"
NOT_YET = "the newest checkpoint has not reached it yet"
UNDER_WAY = "it was retried or discarded already, and the newest checkpoint has not reached that yet"
REPLACED = "it was retried or discarded already"
VOID = "it did not die in the run that counted: it was trained on or rejected"
GONE = "its bytes are gone (retention)"
UNKNOWN = "no such dead letter is known"
NOT_OURS = "somebody else wrote it: it holds no document, and was passed over"
_LENGTH_ALONE = ", not in the letter"
ACKNOWLEDGED_S = 60


@dataclass(frozen=True)
class LetterFacts:
    """A letter without its bytes; a letter that retention took has only its origin."""

    origin: str
    stage: str = ""
    error: str = ""
    topic: str = ""
    bytes: int = 0
    time_ms: int = 0
    incomplete: bool = False
    """The letter holds the length and the hash of its value alone."""

    @property
    def gone(self) -> bool:
        return not self.stage


@dataclass(frozen=True)
class LetterSurvey:
    """What may be retried, and why other letters of the topic may not."""

    offered: dict[str, LetterFacts]
    others: dict[str, str]
    """Origin to the reason."""


@click.group()
def deadletters() -> None:
    """List, retry or discard what could not be processed."""


@deadletters.command(name="list")
@click.option("--json", "as_json", is_flag=True, help="One JSON object instead of a table.")
@with_settings
def list_letters(settings: Settings, as_json: bool) -> None:
    """Show what may be retried: stage, error class, topic, age and size, never the content."""
    letters = _survey(settings)
    if as_json:
        import msgspec

        click.echo(msgspec.json.encode({"offered": list(letters.offered.values()), "others": letters.others}))
        return
    for line in _lines(letters):
        click.echo(line)


@deadletters.command()
@click.argument("origins", nargs=-1)
@click.option("--all", "every", is_flag=True, help="Everything that `list` shows.")
@click.option(
    "--fixed",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help="A JSON event (docs/events.md) that takes the place of the one ORIGIN.",
)
@with_settings
def retry(settings: Settings, origins: tuple[str, ...], every: bool, fixed: Path | None) -> None:
    """Send the letters of ORIGINS once more, as new events that replace them."""
    chosen = _chosen(settings, origins, every)
    if fixed is None:
        retries, refusals = again(settings.connection(), [facts.origin for facts in chosen])
    elif len(chosen) == 1:
        retries, refusals = _fixed(chosen[0].origin, fixed)
    else:
        raise click.ClickException("--fixed replaces exactly one ORIGIN.")
    lines = [f"{origin} is left out: {why}" for origin, why in refusals.items()]
    if lines and not every:
        raise click.ClickException("\n".join([*lines, "Nothing was sent."]))
    for line in lines:
        click.echo(line, err=True)
    _send(settings, retries, "retried")


@deadletters.command()
@click.argument("origins", nargs=-1)
@click.option("--all", "every", is_flag=True, help="Everything that `list` shows.")
@with_settings
def discard(settings: Settings, origins: tuple[str, ...], every: bool) -> None:
    """Give ORIGINS up: they are no longer offered, and their copies may be trained on."""
    from streams import deadletters as parts

    _send(settings, (parts.removal(facts.origin) for facts in _chosen(settings, origins, every)), "discarded")


def again(connection: Connection, origins: Sequence[str]) -> tuple[list[Retry], dict[str, str]]:
    """The newest letter of each origin once more; and of those that cannot be sent, why."""
    from streams import deadletters as parts

    log, refusals = parts.source_log(connection), dict.fromkeys(origins, f"{GONE}: {parts.HINT}")
    retries: list[Retry] = []
    for origin, letter in parts.newest(parts.letters(connection), set(origins)).items():
        try:
            retries.append(parts.again(letter, log))
            del refusals[origin]
        except parts.RefusedLetter as refused:
            refusals[origin] = str(refused)
    return retries, refusals


def _fixed(origin: str, file: Path) -> tuple[list[Retry], dict[str, str]]:
    from streams import deadletters as parts

    try:
        return [parts.fixed(origin, file.read_bytes())], {}
    except parts.NoEvent as error:
        raise click.ClickException(
            f"{file} is no event as docs/events.md has them: {error}. Nothing was sent."
        ) from error
    except parts.RefusedLetter as refused:
        return [], {origin: str(refused)}


def _survey(settings: Settings) -> LetterSurvey:
    from streams.deadletters import under_way

    state = _state(settings)
    letters = _letters(settings)
    return survey(state, letters, under_way(settings.connection(), state.marks) if state else set())


def survey(state: FeedState | None, letters: Iterable[Letter], sent: Set[str] = frozenset()) -> LetterSurvey:
    """Joins the feed's list with the topic's letters; the newest letter of an origin counts. `sent`: the origins that
    are under way in `retries`."""
    from streams.feed.state import retryable
    from streams.letter import FOREIGN

    newest: dict[str, LetterFacts] = {}
    foreign: set[str] = set()
    for a in letters:
        newest[a.origin] = LetterFacts(a.origin, a.stage, a.error, a.topic, a.bytes, a.time_ms, a.incomplete)
        if a.form == FOREIGN:
            foreign.add(a.origin)
    retryables = [origin for origin in (retryable(state) if state else []) if origin not in sent]
    offered = {origin: newest.get(origin, LetterFacts(origin)) for origin in retryables}
    others = {o: NOT_OURS if o in foreign else reason(state, o) for o in newest if o not in offered}
    return LetterSurvey(offered, others | dict.fromkeys(sent, UNDER_WAY))


def reason(state: FeedState | None, origin: str) -> str:
    """Why an origin that has a letter is not offered."""
    from streams.document import Origin

    if state is None:
        return NO_CHECKPOINT
    if origin in state.replaced:
        return REPLACED
    place = Origin.parse(origin)
    mark = state.marks.get(f"{place.topic_id}:{place.partition}")
    if mark is None:
        return "it belongs to a topic that was deleted and made again"
    return NOT_YET if place.offset >= mark else VOID


def _state(settings: Settings) -> FeedState | None:
    from model.manifest import newest
    from streams.feed.state import decode

    assert settings.paths.checkpoints is not None
    checkpoint = newest(settings.paths.checkpoints)
    return decode(checkpoint[1]) if checkpoint and checkpoint[1] else None


def _letters(settings: Settings) -> Iterator[Letter]:
    from streams.deadletters import letters
    from streams.kafka.topics import check

    connection = settings.connection()
    check(connection)
    return letters(connection)


def _lines(letters: LetterSurvey) -> Iterator[str]:
    width = max((len(origin) for origin in letters.offered), default=0)
    for origin, f in letters.offered.items():
        facts = GONE if f.gone else f"{f.topic}, {_age(f.time_ms)}, {f.bytes:,} bytes{_LENGTH_ALONE * f.incomplete}"
        yield f"{origin:<{width}}  {f.stage:<7} {f.error:<20} {facts}".rstrip()
    yield f"{len(letters.offered):,} may be retried or discarded"
    for why, count in Counter(letters.others.values()).most_common():
        yield f"{count:,} more in the topic may not: {why}"


def _age(time_ms: int) -> str:
    seconds = max(0.0, time.time() - time_ms / 1000)
    for size, name in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds / size:.0f} {name} ago"
    return f"{seconds:.0f} s ago"


def _chosen(settings: Settings, origins: tuple[str, ...], every: bool) -> list[LetterFacts]:
    """The offered letters that were named. Raises when one is not offered, before anything is sent."""
    if bool(origins) == every:
        raise click.ClickException("Name origins as `midstream deadletters list` shows them, or give --all.")
    state, letters = _state(settings), _survey(settings)
    if every:
        if sent := list(letters.others.values()).count(UNDER_WAY):
            click.echo(f"{sent:,} left out: {UNDER_WAY}", err=True)
        return list(letters.offered.values())
    for origin in origins:
        if origin not in letters.offered:
            why = letters.others.get(origin) or (REPLACED if state and origin in state.replaced else UNKNOWN)
            raise click.ClickException(f"{origin} is not offered: {why}. Nothing was sent.")
    return [letters.offered[origin] for origin in dict.fromkeys(origins)]


def _send(settings: Settings, retries: Iterable[Retry], done: str) -> None:
    count = deliver(settings.connection(), retries)
    click.echo(f"{count:,} {done}")


def deliver(connection: Connection, retries: Iterable[Retry]) -> int:
    """Into `retries`; returns when Kafka has acknowledged all of them, raises when it has not."""
    topic = connection.topic("retries")
    producer = connection.producer()
    try:
        sent = [
            producer.send(topic, key=r.key, value=r.value, headers=r.headers, partition=r.partition) for r in retries
        ]
        for future in sent:
            future.get(timeout=ACKNOWLEDGED_S)
        return len(sent)
    finally:
        producer.close(timeout=5)
