"""A thread assembled from its items: one event with all that is known of it, the same in whatever order it came."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

import msgspec

from streams.document import Part
from streams.event import Comment, Issue, Patch, Pull, Repository, encode
from streams.prepare.shorten import parts
from streams.sources.github.items import DIFF, FACTS, OPENING, Diff, Item, Opening, Remark, ThreadFacts

MAX_EVENT_BYTES = 4 * 1024 * 1024
"""As encoded: half of what a record holds."""
MAX_COMMENTS = 10_000
MAX_CHARS = 1_000_000
"""What is tried first; prepare cuts a thread further, to the recipe's length."""


def assemble(repository: Repository, thread: str, items: Iterable[Item]) -> Issue | Pull | None:
    """The thread as an event; None when it was deleted, or when nobody is known to have said anything in it."""
    by_key = {item.key: item for item in items}
    opening, facts = by_key.get(OPENING), by_key.get(FACTS)
    if opening is not None and opening.value is None:
        return None
    first = opening.value if opening is not None and isinstance(opening.value, Opening) else None
    remarks = [item.value for item in by_key.values() if isinstance(item.value, Remark)]
    if not any(r.text or r.hunk for r in remarks) and not (first and (first.title or first.text)):
        return None
    comments = [_opened(first)] if first else []
    comments += [_comment(r) for r in sorted(remarks, key=_place)]
    if facts is not None and isinstance(facts.value, ThreadFacts):
        f = facts.value
        repository = msgspec.structs.replace(repository, licence=f.licence, stars=f.stars, language=f.language)
    subject = _subject(first, remarks)
    number = int(thread[1:]) if thread.startswith("#") else 0
    title, state = first.title if first else "", _state(opening, first, remarks)
    newest = max(item.updated for item in by_key.values() if item.key != FACTS)
    if subject == "pull":
        diff = by_key[DIFF].value if DIFF in by_key else None
        files = [Patch(path=path, text=text) for path, text in diff.files] if isinstance(diff, Diff) else []
        return Pull(
            repository=repository, number=number, title=title, comments=comments, state=state, files=files,
            updated=date(newest),
        )  # fmt: skip
    reference = "" if number else thread.partition(" ")[2]
    return Issue(
        repository=repository, number=number, title=title, comments=comments, state=state, subject=subject,
        reference=reference, updated=date(newest),
    )  # fmt: skip


def fitted(event: Issue | Pull, most: int = MAX_EVENT_BYTES) -> tuple[Issue | Pull, bool]:
    """The event within `most` bytes as encoded, cut in the middle where it was larger; and whether it was."""
    comments = event.comments
    if len(comments) > MAX_COMMENTS:
        tail = MAX_COMMENTS // 4
        comments = [*comments[: MAX_COMMENTS - tail], *comments[-tail:]]
    made = msgspec.structs.replace(event, comments=comments)
    chars = MAX_CHARS
    while len(encode(made)) > most and chars > 1000:
        made = _cut(made, comments, chars)
        chars //= 2
    return made, made != event


def _cut(event: Issue | Pull, comments: list[Comment], chars: int) -> Issue | Pull:
    files = event.files if isinstance(event, Pull) else []
    given = [Part("diff", f.text, f.path) for f in files]
    for number, c in enumerate(comments):
        given += [Part("hunk", c.hunk, str(number))] if c.hunk else []
        given.append(Part("comment", c.text, str(number)))
    kept = parts(given, chars)
    hunks = {p.label: p.text for p in kept if p.role == "hunk"}
    said = [
        msgspec.structs.replace(comments[int(p.label)], text=p.text, hunk=hunks.get(p.label, ""))
        for p in kept
        if p.role == "comment"
    ]
    if isinstance(event, Issue):
        return msgspec.structs.replace(event, comments=said)
    patches = [Patch(path=p.label, text=p.text) for p in kept if p.role == "diff"]
    return msgspec.structs.replace(event, comments=said, files=patches)


def date(at: int) -> str:
    """Seconds since 1970 as GitHub writes them; "" for 0 and for what is no year."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if 0 < at < 253_402_300_800 else ""


def _opened(opening: Opening) -> Comment:
    return Comment(text=opening.text, author=opening.author, action="opened", date=date(opening.date))


def _comment(r: Remark) -> Comment:
    return Comment(text=r.text, author=r.author, action=r.action, date=date(r.date), path=r.path, hunk=r.hunk)


def _place(r: Remark) -> tuple[int, bool, str, str, str, str]:
    """Words before a turn of the same second; the rest decides only so that any order gives the same thread."""
    return r.date, not r.text, r.author, r.action, r.text, r.path


def _subject(opening: Opening | None, remarks: list[Remark]) -> str:
    """A pull request is also an issue to GitHub, so whatever knows better decides."""
    known = [*([opening.subject] if opening else []), *(r.subject for r in remarks)]
    return next((kind for kind in ("pull", "discussion", "commit", "release", "wiki") if kind in known), "issue")


def _state(item: Item | None, opening: Opening | None, remarks: list[Remark]) -> str:
    """What the newest of the opening and the turns says; a merged pull request stays so."""
    turns = [(r.date, 1, r.action) for r in remarks if r.action in ("closed", "reopened", "merged")]
    said = [(item.updated, 0, opening.state)] if item and opening else []
    if any(state == "merged" for _, _, state in (*turns, *said)):
        return "merged"
    state = max((*turns, *said), default=(0, 0, "open"))[2]
    return "open" if state == "reopened" else state
