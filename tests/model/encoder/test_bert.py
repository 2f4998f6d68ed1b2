"""Our small encoder: the same numbers as `transformers`' BERT, pairs and masks as its authors say, labels on tokens."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from model.encoder import folder, keyed, labelling, pretraining, vocabulary
from model.encoder.encoder import Encoder, Labeller, Pretraining
from model.encoder.fitting import NotFinite, Progress, fit, share
from model.encoder.spec import EncoderSpec, read, write
from model.encoder.vocabulary import SPECIAL, Vocabulary
from model.families.reading import Refused
from streams.redact.ner import Layer
from streams.redact.ner.library import Classifier

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from transformers import AutoTokenizer, BertForPreTraining, BertForTokenClassification

TEXTS = [f"def call_{n}(text):\n    return text + {n}  # of Anna Schmidt, größer\n" * 4 for n in range(20)]
LABELS = ("O", "B-NAME", "I-NAME")


@pytest.fixture(scope="module")
def words() -> Vocabulary:
    return vocabulary.train(TEXTS, 400)


def spec(words: Vocabulary) -> EncoderSpec:
    return EncoderSpec(vocab=words.size, context=40, width=32, layers=2, heads=4, inner=48, seed=3)


def shaken(model: Any) -> Any:
    """With biases and norms that are not those of the beginning."""
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn(parameter.shape, generator=generator) * 0.1)
    return model.eval()


def documents(words: Vocabulary) -> list[np.ndarray]:
    return [np.array(words.encode(text)[0], np.int32) for text in TEXTS]


@torch.inference_mode()
def test_transformers_computes_the_same_labels(tmp_path: Path, words: Vocabulary) -> None:
    model = shaken(Labeller(Encoder(spec(words)), len(LABELS)))
    folder.save(tmp_path / "model", model, words, LABELS)
    theirs = BertForTokenClassification.from_pretrained(tmp_path / "model").eval()
    rows = [row for text in TEXTS[:3] for row in labelling.rows(text, [], words, 38)]
    ids, mask, _ = labelling.batch([*rows, rows[0], labelling.Row((7, 8), (0, 0))], words)
    their_logits = theirs(input_ids=ids, attention_mask=mask.long()).logits
    torch.testing.assert_close(model(ids, mask)[mask], their_logits[mask], atol=1e-4, rtol=0)
    assert theirs.config.id2label == dict(enumerate(LABELS))


@torch.inference_mode()
def test_transformers_computes_the_same_pretraining(tmp_path: Path, words: Vocabulary) -> None:
    model = shaken(Pretraining(Encoder(spec(words))))
    folder.save(tmp_path / "model", model, words)
    theirs, told = BertForPreTraining.from_pretrained(tmp_path / "model", output_loading_info=True)
    assert not told["missing_keys"] and not told["unexpected_keys"]
    batch = pretraining.pairs(documents(words), words, 4, 40, 0)
    made = theirs.eval()(
        input_ids=batch.ids_BT, attention_mask=batch.mask_BT.long(), token_type_ids=batch.segments_BT
    )  # fmt: skip
    hidden = model.encoder(batch.ids_BT, batch.mask_BT, batch.segments_BT)
    torch.testing.assert_close(
        model.logits(hidden)[batch.mask_BT], made.prediction_logits[batch.mask_BT], atol=1e-4, rtol=0
    )  # fmt: skip
    torch.testing.assert_close(model.follows(hidden), made.seq_relationship_logits, atol=1e-4, rtol=0)


def test_the_layer_opens_it_as_it_is(tmp_path: Path, words: Vocabulary) -> None:
    model = shaken(Labeller(Encoder(spec(words)), len(LABELS)))
    folder.save(tmp_path / "model", model, words, LABELS)
    theirs, ours = Classifier(tmp_path / "model"), labelling.Classifier(model, words)
    text = "# größer als Anna Schmidt [SEP] sagt\n"
    ids, offsets = theirs.encode(text)
    assert ids == ours.encode(text)[0] and (offsets == ours.encode(text)[1]).all()
    np.testing.assert_allclose(theirs.score([ids])[0], ours.score([ids])[0], atol=1e-4)
    assert Layer(tmp_path / "model").read(TEXTS) == Layer.over(ours, LABELS).read(TEXTS)


def test_the_tokenizer_frames_texts_as_bert_does(tmp_path: Path, words: Vocabulary) -> None:
    folder.save(tmp_path / "model", Pretraining(Encoder(spec(words))), words)
    made = AutoTokenizer.from_pretrained(tmp_path / "model")("call", "text")
    a, b = words.encode("call")[0], words.encode("text")[0]
    assert made["input_ids"] == [words.cls, *a, words.sep, *b, words.sep]
    assert made["token_type_ids"] == [0] * (len(a) + 2) + [1] * (len(b) + 1)
    assert not set(words.encode("a [SEP] b")[0]) & {words.sep, words.cls, words.mask}


def test_an_encoder_is_read_back(tmp_path: Path, words: Vocabulary) -> None:
    model = Pretraining(Encoder(spec(words)))
    folder.save(tmp_path / "model", model, words)
    encoder, again = folder.load(tmp_path / "model")
    assert again.encode(TEXTS[0]) == words.encode(TEXTS[0])
    for (name, ours), read_back in zip(model.encoder.named_parameters(), encoder.parameters(), strict=True):
        assert torch.equal(ours, read_back), name
    path = tmp_path / "model/config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "hidden_act": "relu"}))
    with pytest.raises(Refused, match="hidden_act is 'relu'"):
        folder.load(tmp_path / "model")
    with pytest.raises(Refused, match=r"there is no config\.json"):
        folder.load(tmp_path)
    with pytest.raises(Refused, match="must be a multiple of"):
        read({"model_type": "bert", "vocab_size": 9, "max_position_embeddings": 9, "hidden_size": 9,
              "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 9})  # fmt: skip


def test_pairs_are_as_berts_authors_say(words: Vocabulary) -> None:
    given = documents(words)
    batch = pretraining.pairs(given, words, 512, 40, 11)
    plain = torch.where(batch.targets_BT >= 0, batch.targets_BT, batch.ids_BT)
    said = batch.targets_BT >= 0
    text = batch.mask_BT & (plain != words.cls) & (plain != words.sep)
    assert not (said & ~text).any() and abs(said.sum() / text.sum() - 0.15) < 0.01
    masked, same = batch.ids_BT[said] == words.mask, batch.ids_BT[said] == batch.targets_BT[said]
    assert abs(masked.float().mean() - 0.8) < 0.02 and abs(same.float().mean() - 0.1) < 0.02
    assert (batch.ids_BT[said] >= len(SPECIAL) - 1).all() and abs(batch.follows_B.float().mean() - 0.5) < 0.07
    runs = {tuple(d[i : i + 36].tolist()) for d in given for i in range(len(d))}
    for ids, follows, segments in zip(plain, batch.follows_B, batch.segments_BT, strict=True):
        first, second = (ids == words.sep).nonzero().flatten().tolist()
        assert ids[0] == words.cls and segments[: first + 1].sum() == 0 and segments[first + 1 : second + 1].all()
        if follows:
            assert (*ids[1:first].tolist(), *ids[first + 1 : second].tolist()) in runs
    again = pretraining.pairs(given, words, 512, 40, 11)
    assert torch.equal(again.ids_BT, batch.ids_BT) and torch.equal(again.targets_BT, batch.targets_BT)
    assert not torch.equal(pretraining.pairs(given, words, 512, 40, 12).ids_BT, batch.ids_BT)


def test_keyed_numbers_are_even_and_the_same() -> None:
    several = keyed.units(keyed.key("a", 1), 100, 100)
    assert (several == keyed.units(keyed.key("a", 1), 100, 100)).all() and 0 <= several.min() < several.max() < 1
    assert abs(several.mean() - 0.5) < 0.01 and abs(several.std() - 12**-0.5) < 0.01
    assert set(keyed.below(7, 3, 500).tolist()) == set(range(7))


def test_tokens_get_the_label_of_their_span(words: Vocabulary) -> None:
    text = "x = 1  # von Anna Schmidt und Bo\n"
    start = text.index("Anna")
    rows = list(labelling.rows(text, [(start, start + 12, 0), (30, 32, 1)], words, 6))
    assert [i for row in rows for i in row.ids] == words.encode(text)[0] and all(len(r.ids) <= 6 for r in rows)
    offsets = words.encode(text)[1]
    labels = [label for row in rows for label in row.labels]
    inside = [
        label
        for label, (s, e) in zip(labels, offsets, strict=True)
        if text[s:e].strip() and s < start + 12 and e > start
    ]
    assert inside[0] == 1 and set(inside[1:]) == {2}
    assert [label for label in labels if label > 2][:1] == [3] and labels.count(1) == 1
    assert labelling.label_names(["name", "key"]) == ("O", "B-NAME", "I-NAME", "B-KEY", "I-KEY")


def test_pretraining_and_labels_are_learnt(words: Vocabulary) -> None:
    model = Pretraining(Encoder(spec(words)))
    given = documents(words)
    losses: list[float] = []

    def loss(step: int) -> torch.Tensor:
        return pretraining.loss(model, pretraining.pairs(given, words, 8, 40, step))[0]

    assert fit(model, 60, 3e-3, loss, lambda p: losses.append(p.loss), lambda: False) == 60
    assert sum(losses[-5:]) < 0.7 * sum(losses[:5])


def test_the_second_head_says_what_theirs_does(words: Vocabulary) -> None:
    """0 where b follows a: the loss is that of transformers' BertForPreTraining."""
    model, given = shaken(Pretraining(Encoder(spec(words)))), documents(words)
    batch = pretraining.pairs(given, words, 6, 40, 5)
    theirs = BertForPreTraining(BertForPreTraining.config_class(**write(spec(words)))).eval()
    theirs.load_state_dict({folder.theirs(name): p for name, p in model.named_parameters()}, strict=False)
    made = theirs(
        input_ids=batch.ids_BT, attention_mask=batch.mask_BT.long(), token_type_ids=batch.segments_BT,
        labels=batch.targets_BT, next_sentence_label=1 - batch.follows_B,
    )  # fmt: skip
    torch.testing.assert_close(pretraining.loss(model, batch)[0], made.loss, atol=1e-4, rtol=0)


def test_a_stop_and_a_loss_that_is_not_finite_end_it() -> None:
    model = torch.nn.Linear(2, 1)
    told: list[Progress] = []
    done = fit(model, 9, 0.1, lambda _: model(torch.ones(2)).sum(), told.append, lambda: len(told) == 4)
    assert done == 4 and [p.step for p in told] == [1, 2, 3, 4]
    before = model.weight.clone()
    with pytest.raises(NotFinite, match="3 steps in a row"):
        fit(model, 9, 0.1, lambda _: model(torch.ones(2)).sum() * torch.nan, told.append, lambda: False)
    assert torch.equal(model.weight, before)
    assert share(0, 100) == 0.1 and share(9, 100) == 1 and share(99, 100) < 0.02
