"""What a classifier computes while it reads a review, held against Keras and against what the classifier says."""

from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from sentiment.classifier import SentimentClassifier
from sentiment.data.sequences import SequenceConfig
from sentiment.data.tokenizer import tokenize
from sentiment.data.vocabulary import Vocabulary
from sentiment.engine.cells import CELL_OF_LAYER, CELLS, CellName
from sentiment.engine.recurrent_model import RecurrentModel
from sentiment.errors import InputError
from sentiment.interpretation.explanation import COMPLETENESS, Explanation, moved_words, word_effects
from sentiment.interpretation.gradients import probability_gradients
from sentiment.training.linear_model import LinearModel
from sentiment.training.models import ModelConfig, build_model

REVIEW = "A moving film, and not a minute too long: <b>wonderfull</b> acting by Pattinson-Kowalczyk."


def untrained(cell: CellName, sequences: SequenceConfig, scale: float, **options: object) -> SentimentClassifier:
    """A classifier with the words of REVIEW and random weights, larger than those of a fresh network by `scale`."""
    vocabulary = Vocabulary.fit([REVIEW.replace("Kowalczyk", "")], num_words=30)
    config = ModelConfig.model_validate({"embedding_dim": 6, "units": 5, **options})
    network = build_model(cell, config, num_words=30, maxlen=sequences.maxlen, seed=1)
    network.set_weights([scale * array for array in network.get_weights()])
    return SentimentClassifier.from_model(RecurrentModel.from_keras(vocabulary, sequences, network))


@pytest.fixture(scope="module")
def classifier() -> SentimentClassifier:
    return untrained("lstm", SequenceConfig(maxlen=30), 2.0)


def relative_error(explanation: Explanation) -> float:
    """By how much the integrated gradients do not add up."""
    difference = explanation.probability - explanation.baseline_probability
    return abs(float(explanation.integrated_gradients.sum()) - difference) / max(abs(difference), 1e-3)


def test_integrated_gradients_add_up_where_gradients_explode(monkeypatch: pytest.MonkeyPatch) -> None:
    exploding = untrained("simple_rnn", SequenceConfig(maxlen=60), 3.5)
    text = REVIEW.replace("<b>", "b ").replace("</b>", " b") * 3
    assert relative_error(exploding.explain(text)) < COMPLETENESS
    monkeypatch.setattr("sentiment.interpretation.explanation.MOST_HALVINGS", 0)  # the whole path as one segment
    assert relative_error(exploding.explain(text)) > COMPLETENESS


@pytest.mark.parametrize(
    ("cell", "side", "bidirectional"),
    [("lstm", "pre", False), ("gru", "post", True), ("simple_rnn", "pre", True), ("simple_rnn", "post", False)],
)
def test_every_network_is_explained(cell: CellName, side: str, bidirectional: bool) -> None:
    """Hidden states of the last layer, traced, lead to the verdict of Keras; arrays are (tokens, units)."""
    sequences = SequenceConfig.model_validate({"maxlen": 24, "padding": side, "truncating": side})
    classifier = untrained(cell, sequences, 1.5, layers=2, bidirectional=bidirectional)
    explanation = classifier.explain(REVIEW)
    tokens = len(tokenize(REVIEW)) + 1
    assert explanation.probability == pytest.approx(classifier.positive_probability([REVIEW])[0], abs=1e-6)
    assert relative_error(explanation) < COMPLETENESS
    assert len(explanation.layers) == (4 if bidirectional else 2)
    assert {values.shape for layer in explanation.layers for values in layer.values.values()} == {(tokens, 5)}
    if side == "pre" and not bidirectional:
        kernel, bias = classifier.keras_network.layers[-1].get_weights()
        logit = explanation.layers[-1].values["hidden_state"][-1] @ kernel + bias
        assert 1 / (1 + np.exp(-logit[0])) == pytest.approx(explanation.probability, abs=1e-5)


@pytest.mark.parametrize("pooling", ["last", "max", "mean", "max_mean"])
def test_a_network_that_skips_padding_is_explained(pooling: str) -> None:
    """Hidden states, traced and pooled, lead to the verdict; integrated gradients add up."""
    sequences = SequenceConfig(maxlen=24, padding="post")
    classifier = untrained("lstm", sequences, 2.0, bidirectional=True, mask_padding=True, pooling=pooling)
    explanation = classifier.explain(REVIEW)
    forward, backward = (layer.values["hidden_state"] for layer in explanation.layers)  # (tokens, units)
    states = np.concatenate([forward, backward], axis=1)  # (tokens, 2 * units)
    pooled = {
        "last": np.concatenate([forward[-1], backward[0]]),
        "max": states.max(axis=0),
        "mean": states.mean(axis=0),
        "max_mean": np.concatenate([states.max(axis=0), states.mean(axis=0)]),
    }[pooling]
    kernel, bias = classifier.keras_network.layers[-1].get_weights()
    assert 1 / (1 + np.exp(-(pooled @ kernel + bias)[0])) == pytest.approx(explanation.probability, abs=1e-5)
    assert relative_error(explanation) < COMPLETENESS


def test_running_verdict_and_occlusion_are_verdicts_on_shorter_reviews(classifier: SentimentClassifier) -> None:
    explanation, words = classifier.explain(REVIEW), tokenize(REVIEW)
    shortened = [" ".join(words[:end]) for end in range(len(words) + 1)]
    assert explanation.running_verdict == pytest.approx(classifier.positive_probability(shortened), abs=1e-6)
    without_first = classifier.positive_probability([" ".join(words[1:])])[0]
    assert explanation.tokens[:3] == ("[START]", "a", "moving")
    assert explanation.occlusion[1] == pytest.approx(explanation.probability - without_first, abs=1e-6)
    assert explanation.out_of_vocabulary[[0, -1]].tolist() == [False, True]


def test_words_beyond_the_length_that_is_read_are_named() -> None:
    explanation = untrained("lstm", SequenceConfig(maxlen=4, truncating="post"), 2.0).explain(REVIEW)
    assert explanation.tokens == ("[START]", "a", "moving", "film")
    assert [REVIEW[slice(*span)] for span in explanation.cut_spans[:2]] == ["and", "not"]


@pytest.mark.parametrize("text", ["", " \n", "?!... -- !"])
def test_a_text_without_words_is_refused(classifier: SentimentClassifier, text: str) -> None:
    with pytest.raises(InputError, match="holds no word"):
        classifier.explain(text)


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("pooling", ["last", "max", "mean", "max_mean"])
@pytest.mark.parametrize("bidirectional", [False, True])
def test_gradients_are_those_of_tensorflow(cell: CellName, pooling: str, bidirectional: bool) -> None:
    sequences = SequenceConfig(maxlen=24, padding="post")
    options = {"layers": 2, "bidirectional": bidirectional, "pooling": pooling, "mask_padding": True}
    classifier = untrained(cell, sequences, 1.5, **options)
    vectors = np.random.default_rng(0).normal(size=(3, 9, 6)).astype(np.float32)
    points = tf.constant(vectors)
    with tf.GradientTape() as tape:
        tape.watch(points)
        outputs = points
        for layer in classifier.keras_network.layers[1:]:
            outputs = layer(outputs)
    probabilities, gradients = probability_gradients(classifier.recurrent_model.network, vectors)
    assert probabilities == pytest.approx(np.asarray(outputs)[:, 0], abs=1e-5)
    assert gradients == pytest.approx(np.asarray(tape.gradient(outputs, points)), abs=1e-5)


@pytest.mark.parametrize("kind", CELL_OF_LAYER)
def test_the_states_of_every_step_are_those_of_keras(kind: str) -> None:
    generator = np.random.default_rng(0)
    inputs = generator.normal(size=(1, 120, 5)).astype(np.float32)
    options: dict[str, Any] = {} if kind == "SimpleRNN" else {"recurrent_activation": "sigmoid"}
    layer = getattr(keras.layers, kind)(7, return_sequences=True, return_state=True, **options)
    layer.build(inputs.shape)
    layer.set_weights([generator.normal(scale=0.7, size=array.shape) for array in layer.get_weights()])
    outputs, *last = (np.asarray(array)[0] for array in layer(inputs))
    cell = CELL_OF_LAYER[kind]
    traced = cell.trace(cell.by_gate(layer.get_weights()), inputs[0])
    assert traced["hidden_state"] == pytest.approx(outputs, abs=1e-5)
    if kind == "LSTM":
        assert traced["cell_state"][-1] == pytest.approx(last[1], abs=1e-5)
        kept = traced["forget_gate"][1:] * traced["cell_state"][:-1]
        added = traced["input_gate"] * traced["candidate"]
        assert traced["cell_state"] == pytest.approx(np.concatenate([added[:1], kept + added[1:]]))


def log_odds(probability: float) -> float:
    return float(np.log(probability / (1 - probability)))


def test_the_effect_of_a_word_is_that_of_the_explanation_in_log_odds(classifier: SentimentClassifier) -> None:
    explanation, effects = classifier.explain(REVIEW), word_effects(classifier.model_, REVIEW)
    assert list(effects) == list(explanation.spans[1:])
    for span, occlusion in zip(explanation.spans[1:], explanation.occlusion[1:], strict=True):
        expected = log_odds(explanation.probability) - log_odds(explanation.probability - occlusion)
        assert effects[span] == pytest.approx(expected, abs=1e-3)


def test_the_words_that_moved_a_verdict_are_those_whose_effects_differ() -> None:
    texts, labels = ["good film", "bad film", "fine plot", "dull plot"] * 5, np.array([1, 0, 1, 0] * 5)
    model = SentimentClassifier.from_model(LinearModel.fit(texts, labels))
    turned = SentimentClassifier.from_model(LinearModel.fit(texts, 1 - labels))
    text = "A good film"
    moved = moved_words(model.model_, turned.model_, text)
    words = {text[slice(*span)]: effect for span, effect in moved.items()}
    assert list(words) == ["A", "good", "film"]
    assert max(words, key=lambda word: abs(words[word])) == "good"
    assert words["good"] > 0
    assert moved_words(model.model_, model.model_, text) == dict.fromkeys(moved, 0.0)
    assert moved_words(turned.model_, model.model_, text) == pytest.approx(
        {span: -effect for span, effect in moved.items()}
    )
