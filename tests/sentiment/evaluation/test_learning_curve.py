import numpy as np
import pandas as pd
import pytest

from sentiment.evaluation.learning_curve import LearningCurves, find_crossing, fit_learning_curve

SIZES = np.array([1_000, 2_000, 5_000, 10_000, 20_000])


def error(labels: np.ndarray | float, limit: float, scale: float, rate: float) -> np.ndarray:
    return limit + scale * np.asarray(labels, float) ** -rate


@pytest.mark.parametrize("law", [(0.08, 2.0, 0.4), (0.05, 0.6, 0.2), (0.0, 1.0, 0.22)])
@pytest.mark.parametrize("seeds", [1, 3])
def test_the_interval_holds_the_true_gain_in_95_of_100_simulated_curves(
    law: tuple[float, float, float], seeds: int
) -> None:
    labels = np.repeat(SIZES, seeds)
    truth = float(error(20_000, *law) - error(24_000, *law))
    covered = 0
    for simulation in range(200):
        noise = np.random.default_rng(simulation).standard_normal(len(labels))
        _, low, high = fit_learning_curve(labels, 1 - error(labels, *law) * (1 + 0.03 * noise)).gain(4_000)
        covered += low <= truth <= high
    assert covered / 200 >= 0.90  # 0.95 and three standard errors; more is no lie


def test_without_noise_the_law_itself_is_found() -> None:
    curve = fit_learning_curve(SIZES, 1 - error(SIZES, 0.1, 4.0, 0.5))
    asked = np.array([1_000, 20_000, 40_000])
    median, low, high = curve.accuracy(asked)
    assert median == pytest.approx(1 - error(asked, 0.1, 4.0, 0.5), abs=0.001)
    assert np.all(high - low < 0.005)
    assert np.all((low <= median) & (median <= high))


def test_more_labels_never_cost_accuracy_and_each_brings_less_than_the_one_before() -> None:
    noise = np.random.default_rng(0).normal(0, 0.02, len(SIZES))
    curve = fit_learning_curve(SIZES, 1 - error(SIZES, 0.1, 2.0, 0.4) + noise)
    gains = [curve.gain(more)[0] for more in (0, 4_000, 8_000, 12_000)]
    assert gains[0] == 0
    assert np.all(np.diff(gains) > 0)
    assert np.all(np.diff(gains, 2) < 0)
    assert curve.gain(4_000)[1] >= 0


def test_where_two_curves_cross_the_better_model_changes() -> None:
    network = fit_learning_curve(SIZES, 1 - error(SIZES, 0.06, 20.0, 0.6))
    linear = fit_learning_curve(SIZES, 1 - error(SIZES, 0.08, 1.0, 0.3))
    truth = np.arange(1_000, 20_000)
    first_better = truth[error(truth, 0.06, 20.0, 0.6) < error(truth, 0.08, 1.0, 0.3)][0]
    assert find_crossing(network, linear, 1_000) == pytest.approx(first_better, rel=0.1)
    assert find_crossing(network, network, 1_000) is None


def draw_curves(accuracies: dict[str, list[float]]) -> LearningCurves:
    """The curves of models that judge these shares of 10,000 test reviews rightly, at each of SIZES."""
    trainings = pd.DataFrame(
        [[model, 0, size] for model in accuracies for size in SIZES], columns=["model", "seed", "labels"]
    )
    correct = [np.arange(10_000) < 10_000 * share for shares in accuracies.values() for share in shares]
    return LearningCurves.from_trainings(trainings, correct, chance=0.5)


def test_trainings_that_are_no_better_than_chance_are_left_out_of_the_law_and_the_sentence_says_so() -> None:
    late, early = [0.50, 0.505, 0.50, 0.49, 0.999], [0.67, 0.74, 0.875, 0.935, 0.942]
    curves = draw_curves({"LSTM": late, "NB-LR": early})
    assert list(curves.laws) == ["NB-LR"]
    assert curves.sentence("NB-LR", 4_000) == (
        "LSTM, too few trainings better than chance: none with 10,000 labels or fewer; with 10,000 labels or fewer "
        "NB-LR is better"
    )


def test_the_sentence_tells_what_more_labels_bring_and_below_how_many_the_linear_model_is_better() -> None:
    network, linear = (1 - error(SIZES, *law) for law in ((0.06, 20.0, 0.6), (0.08, 1.0, 0.3)))
    curves = draw_curves({"LSTM": network.tolist(), "NB-LR": linear.tolist()})
    value, low, high = (100 * share for share in curves.laws["LSTM"].gain(4_000))
    gain = f"4,000 more labels: {value:+.1f} points ({low:.1f} to {high:.1f})"
    assert curves.sentence("NB-LR", 4_000) == f"LSTM, {gain}; below about 9,000 labels NB-LR is better"
    assert curves.sentence("another", 4_000) == f"LSTM, {gain}"
    assert curves.sentence("LSTM", 4_000) == f"LSTM, {gain}"
    always = draw_curves({"LSTM": (network - 0.2).tolist(), "NB-LR": linear.tolist()})
    assert always.sentence("NB-LR", 4_000).endswith("; NB-LR is better with 1,000 to 20,000 labels")
