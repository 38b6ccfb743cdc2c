import numpy as np
import pytest

from sentiment.classifier import SentimentClassifier
from sentiment.interpretation.explanation import explain, moved_words, word_effects
from sentiment.linear_classifier import LinearClassifier
from sentiment.training.linear_model import LinearModel

TEXT = "Not a good film... It is DULL, and the acting was awful."


def log_odds(probability: float) -> float:
    return float(np.log(probability / (1 - probability)))


@pytest.mark.parametrize("cell", ["lstm", "simple_rnn"])
def test_the_effect_of_a_word_is_that_of_the_explanation_in_log_odds(
    small_classifiers: dict[str, SentimentClassifier], cell: str
) -> None:
    classifier = next(c for name, c in small_classifiers.items() if cell in name.lower())
    explanation = explain(classifier, TEXT)
    effects = word_effects(classifier, TEXT)
    assert list(effects) == list(explanation.spans[1:])
    for span, occlusion in zip(explanation.spans[1:], explanation.occlusion[1:], strict=True):
        expected = log_odds(explanation.probability) - log_odds(explanation.probability - occlusion)
        assert effects[span] == pytest.approx(expected, abs=1e-3)


def test_the_words_that_moved_a_verdict_are_those_whose_effects_differ() -> None:
    texts, labels = ["good film", "bad film", "fine plot", "dull plot"] * 5, np.array([1, 0, 1, 0] * 5)
    model = LinearClassifier(LinearModel.fit(texts, labels))
    turned = LinearClassifier(LinearModel.fit(texts, 1 - labels))
    text = "A good film"
    moved = moved_words(model, turned, text)
    words = {text[slice(*span)]: effect for span, effect in moved.items()}
    assert list(words) == ["A", "good", "film"]
    assert max(words, key=lambda word: abs(words[word])) == "good"
    assert words["good"] > 0
    assert moved_words(model, model, text) == dict.fromkeys(moved, 0.0)
    assert moved_words(turned, model, text) == pytest.approx({span: -effect for span, effect in moved.items()})
