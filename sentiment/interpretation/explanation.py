"""Explanation: what a network computes while it reads one review, and which words decided its verdict.

How much a word decided is measured in two ways, both in points of P(positive); or, of more than two labels, of the
position between the worst one, 0, and the best, 1, where the label is expected:
- occlusion: what the review loses without the word ("representation erasure", Li, Monroe & Jurafsky 2016);
- integrated gradients (Sundararajan, Taly & Yan 2017) over the word vectors, from a review of nothing but padding to
  this one; they add up to the difference between the two verdicts (completeness).

For models of every kind, `word_effects` gives the occlusion in log-odds.
"""

from dataclasses import dataclass

import numpy as np

from sentiment.data.labels import expected_position, label_probabilities, log_odds
from sentiment.data.sequences import pad_texts
from sentiment.data.tokenizer import Span, Tokenizer
from sentiment.data.verdicts import VerdictRule
from sentiment.data.vocabulary import MARKERS, OUT_OF_VOCABULARY, PADDING, START
from sentiment.engine.cells import CELLS
from sentiment.engine.network import Network
from sentiment.engine.recurrent_model import RecurrentModel
from sentiment.errors import InputError
from sentiment.interpretation.gradients import probability_gradients
from sentiment.training.linear_model import LinearModel

COMPLETENESS = 0.01
"""Largest error of the sum of integrated gradients, as a share of the difference that they explain."""

SEGMENT_POINTS, MOST_HALVINGS = 30, 10
"""Points of the Gauss-Legendre rule on a segment of the path, and how often a segment is cut in two at most."""

POINTS_AT_ONCE = 256
"""Most points of the path that go through the network at once."""

SMALLEST_DIFFERENCE = 1e-3
"""Difference of P(positive) below which COMPLETENESS is a share of this: the network computes in single precision."""

SMALLEST_PROBABILITY = 1e-6
"""In log-odds, probabilities nearer to 0 or 1 count as this near: they are single precision."""


@dataclass(frozen=True)
class LayerTrace:
    """What one recurrent layer computes at each token.

    Attributes:
        name: of the Keras layer, followed by the direction if it reads in both.
        values: gates and states by name, as the cell of the layer names them: arrays of shape (tokens, units).
    """

    name: str
    values: dict[str, np.ndarray]


@dataclass(frozen=True)
class Explanation:
    """One review, as the classifier reads it, token by token.

    Attributes:
        text: the review.
        tokens: what the network reads, lower-cased; the first is [START] unless it was cut.
        spans: where each token stands in the text; empty for [START].
        cut_spans: words that the network does not read, as the review is longer than its `maxlen`.
        out_of_vocabulary: bool (tokens,).
        rule: what becomes of its probabilities.
        cumulative: P(label > k) of each label k but the best, (1, K - 1); of two P(positive), (1,).
        score: the log-odds of P(positive), which `cut_points` cut into more than two labels.
        cut_points: (K - 1,); of two labels (0,).
        probability: P(positive) of the review, or its expected position; so are the verdicts below.
        running_verdict: (tokens,), P(positive) of the review as far as this token, as if it ended there.
        occlusion: (tokens,), P(positive) of the review less that of the review without this token.
        integrated_gradients: (tokens,); their sum is `probability` less `baseline_probability`, but for the error of
            the numerical integration.
        baseline_probability: P(positive) of nothing but padding.
        layers: each recurrent layer and direction.
    """

    text: str
    tokens: tuple[str, ...]
    spans: tuple[Span, ...]
    cut_spans: tuple[Span, ...]
    out_of_vocabulary: np.ndarray
    rule: VerdictRule
    cumulative: np.ndarray
    score: float
    cut_points: np.ndarray
    probability: float
    running_verdict: np.ndarray
    occlusion: np.ndarray
    integrated_gradients: np.ndarray
    baseline_probability: float
    layers: tuple[LayerTrace, ...]

    @property
    def predicted_label(self) -> str:
        """The verdict."""
        return self.rule.verdicts(self.cumulative)[0]


def explain(model: RecurrentModel, text: str, rule: VerdictRule) -> Explanation:
    """Explain how a network judges a review.

    Args:
        rule: what becomes of its probabilities.

    Raises:
        InputError: the text holds no word.
    """
    tokenizer = model.vocabulary.tokenizer
    words = tokenizer.spans(text)
    if not words:
        raise InputError("The text holds no word, as it is empty or only punctuation: give a review.")
    network, sequences = model.network, model.sequences
    kept = _kept(model)
    indices, spans = model.vocabulary.encode(text)[kept], [(0, 0), *words][kept]
    seen = set(spans)
    names = [MARKERS[START], *tokenizer.tokenize(text)][kept]
    [padded] = [indices] if network.mask_padding else pad_texts([text], model.vocabulary, sequences)  # (time,)
    read = padded != PADDING
    prefixes = [indices[: end + 1] for end in range(len(indices))]
    without_one = [np.delete(indices, position) for position in range(len(indices))]
    probabilities = model.encoded_probability([*prefixes, *without_one])
    running_verdict, occluded = np.split(expected_position(label_probabilities(model.cut(probabilities))), 2)
    whole = probabilities[[len(prefixes) - 1]]
    attributed, baseline = integrated_gradients(network, padded)
    return Explanation(
        text=text,
        tokens=tuple(names),
        spans=tuple(spans),
        cut_spans=tuple(span for span in words if span not in seen),
        out_of_vocabulary=indices == OUT_OF_VOCABULARY,
        rule=rule,
        cumulative=model.cut(whole),
        score=float(log_odds(whole)[0]),
        cut_points=network.cut_points,
        probability=float(running_verdict[-1]),
        running_verdict=running_verdict,
        occlusion=running_verdict[-1] - occluded,
        integrated_gradients=attributed[read],
        baseline_probability=baseline,
        layers=tuple(
            LayerTrace(layer.name, {name: array[read] for name, array in layer.values.items()})
            for layer in trace_layers(network, padded)
        ),
    )


def trace_layers(network: Network, indices: np.ndarray) -> list[LayerTrace]:
    """Gates and states of every recurrent layer, in the order of the text also where a layer reads backwards.

    Args:
        indices: (time,), padding included, unless the network skips it, as it moves the state too.
    """
    cell, traces, outputs = CELLS[network.cell], [], network.embedding[indices]  # (time, features)
    for number, layer in enumerate(network.layers, 1):
        name = f"{network.cell}_{number}"
        forward, *backward = zip(layer.kernel, layer.recurrent_kernel, layer.bias, strict=True)
        found = [LayerTrace(f"{name} forward" if backward else name, cell.trace(forward, outputs))]
        for weights in backward:
            values = cell.trace(weights, outputs[::-1])
            found.append(LayerTrace(f"{name} backward", {gate: array[::-1] for gate, array in values.items()}))
        traces += found
        outputs = np.concatenate([one.values["hidden_state"] for one in found], axis=-1)
    return traces


def integrated_gradients(network: Network, indices: np.ndarray) -> tuple[np.ndarray, float]:
    """How much each position adds to P(positive), on the straight path from the word vectors of padding alone.

    P(positive) is known at both ends of every segment of the path, so the error of its integral is too: a segment is
    cut in two until its error is below COMPLETENESS. The path of an LSTM is smooth, and one segment mostly does; that
    of a SimpleRNN whose gradient explodes is not.

    Args:
        indices: (time,).

    Returns:
        (time,), zero at padding; and P(positive) of padding alone.
    """
    baseline, vectors = network.embedding[np.stack([np.full_like(indices, PADDING), indices])]  # (time, features)
    nodes, weights = np.polynomial.legendre.leggauss(SEGMENT_POINTS)
    nodes, weights = np.array([0, *(nodes + 1) / 2, 1]), np.array([0, *weights / 2, 0])  # with both ends, unweighted
    total = np.zeros(len(indices))
    starts = np.zeros(1)
    difference = baseline_probability = 0.0
    for halvings in range(MOST_HALVINGS + 1):
        width = 2.0**-halvings
        shares = starts[:, None] + width * nodes  # (segments, points), of the way from padding to the review
        values, slopes = _along_path(network, baseline, vectors - baseline, shares.ravel())
        values = values.reshape(shares.shape)
        slopes = width * np.einsum("p,npt->nt", weights, slopes.reshape(*shares.shape, -1))  # (segments, time)
        if not halvings:
            baseline_probability = float(values[0, 0])
            difference = max(abs(values[0, -1] - baseline_probability), SMALLEST_DIFFERENCE)
        errors = np.abs(slopes.sum(axis=1) - (values[:, -1] - values[:, 0]))
        finished = (errors <= COMPLETENESS * difference * width) | (halvings == MOST_HALVINGS)
        total += slopes[finished].sum(axis=0)
        starts = (starts[~finished, None] + [0, width / 2]).ravel()
        if not len(starts):
            break
    return total, baseline_probability


def _along_path(
    network: Network, start: np.ndarray, way: np.ndarray, shares: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """P(positive) (shares,) at some shares of the way, and how each position moves it there (shares, time)."""
    values, slopes = [], []
    for batch in np.split(shares.astype(np.float32), range(POINTS_AT_ONCE, len(shares), POINTS_AT_ONCE)):
        probabilities, gradients = probability_gradients(network, start + batch[:, None, None] * way)
        values.append(probabilities.astype(np.float64))
        slopes.append(np.einsum("stf,tf->st", gradients.astype(np.float64), way.astype(np.float64)))
    return np.concatenate(values), np.concatenate(slopes)


def word_effects(model: RecurrentModel | LinearModel, text: str) -> dict[Span, float]:
    """Place of each word that a model reads -> log-odds of the review less those without the word, in nats."""
    if isinstance(model, RecurrentModel):
        kept = _kept(model)
        indices = model.vocabulary.encode(text)[kept]
        read = [(0, 0), *model.vocabulary.tokenizer.spans(text)][kept]
        spans = [span for span in read if span != (0, 0)]
        without = [np.delete(indices, position) for position, span in enumerate(read) if span != (0, 0)]
        probabilities = model.encoded_probability([indices, *without])
    else:
        spans = Tokenizer().spans(text)
        without_word = [f"{text[:start]} {text[end:]}" for start, end in spans]
        probabilities = model.positive_probability([text, *without_word])
    clipped = np.clip(probabilities.astype(np.float64), SMALLEST_PROBABILITY, 1 - SMALLEST_PROBABILITY)
    scores = np.log(clipped) - np.log1p(-clipped)
    return dict(zip(spans, (scores[0] - scores[1:]).tolist(), strict=True))


def moved_words(
    model: RecurrentModel | LinearModel, baseline: RecurrentModel | LinearModel, text: str
) -> dict[Span, float]:
    """How much more each word adds to the log-odds of a model than to those of a baseline, in nats."""
    effects, others = word_effects(model, text), word_effects(baseline, text)
    return {span: effects.get(span, 0.0) - others.get(span, 0.0) for span in sorted({*effects, *others})}


def _kept(model: RecurrentModel) -> slice:
    """The tokens of a review that the network reads, [START] among them."""
    maxlen = model.sequences.maxlen
    return slice(-maxlen, None) if model.sequences.truncating == "pre" else slice(maxlen)
