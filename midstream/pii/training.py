"""A model of one's own: a tokenizer and an encoder from source files, then labels from made-up and given spans."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch

from midstream.pii.injecting import Labelled, pieces
from midstream.pii.scoring import of_detectors, of_layer, score
from midstream.pii.texts import File
from midstream.pii.values import is_held_out
from model.encoder import folder, keyed, labelling, pretraining, vocabulary
from model.encoder.encoder import Encoder, Labeller, Pretraining
from model.encoder.fitting import Progress, fit
from model.encoder.labelling import Row
from model.encoder.spec import EncoderSpec
from model.encoder.vocabulary import Vocabulary
from streams.redact.ner import Layer
from streams.redact.replacing import KINDS

RATE, FINE_RATE = 1e-3, 7e-4
"""Learning rates at their height, for an encoder of some two million parameters."""
OWN_SHARE = 0.5
"""Share of the rows of a batch that are the user's, where there are any."""
PIECES, MOST_A_FILE = 8_000, 40
"""Pieces with made-up values, and how many of one file at most."""
LABELS = labelling.label_names(KINDS)


class TooLittle(ValueError):
    """Nothing can be learnt from so few files."""


@dataclass(frozen=True)
class Plan:
    """How long, how large, and who is told."""

    out: Path
    steps: int
    """Of the labels."""
    pretraining_steps: int
    rows: int
    """Of a batch."""
    spec: EncoderSpec
    say: Callable[[str], None]
    stops: Callable[[], bool]
    report: dict[str, Any] = field(default_factory=dict)
    """Filled on the way."""


def pretrain(files: Sequence[File], plan: Plan) -> tuple[Encoder, Vocabulary]:
    """Learns tokens, then says masked ones and whether a text follows; written to `encoder` in the folder. Raises
    TooLittle and NotFinite."""
    own = [file for file in files if not is_held_out(file.text)]
    words = vocabulary.train((file.text for file in own), plan.spec.vocab)
    documents = [np.array(words.encode(file.text)[0], np.int32) for file in own]
    documents = [ids for ids in documents if len(ids) >= pretraining.FEWEST]
    if len(documents) < 2:
        raise TooLittle("two files in a known language are the least that a model can be pre-trained on")
    plan.say(f"{len(documents):,} files, {sum(map(len, documents)):,} tokens of {words.size:,} kinds")
    spec = EncoderSpec(**{**plan.spec.__dict__, "vocab": words.size})
    model = Pretraining(Encoder(spec))
    losses, rights = list[float](), list[float]()

    def loss(step: int) -> torch.Tensor:
        batch = pretraining.pairs(documents, words, plan.rows, spec.context, keyed.key("pairs", step))
        value, right = pretraining.loss(model, batch)
        rights.append(right)
        return value

    told = _told("pre-training", plan.say, plan.rows * spec.context, losses)
    made = fit(model, plan.pretraining_steps, RATE, loss, told, plan.stops)
    folder.save(plan.out / "encoder", model, words)
    plan.report["pretraining"] = {
        "steps": made, "loss_first": _mean(losses[:20]), "loss_last": _mean(losses[-20:]), "next": _mean(rights[-50:])
    }  # fmt: skip
    return model.encoder, words


def inject(files: Sequence[File], plan: Plan) -> list[Labelled]:
    """Pieces of the files with made-up values; those of held-out files have names of their own."""
    a_file = min(MOST_A_FILE, 1 + PIECES // max(1, len(files)))
    made: list[Labelled] = []
    for file in files:
        if plan.stops() or len(made) >= PIECES:
            break
        made += pieces(file.text, file.path, file.language, a_file, is_held_out(file.text))
    return made


def split(files: Sequence[File], given: Sequence[Labelled], plan: Plan) -> tuple[list[list[Labelled]], list[Labelled]]:
    """What is learnt from, made-up and given, and the held-out tenth of both. Raises TooLittle."""
    made = [inject([f for f in files if is_held_out(f.text) is held_out], plan) for held_out in (False, True)]
    learnt = [made[0], [text for text in given if not text.is_held_out]]
    held_out = [*made[1][: PIECES // 9], *(text for text in given if text.is_held_out)]
    if not any(learnt):
        raise TooLittle("no file has a place for a value: bring source files, or labelled texts")
    spans = sum(len(text.spans) for several in learnt for text in several)
    plan.say(
        f"{len(learnt[0]):,} pieces with made-up values and {len(learnt[1]):,} given texts, {spans:,} spans; "
        f"{len(held_out):,} are held out"
    )
    return learnt, held_out


def label(encoder: Encoder, words: Vocabulary, learnt: Sequence[Sequence[Labelled]], plan: Plan) -> Labeller:
    """The encoder with labels that are learnt from both, and written to the folder. Raises NotFinite."""
    model = Labeller(encoder, len(LABELS))
    room = encoder.spec.context - labelling.AROUND
    made, given = ([row for text in several for row in _rows(text, words, room)] for several in learnt)
    losses = list[float]()

    def loss(step: int) -> torch.Tensor:
        return labelling.loss(model, _chosen(made, given, plan.rows, step), words)

    told = _told("labels", plan.say, plan.rows * encoder.spec.context, losses)
    done = fit(model, plan.steps, FINE_RATE, loss, told, plan.stops)
    model.eval()
    plan.report["labels"] = {
        "steps": done, "pieces": len(learnt[0]), "given": len(learnt[1]), "loss_last": _mean(losses[-20:])
    }  # fmt: skip
    return model


def _rows(text: Labelled, words: Vocabulary, room: int) -> list[Row]:
    spans = [(start, end, KINDS.index(kind)) for start, end, kind in text.spans]
    return list(labelling.rows(text.text, spans, words, room))


def _chosen(made: Sequence[Row], given: Sequence[Row], rows: int, step: int) -> list[Row]:
    """A batch by keyed hash, half of the user's rows."""
    where = keyed.units(keyed.key("rows", step), rows, 2)
    several = [given if made == [] or (given and is_own < OWN_SHARE) else made for is_own, _ in where]
    return [of[int(at * len(of))] for of, (_, at) in zip(several, where, strict=True)]


def measure(model: Labeller, words: Vocabulary, held_out: Sequence[Labelled], plan: Plan) -> None:
    """Into the report: the model as the layer runs it, and the detectors, on what neither was taught."""
    layer = Layer.over(labelling.Classifier(model, words), LABELS)
    plan.report["held_out"] = {
        "texts": len(held_out), **score(of_layer(layer), held_out), "detectors": score(of_detectors, held_out)
    }  # fmt: skip


def _told(what: str, say: Callable[[str], None], tokens: int, losses: list[float]) -> Callable[[Progress], None]:
    """Tells how far it is every five seconds."""
    began = last = time.monotonic()

    def told(progress: Progress) -> None:
        nonlocal last
        losses.append(progress.loss)
        now = time.monotonic()
        if now - last >= 5 or progress.step == progress.steps:
            rate = progress.step * tokens / max(1e-6, now - began)
            say(
                f"{what}: {progress.step:,} of {progress.steps:,} steps, loss {progress.loss:.3f}, {rate:,.0f} tokens/s"
            )
            last = now

    return told


def _mean(values: Sequence[float]) -> float:
    return round(sum(values) / len(values), 4) if values else 0.0
