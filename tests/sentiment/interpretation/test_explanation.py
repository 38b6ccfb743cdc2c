"""What happens inside a trained classifier while it reads."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from sentiment.classifier import SentimentClassifier
from sentiment.data.sequences import SequenceConfig
from sentiment.data.vocabulary import tokenize
from sentiment.errors import InputError
from sentiment.interpretation.explanation import COMPLETENESS, explain
from sentiment.training.cells import CELLS, CellName
from sentiment.training.models import ModelConfig, build_model
from tests.conftest import PipelineRun
from tests.tampering import sign_again

Classifiers = dict[str, SentimentClassifier]
REVIEW = "A moving film, and not a minute too long: <b>wonderfull</b> acting by Pattinson-Kowalczyk."


def untrained(cell: CellName, sequences: SequenceConfig, scale: float, **options: object) -> SentimentClassifier:
    """A classifier with the words of REVIEW and random weights, larger than those of a fresh network by `scale`."""
    from sentiment.data.vocabulary import Vocabulary

    vocabulary = Vocabulary.fit([REVIEW.replace("Kowalczyk", "")], num_words=30)
    config = ModelConfig.model_validate({"embedding_dim": 6, "units": 5, **options})
    network = build_model(cell, config, num_words=30, maxlen=sequences.maxlen, seed=1)
    network.set_weights([scale * array for array in network.get_weights()])
    return SentimentClassifier.from_network(vocabulary, sequences, network)


@pytest.mark.parametrize("cell", ["lstm", "simple_rnn"])
def test_integrated_gradients_of_a_trained_network_add_up(
    small_classifiers: Classifiers, small_run: PipelineRun, cell: str
) -> None:
    [path, *_] = small_run.folder.glob(".sentiment/evaluate/*/predictions.parquet")
    for text in pd.read_parquet(path)["text"][:5]:
        explanation = explain(small_classifiers[cell], text)
        difference = explanation.probability - explanation.baseline_probability
        assert explanation.integrated_gradients.sum() == pytest.approx(
            difference, abs=COMPLETENESS * max(abs(difference), 1e-3)
        )


def test_integrated_gradients_add_up_where_gradients_explode(monkeypatch: pytest.MonkeyPatch) -> None:
    classifier = untrained("simple_rnn", SequenceConfig(maxlen=60), 3.5)
    text = REVIEW.replace("<b>", "b ").replace("</b>", " b") * 3

    def relative_error() -> float:
        explanation = explain(classifier, text)
        difference = explanation.probability - explanation.baseline_probability
        return abs(float(explanation.integrated_gradients.sum()) / difference - 1)

    assert relative_error() < COMPLETENESS
    monkeypatch.setattr("sentiment.interpretation.explanation.MOST_HALVINGS", 0)  # the whole path as one piece
    assert relative_error() > COMPLETENESS


@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("side", ["pre", "post"])
@pytest.mark.parametrize("cell", CELLS)
def test_every_network_is_explained(cell: CellName, side: str, bidirectional: bool) -> None:
    """Hidden states of the last layer, traced, lead to the verdict of Keras; arrays are (tokens, units)."""
    sequences = SequenceConfig.model_validate({"maxlen": 24, "padding": side, "truncating": side})
    classifier = untrained(cell, sequences, 1.5, layers=2, bidirectional=bidirectional)
    explanation = explain(classifier, REVIEW)
    tokens = len(tokenize(REVIEW)) + 1
    assert explanation.probability == pytest.approx(classifier.positive_probability([REVIEW])[0], abs=1e-6)
    assert len(explanation.layers) == (4 if bidirectional else 2)
    assert {values.shape for layer in explanation.layers for values in layer.values.values()} == {(tokens, 5)}
    if side == "pre" and not bidirectional:
        kernel, bias = classifier.network.layers[-1].get_weights()
        logit = explanation.layers[-1].values["hidden_state"][-1] @ kernel + bias
        assert 1 / (1 + np.exp(-logit[0])) == pytest.approx(explanation.probability, abs=1e-5)


@pytest.mark.parametrize("pooling", ["last", "max", "mean", "max_mean"])
def test_a_network_that_skips_padding_is_explained(pooling: str) -> None:
    """Hidden states, traced and pooled, lead to the verdict; integrated gradients add up."""
    sequences = SequenceConfig(maxlen=24, padding="post")
    classifier = untrained("lstm", sequences, 2.0, bidirectional=True, mask_padding=True, pooling=pooling)
    explanation = explain(classifier, REVIEW)
    forward, backward = (layer.values["hidden_state"] for layer in explanation.layers)  # (tokens, units)
    states = np.concatenate([forward, backward], axis=1)  # (tokens, 2 * units)
    pooled = {
        "last": np.concatenate([forward[-1], backward[0]]),
        "max": states.max(axis=0),
        "mean": states.mean(axis=0),
        "max_mean": np.concatenate([states.max(axis=0), states.mean(axis=0)]),
    }[pooling]
    kernel, bias = classifier.network.layers[-1].get_weights()
    assert 1 / (1 + np.exp(-(pooled @ kernel + bias)[0])) == pytest.approx(explanation.probability, abs=1e-5)
    difference = explanation.probability - explanation.baseline_probability
    assert explanation.integrated_gradients.sum() == pytest.approx(
        difference, abs=COMPLETENESS * max(abs(difference), 1e-3)
    )


def test_the_running_verdict_is_that_of_the_review_so_far(small_classifiers: Classifiers) -> None:
    explanation = explain(small_classifiers["lstm"], REVIEW)
    words = tokenize(REVIEW)
    shortened = [" ".join(words[:end]) for end in range(len(words) + 1)]
    expected = small_classifiers["lstm"].positive_probability(shortened)
    assert explanation.running_verdict == pytest.approx(expected, abs=1e-6)


def test_occlusion_is_what_the_review_loses_without_the_word(small_classifiers: Classifiers) -> None:
    classifier = small_classifiers["simple_rnn"]
    explanation = explain(classifier, "not a good film")
    assert explanation.tokens == ("[START]", "not", "a", "good", "film")
    whole, without = classifier.positive_probability(["not a good film", "a good film"])
    assert explanation.occlusion[1] == pytest.approx(whole - without, abs=1e-6)


def test_a_text_without_words_is_refused(small_classifiers: Classifiers) -> None:
    for text in ("", " \n", "?!... -- !"):
        with pytest.raises(InputError, match="holds no word"):
            explain(small_classifiers["lstm"], text)


def test_a_model_without_a_recurrent_layer_is_refused(small_classifiers: Classifiers, tmp_path: Path) -> None:
    import keras

    small_classifiers["lstm"].save(tmp_path)
    network = keras.Sequential(
        [keras.Input((60,)), keras.layers.Embedding(2000, 4), keras.layers.Flatten(), keras.layers.Dense(1)]
    )
    network.save(tmp_path / "model.keras")
    sign_again(tmp_path)
    with pytest.raises(InputError, match=r"no recurrent layer \(Embedding, Flatten, Dense\)"):
        explain(SentimentClassifier.load(tmp_path), "good")
