"""Classifiers of ordered labels that nobody needs to train."""

import dataclasses
from collections.abc import Sequence

import numpy as np

from sentiment.classifier import SentimentClassifier
from sentiment.engine.recurrent_model import RecurrentModel


def with_cut_points(classifier: SentimentClassifier, cut_points: Sequence[float]) -> SentimentClassifier:
    """The same network for labels from 1 on."""
    model = classifier.recurrent_model
    network = dataclasses.replace(model.network, cut_points=np.array(cut_points, np.float32))
    cut = SentimentClassifier.from_model(RecurrentModel(model.vocabulary, model.sequences, network))
    cut.ordered_classes_ = np.arange(1, len(cut_points) + 2)
    return cut
