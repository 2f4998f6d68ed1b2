"""The index against exact Jaccard and against datasketch, and as a state machine."""

from __future__ import annotations

import pytest
from datasketch import MinHash
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.document import Document, Part
from streams.frame import Back, Frame
from streams.index.index import Index, WrongIndex
from streams.index.minhash import similarity, sketch
from streams.index.signatures import decode, encode
from streams.marks import UnknownSource
from streams.recipe import Thresholds
from tests.support.documents.similar import SOURCE, STARTS, document, frame, jaccard, shingles, texts


def take(index: Index, *documents: Document) -> list[str]:
    """The rules that dropped something, one document a Frame."""
    rules: list[str] = []
    for d in documents:
        mark = index.marks[SOURCE]
        d.offset = mark
        judged = index.judge(frame([d], mark, mark + 1), mark)
        rules += [r.rule for r in judged.rejections] or [""]
    return rules


def test_estimates_agree_with_exact_jaccard_and_with_datasketch() -> None:
    errors: list[float] = []
    ours_wins = theirs_wins = 0
    for one, other in texts(300):
        exact = jaccard(one, other)
        mine = similarity(sketch(one).signature, sketch(other).signature) - exact
        references = [MinHash(256), MinHash(256)]
        for reference, text in zip(references, (one, other), strict=True):
            reference.update_batch([" ".join(s).encode() for s in shingles(text)])
        theirs = references[0].jaccard(references[1]) - exact
        errors.append(mine * mine)
        ours_wins += abs(mine) <= abs(theirs)
        theirs_wins += abs(theirs) <= abs(mine)
    assert (sum(errors) / len(errors)) ** 0.5 < 0.035
    assert ours_wins > theirs_wins / 2


def test_near_duplicates_are_found_and_others_are_not() -> None:
    hits = missed = wrong = 0
    for one, other in texts(400):
        index = Index(Thresholds(), dict(STARTS))
        verdict = take(index, document(0, one), document(1, other))[1]
        similar = jaccard(one, other) >= 0.7
        hits += verdict != "" and similar
        missed += verdict == "" and similar
        wrong += verdict != "" and jaccard(one, other) < 0.65
    assert hits / (hits + missed) >= 0.95
    assert wrong <= 0.01 * hits


def test_first_seen_wins_and_names_the_match() -> None:
    index = Index(Thresholds(), dict(STARTS))
    text = " ".join(f"word{i}" for i in range(40))
    index.judge(frame([document(0, text)], 0, 1), 0)
    (rejection,) = index.judge(frame([document(1, text)], 1, 2), 1).rejections
    assert rejection.rule == "exact_duplicate" and rejection.matched == f"{SOURCE.topic_id}:0:0:0"
    assert rejection.similarity == 1.0


def test_a_new_version_has_a_higher_bar() -> None:
    index = Index(Thresholds(), dict(STARTS))
    words = [f"word{i}" for i in range(200)]
    some, more = list(words), list(words)
    some[100] = "changed"
    for i in range(0, 200, 35):
        more[i] = f"changed{i}"
    first, barely, further = (" ".join(w) for w in (words, some, more))
    assert jaccard(first, barely) > 0.9 and 0.7 < jaccard(first, further) < 0.9
    assert take(index, document(0, first, "a.py"), document(1, barely, "a.py"), document(2, further, "a.py")) == [
        "", "new_version", ""
    ]  # fmt: skip
    assert take(index, document(3, further + " end", "b.py")) == ["near_duplicate"]


def test_kinds_do_not_match_each_other_and_short_texts_match_exactly_only() -> None:
    index = Index(Thresholds(), dict(STARTS))
    text = " ".join(f"word{i}" for i in range(40))
    assert take(index, document(0, text), document(1, text, kind="commit")) == ["", ""]
    assert take(index, document(2, "a b c"), document(3, "a b d"), document(4, "a b c")) == ["", "", "exact_duplicate"]


def test_the_log_gives_the_same_index() -> None:
    one, other = Index(Thresholds(), dict(STARTS)), Index(Thresholds(), dict(STARTS))
    for n, (a, b) in enumerate(texts(60)):
        other.apply(one.judge(frame([document(n, a), document(n, b)], n, n + 1), n).applied)
    again = [document(0, b) for _, b in texts(60)]
    assert take(one, *again) == take(other, *again)
    assert len(one) == len(other)


def some(count: int) -> list[Document]:
    return [document(n, f"text number {n} of a few words") for n in range(count)]


def test_what_is_below_the_mark_is_not_judged_again() -> None:
    index = Index(Thresholds(), dict(STARTS))
    index.judge(frame(some(2), 0, 2), 0)
    judged = index.judge(frame(some(3), 0, 3), 1)
    rest = judged.frame
    assert rest is not None and [d.offset for d in rest.documents] == [2] and not judged.rejections
    assert (rest.start, rest.upto) == (2, 3)


def test_a_frame_above_the_mark_is_passed_over() -> None:
    index = Index(Thresholds(), dict(STARTS))
    index.judge(frame(some(2), 0, 2), 0)
    retried = frame(some(6)[5:], 5, 6)
    retried.tallies[0].replaces = f"{SOURCE.topic_id}:0:0:0"
    judged = index.judge(retried, 1)
    assert (judged.frame, judged.applied.form, judged.applied.upto) == (None, "passed", 2)
    assert (judged.applied.insertions, judged.applied.removals, index.marks[SOURCE], len(index)) == ([], [], 2, 2)
    rest = index.judge(frame(some(6)[2:], 2, 6), 2).frame
    assert rest is not None and len(rest.documents) == 4


def test_back_moves_the_mark_down_and_forgets_nothing() -> None:
    """What comes again is kept and not inserted again; an origin that does not come again is forgotten."""
    one, other = Index(Thresholds(), dict(STARTS)), Index(Thresholds(), dict(STARTS))
    log = [one.judge(frame(some(4), 0, 4), 0), one.judge(Back(source=SOURCE, to=1), 1)]
    assert one.marks[SOURCE] == 1 and len(one) == 4
    again = [d for d in some(4) if d.offset not in (0, 2)]
    log.append(one.judge(frame(again, 1, 4), 2))
    rest = log[-1].frame
    assert rest is not None and [d.offset for d in rest.documents] == [1, 3] and not log[-1].rejections
    assert log[-1].applied.insertions == [] and log[-1].applied.removals == [f"{SOURCE.topic_id}:0:2:0"]
    for judged in log:
        other.apply(judged.applied)
    for index in (one, other):
        assert index.marks[SOURCE] == 4
        assert take(index, *some(4)) == ["exact_duplicate", "exact_duplicate", "", "exact_duplicate"]


def test_another_fingerprint_is_refused() -> None:
    applied = Index(Thresholds(), dict(STARTS)).judge(frame([], 0, 1), 0).applied
    with pytest.raises(WrongIndex):
        Index(Thresholds(near=0.8), dict(STARTS)).apply(applied)


def test_a_topic_that_was_made_again_is_refused() -> None:
    with pytest.raises(UnknownSource, match="made again"):
        Index(Thresholds(), {f"{'cd' * 16}:0": 0}).judge(frame([], 0, 1), 0)


def test_the_table_grows() -> None:
    index = Index(Thresholds(), dict(STARTS))
    count = 6000
    documents = [document(0, " ".join(f"{n}_{i}" for i in range(8))) for n in range(count)]
    rest = index.judge(frame(documents, 0, 1), 0).frame
    assert rest is not None
    assert len(rest.documents) == len(index) == count
    again = take(index, *(document(0, " ".join(f"{n}_{i}" for i in range(8))) for n in range(0, count, 500)))
    assert again == ["exact_duplicate"] * len(again)


def thread(text: str, updated: int, number: int = 7, kind: str = "issue") -> Document:
    made = document(0, text, kind=kind)
    made.parts, made.thread, made.updated = [Part("comment", text)], f"#{number}", updated
    return made


TALK = " ".join(f"word{i}" for i in range(60))


def test_a_grown_thread_takes_the_place_of_its_shorter_self() -> None:
    index = Index(Thresholds(), dict(STARTS))
    grown = [thread(TALK + " and" * n, 100 + n) for n in range(4)]
    assert take(index, *grown) == ["", "", "", ""] and len(index) == 1
    assert take(index, grown[3], grown[1], thread(TALK, 0)) == ["exact_duplicate", "old_version", "old_version"]
    assert take(index, thread(grown[3].parts[0].text, 900)) == ["exact_duplicate"]
    assert take(index, thread(TALK + " and more of it", 200, number=8)) == ["near_duplicate"]
    assert take(index, thread(TALK + " x", 950, kind="pull")) == [""] and len(index) == 1


def test_a_thread_without_dates_grows_by_its_length() -> None:
    index = Index(Thresholds(), dict(STARTS))
    assert take(index, thread(TALK, 0), thread(TALK + " more", 0), thread(TALK[:-3], 0)) == ["", "", "old_version"]


def test_versions_of_a_thread_within_a_frame() -> None:
    one, other = Index(Thresholds(), dict(STARTS)), Index(Thresholds(), dict(STARTS))
    versions = [thread(TALK, 1), thread(TALK, 1), thread(TALK + " more", 2), thread("short one here now then", 1)]
    for n, made in enumerate(versions):
        made.index = n
    judged = one.judge(frame(versions, 0, 1), 0)
    assert [(r.origin.index, r.rule) for r in judged.rejections] == [(1, "exact_duplicate"), (3, "old_version")]
    assert judged.applied.v == 3 and len(one) == 1
    other.apply(decode(encode(judged.applied)))
    assert (take(one, *versions), len(one)) == (take(other, *versions), len(other))


def test_a_thread_that_grows_takes_one_row_and_its_table_stays_small() -> None:
    index = Index(Thresholds(), dict(STARTS))
    take(index, thread(TALK, 0))
    before = index.nbytes
    for n in range(0, 20_000, 100):
        versions = [thread(f"{TALK} {n + i} " + "more and more of it " * 3, n + i + 1) for i in range(100)]
        for i, made in enumerate(versions):
            made.offset, made.index = n + 1, i
        mark = index.marks[SOURCE]
        index.judge(frame(versions, mark, n + 2), n)
    assert len(index) == 1 and index.nbytes == before
    assert take(index, versions[-1], versions[0]) == ["exact_duplicate", "old_version"]


moves = st.lists(
    st.tuples(st.integers(1, 3), st.integers(0, 5), st.integers(0, 4), st.sampled_from(["issue", "pull"])), max_size=30
)


@settings(deadline=None, max_examples=60)
@given(moves, st.data())
def test_an_index_restored_from_any_part_of_its_log_goes_on_alike(chosen, data) -> None:
    """Threads that grow, come late and come twice; Frames of any size; a Back between."""
    one, log = Index(Thresholds(), dict(STARTS)), []
    at = offset = 0
    candidates: list[tuple[Frame | Back, int]] = []
    while at < len(chosen):
        size = data.draw(st.integers(1, 5))
        message = [thread(f"thread {n} " + TALK[: 40 * length], u, n, k) for n, u, length, k in chosen[at : at + size]]
        for i, d in enumerate(message):
            d.offset, d.index = one.marks[SOURCE] + i // 2, i
        start = one.marks[SOURCE]
        candidates.append((frame(message, start, start + (len(message) + 1) // 2), offset))
        log.append(one.judge(*candidates[-1]))
        at, offset = at + size, offset + 1
        if data.draw(st.integers(0, 9)) == 0:
            candidates.append((Back(source=SOURCE, to=start), offset))
            log.append(one.judge(*candidates[-1]))
            offset += 1
    cut = data.draw(st.integers(0, len(log)))
    other = Index(Thresholds(), dict(STARTS))
    for judged in log[:cut]:
        other.apply(decode(encode(judged.applied)))
    assert [other.judge(*c) for c in candidates[cut:]] == log[cut:]
    assert len(one) == len(other) and (one._origins[: len(one)] == other._origins[: len(other)]).all()
