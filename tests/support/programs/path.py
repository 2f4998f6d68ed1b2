"""The story of the real path, told once for its tests: good records, poison, large ones, retries (architecture §2)."""

from __future__ import annotations

import json
from dataclasses import dataclass, field

from model.manifest import folders
from streams.event import (
    MAX_RECORD_BYTES,
    Cell,
    ChangedFile,
    Comment,
    Commit,
    Files,
    Issue,
    Notebook,
    Repository,
    SourceFile,
    encode,
)
from streams.pipeline import FORM
from tests.support.models.tiny import write_checkpoint
from tests.support.programs.crew import CONTEXT, Crew, Fate, documents, files, python

REPOSITORY = Repository(name="r", licence="MIT")
HEAD = b'{"kind":"files","repository":{"name":"r","licence":"MIT"},"files":'
MEGABYTE = 1_000_000
MESSAGE = "".join(f"Change {n}: the parser reads what it wrote, and says where it is.\n" for n in range(1600))[:110_000]

POISON: dict[str, bytes | None] = {
    "undecodable": b"{not json",
    "a missing field": b'{"kind":"files","repository":{"name":"r"}}',
    "an unknown kind": b'{"kind":"poem"}',
    "invalid UTF-8": HEAD + b'[{"path":"a.py","text":"x = \'\xff\'"}]}',
    "half a surrogate": HEAD + b'[{"path":"a.py","text":"x = \\ud800"}]}',
    "empty": b"",
    "a tombstone": None,
}
"""Records that die whole."""

LARGE: dict[str, bytes] = {
    "no JSON": b"{not json" + b" " * 30_000_000,
    "empty files": encode(Files(repository=REPOSITORY, files=[SourceFile(path="", text="")] * 150_000)),
    "files of a line": encode(
        Files(repository=REPOSITORY, files=[SourceFile(path=f"{n}", text="x = 1\n") for n in range(190_000)])
    ),
}
"""Events that die whole, of their size."""


def with_nul() -> bytes:
    return encode(Files(repository=REPOSITORY, files=[SourceFile(path="nul.py", text=f"{python(900)}\0{python(901)}")]))


def at_the_limit() -> bytes:
    """A record of exactly the largest size: a small file, eight of a million characters, a last one that fills up."""
    big = [SourceFile(path=f"big{n}.py", text=f"big{n} = 1  # " + "word " * (MEGABYTE // 5 - 4)) for n in range(8)]
    small = SourceFile(path="small.py", text=python(950))
    value = encode(Files(repository=REPOSITORY, files=[small, *big, SourceFile(path="last.py", text="")]))
    filling = "x" * (MAX_RECORD_BYTES - len(b"local/r") - len(value))
    return encode(Files(repository=REPOSITORY, files=[small, *big, SourceFile(path="last.py", text=filling)]))


def unpackable(path: str) -> bytes:
    """A path that is longer than the context by itself cannot be packed."""
    return encode(Files(repository=REPOSITORY, files=[SourceFile(path=path + ".py", text=python(800))]))


def with_half_a_surrogate(index: int) -> bytes:
    """Sixteen files, the one of this index unreadable."""
    return files([python(500 + n) if n != index else "half a pair" for n in range(16)], "pair").replace(
        b"half a pair", b"half a pair \\ud800"
    )


def commit(count: int) -> bytes:
    """So many small files under a message of 110 KB."""
    changed = [ChangedFile(path=f"{n}.py", before=python(n, 1), after=python(n + 1000, 1)) for n in range(count)]
    return encode(Commit(repository=REPOSITORY, sha="a" * 40, message=MESSAGE, files=changed))


def other_kinds() -> dict[str, bytes]:
    code = python(700)
    change = Commit(
        repository=REPOSITORY, sha="a" * 40, message="Make the numbers larger everywhere",
        files=[ChangedFile(path="k.py", before=code, after=code.replace("+", "-"))],
    )  # fmt: skip
    talk = [Comment(text=f"I see number {n} fail on every second run of it. " * 3, author=f"u{n}") for n in range(3)]
    cells = [Cell(type="markdown", source="# How to add numbers"), Cell(type="code", source=python(710), output="3")]
    return {
        "commits": encode(change),
        "issues": encode(Issue(repository=REPOSITORY, number=7, title="It fails", comments=talk)),
        "notebooks": encode(Notebook(repository=REPOSITORY, path="n.ipynb", cells=cells)),
    }


@dataclass
class Story:
    crew: Crew
    sent: set[str] = field(default_factory=set)
    """Origins of all documents; a record that dies whole counts as one."""
    poison: dict[str, str] = field(default_factory=dict)
    """Name to origin of what dies whole: of POISON and of LARGE."""
    unpackable: str = ""
    half: str = ""
    """The file with half a surrogate pair among fifteen others."""
    at_the_limit: list[str] = field(default_factory=list)
    long_commit: set[str] = field(default_factory=set)
    nothing: str = ""
    """Origin of a record in `retries` that is empty and no removal."""
    first: Fate | None = None
    listed: dict[str, dict] = field(default_factory=dict)
    """The dead letters that are offered, by origin."""
    shown: str = ""
    refused: list[str] = field(default_factory=list)
    """What retries of something trained on, and of something too large, are told."""
    retried: str = ""
    second: Fate | None = None
    codes: dict[str, int] = field(default_factory=dict)

    @property
    def dead(self) -> set[str]:
        """What is to die in the first part."""
        return {*self.poison.values(), self.unpackable, self.half}


def tell(crew: Crew) -> Story:
    story = Story(crew)
    crew.start()
    behind = send(story)
    crew.drain()
    story.first = crew.train()
    checkpoint(crew)
    story.listed = {f["origin"]: f for f in json.loads(crew.run("deadletters", "list", "--json").stdout)["offered"]}
    story.shown = crew.run("deadletters", "list").stdout
    story.refused = [crew.run("deadletters", "retry", o).stderr for o in (behind, story.poison["no JSON"])]
    retry(story)
    crew.drain()
    story.second = crew.train()
    checkpoint(crew)
    story.codes = crew.stop()
    return story


def send(story: Story) -> str:
    """Everything of the first part; the origin of one that is trained on."""
    crew, sent = story.crew, story.sent
    for number, (name, value) in enumerate({**POISON, **LARGE}.items()):
        (origin,) = crew.produce("files", [value])
        story.poison[name] = str(origin)
        sent |= {str(origin), *map(str, crew.produce("files", [files([python(number)], f"good{number}")]))}
    halves = list(documents(crew.produce("files", [with_half_a_surrogate(5)]), [16]))
    story.half = halves[5]
    nul, large, long_path = crew.produce("files", [with_nul(), at_the_limit(), unpackable("p" * 4000)], partition=1)
    three = [python(300 + n) for n in range(3)]
    behind = crew.produce("files", [files(three, "behind"), files([python(0)], "copy")], 1)
    story.unpackable, story.at_the_limit = str(long_path), list(documents([large], [10]))
    story.long_commit = set(documents(crew.produce("commits", [commit(256)]), [256]))
    sent |= {str(nul), str(long_path), *halves, *story.at_the_limit, *story.long_commit, *documents(behind, [3, 1])}
    for topic, value in other_kinds().items():
        sent |= set(map(str, crew.produce(topic, [value])))
    return str(behind[0])


def retry(story: Story) -> None:
    """One with a file that mends it, one as it came that dies again, one file of an event; a discarded one, an empty
    one that no command sends."""
    crew, poison = story.crew, story.poison
    fixed = crew.folder / "fixed.json"
    fixed.write_bytes(unpackable("short"))
    for arguments in (
        ("retry", story.unpackable, "--fixed", str(fixed)),
        ("discard", poison["undecodable"]),
        ("retry", poison["an unknown kind"]),
        ("retry", story.half),
    ):
        story.retried += crew.run("deadletters", *arguments).stdout
    story.nothing = retry_nothing(crew, poison["empty files"])


def retry_nothing(crew: Crew, origin: str) -> str:
    """An empty value in `retries`, as no command sends it."""
    connection = crew.connection
    with connection.producer() as producer:
        future = producer.send(
            connection.topic("retries"), key=origin.encode(), value=b"", headers=[(FORM, b"event")], partition=0
        )
        delivery = future.get(timeout=30)
    return f"{connection.topic_ids(['retries'])['retries']}:0:{delivery.offset}:0"


def checkpoint(crew: Crew) -> None:
    """A checkpoint with the feed's state, as the trainer writes it."""
    assert crew.state is not None
    root = crew.folder / "checkpoints"
    write_checkpoint(root, len(folders(root)) + 1, feed=crew.state, context=CONTEXT)
