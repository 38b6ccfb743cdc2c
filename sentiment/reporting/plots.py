"""Plots of results, as matplotlib figures."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import cycle
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, to_hex
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, MultipleLocator, PercentFormatter

from sentiment.data.labels import LABEL_NAMES
from sentiment.evaluation.abstention import GuaranteeCheck
from sentiment.evaluation.learning_curve import LearningCurves
from sentiment.evaluation.metrics import calibration, expected_calibration_error
from sentiment.reporting import COLOURS

Probabilities = Mapping[str, Sequence[np.ndarray]]
"""Model -> P(positive) of the test reviews, (N,), for each seed; of K > 2 labels that of each label, (N, K)."""

FEWEST_IN_BIN = 10
"""Reviews of a bin that a reliability diagram of more than two labels draws, as its lines would jump."""

EPOCHS = "epoch (dashed: training, solid: validation)"

CURVES = {"loss": "Cross-entropy (nats)", "accuracy": "Accuracy"}
"""Metric of a history -> title of its axes."""


def _figure(*titles: str, size: tuple[float, float] = (5.2, 4.2)) -> tuple[Figure, list[Axes]]:
    """A figure with a panel of this size, in inches, for each title; four in a row."""
    columns = min(len(titles), 4)
    rows = -(-len(titles) // columns)
    figure = Figure(figsize=(size[0] * columns, size[1] * rows), layout="constrained", dpi=110)
    axes = [figure.add_subplot(rows, columns, number) for number in range(1, len(titles) + 1)]
    for axis, title in zip(axes, titles, strict=True):
        axis.set_title(title)
        axis.spines[["top", "right"]].set_visible(False)
        axis.grid(alpha=0.25)
    return figure, axes


def _with_legend(figure: Figure, columns: int = 1) -> Figure:
    """The figure with a legend below its axes: one entry per label, however many curves share it."""
    handles, labels = figure.axes[0].get_legend_handles_labels()
    unique = dict(zip(labels, handles, strict=True))
    figure.legend(list(unique.values()), list(unique), frameon=False, loc="outside lower center", ncols=columns)
    return figure


def learning_curves(
    histories: Mapping[str, Sequence[Mapping[str, Sequence[float]]]], metrics: Sequence[str] = tuple(CURVES)
) -> Figure:
    """Loss and accuracy against the epoch, training dashed and validation solid.

    Args:
        histories: model -> per seed {"loss", "accuracy", "val_loss", "val_accuracy"} -> one value per epoch.
        metrics: one pair of axes each: "loss", "accuracy".
    """
    figure, axes = _figure(*(CURVES[metric] for metric in metrics))
    for colour, (model, seeds) in zip(cycle(COLOURS), histories.items(), strict=False):
        for history in seeds:
            epochs = np.arange(1, len(history["loss"]) + 1)
            for axis, metric in zip(axes, metrics, strict=True):
                axis.plot(epochs, history[metric], "--", color=colour, marker=".", alpha=0.7)
                axis.plot(epochs, history[f"val_{metric}"], color=colour, marker="o", ms=4, label=model)
    for axis, metric in zip(axes, metrics, strict=True):
        axis.set_xlabel(EPOCHS)
        axis.xaxis.set_major_locator(MaxNLocator(integer=True))
        if metric == "accuracy":
            axis.yaxis.set_major_formatter(PercentFormatter(1.0))
    return _with_legend(figure)


def roc_curves(labels: np.ndarray, probabilities: Probabilities) -> Figure:
    """True against false positive rate on the test split."""
    from sklearn.metrics import roc_auc_score, roc_curve

    figure, [axis] = _figure("ROC curve")
    for values, style in _by_seed(labels, probabilities, "area", roc_auc_score):
        false_rate, true_rate, _ = roc_curve(labels, values)
        axis.plot(false_rate, true_rate, **style)
    axis.plot([0, 1], [0, 1], ":", color="grey", label="chance")
    axis.set(xlabel="false positive rate", ylabel="true positive rate", aspect="equal")
    return _with_legend(figure)


def precision_recall_curves(labels: np.ndarray, probabilities: Probabilities) -> Figure:
    """Precision against recall on the test split."""
    from sklearn.metrics import average_precision_score, precision_recall_curve

    figure, [axis] = _figure("Precision-recall curve")
    for values, style in _by_seed(labels, probabilities, "average precision", average_precision_score):
        precision, recall, _ = precision_recall_curve(labels, values)
        axis.plot(recall, precision, **style)
    axis.axhline(float(np.mean(labels)), ls=":", color="grey", label="chance")
    axis.set(xlabel="recall", ylabel="precision", xlim=(0, 1.02), ylim=(0, 1.02))
    return _with_legend(figure)


def reliability_diagram(labels: np.ndarray, probabilities: Probabilities, names: Sequence[str] = LABEL_NAMES) -> Figure:
    """Share of positive reviews against P(positive) on the test split; of more than two labels those of each label.

    Args:
        labels: (N,), the numbers of their names.
        names: of the labels, the worst first.
    """
    if len(names) > 2:
        return _reliability_of_labels(labels, probabilities, names)
    figure, [axis] = _figure("Reliability diagram")
    for values, style in _by_seed(labels, probabilities, "calibration error", expected_calibration_error):
        bins = calibration(labels, values)
        axis.plot(bins["probability"], bins["positive"], marker="o", ms=4, **style)
    axis.plot([0, 1], [0, 1], ":", color="grey", label="perfectly calibrated")
    axis.set(xlabel="mean P(positive) in the bin", ylabel="share of positive reviews", aspect="equal")
    return _with_legend(figure)


def _reliability_of_labels(labels: np.ndarray, probabilities: Probabilities, names: Sequence[str]) -> Figure:
    """A panel for each model, with a line for each label and seed."""
    figure, axes = _figure(*(f"Reliability of {model}" for model in probabilities))
    colours = LinearSegmentedColormap.from_list("labels", [COLOURS[1], "#999999", COLOURS[0]])
    for axis, seeds in zip(axes, probabilities.values(), strict=True):
        for number, name in enumerate(names):
            for values in seeds:
                bins = calibration(labels == number, values[:, number]).query("reviews >= @FEWEST_IN_BIN")
                colour = to_hex(colours(number / (len(names) - 1)))
                axis.plot(bins["probability"], bins["positive"], marker="o", ms=4, lw=1.3, color=colour, label=name)
        axis.plot([0, 1], [0, 1], ":", color="grey", label="perfectly calibrated")
        axis.set(xlabel="mean probability of the label in the bin", ylabel="share of reviews with it", aspect="equal")
    return _with_legend(figure, columns=3)


def _by_seed(
    labels: np.ndarray, probabilities: Probabilities, name: str, metric: Callable[[np.ndarray, np.ndarray], float]
) -> Iterator[tuple[np.ndarray, dict[str, Any]]]:
    """P(positive) of each seed of each model, and how its line is drawn; its label has the mean of a metric."""
    for colour, (model, seeds) in zip(cycle(COLOURS), probabilities.items(), strict=False):
        mean = np.mean([metric(labels, values) for values in seeds])
        for values in seeds:
            yield values, {"color": colour, "lw": 1.3, "label": f"{model}, {name} {mean:.3f}"}


def guaranteed_accuracy(checks: Mapping[str, Sequence[Sequence[GuaranteeCheck]]]) -> Figure:
    """Accuracy found on test reviews, with its 95 % interval, against the accuracy guaranteed.

    Args:
        checks: model -> for each seed a check of every level that is guaranteed.
    """
    figure, [axis] = _figure("Promised and found")
    apart = 0.0015  # between the bars of two models
    for number, (colour, (model, seeds)) in enumerate(zip(cycle(COLOURS), checks.items(), strict=False)):
        for seed in seeds:
            answered = [check for check in seed if check.answered]
            levels = np.array([check.level for check in answered]) + apart * (number - (len(checks) - 1) / 2)
            ends = np.array([check.interval for check in answered]).reshape(-1, 2)
            axis.vlines(levels, ends[:, 0], ends[:, 1], color=colour, lw=1.2)
            axis.plot(levels, [check.accuracy for check in answered], "o", color=colour, ms=4, label=model)
    least = min(check.level for seeds in checks.values() for seed in seeds for check in seed)
    axis.plot([least, 1], [least, 1], ":", color="grey", label="as promised")
    axis.yaxis.set_major_locator(MultipleLocator(0.05))
    return _against_level(figure, "accuracy found (bar: 95 % interval)")


def coverage(checks: Mapping[str, Sequence[Sequence[GuaranteeCheck]]]) -> Figure:
    """Share of test reviews that are answered, against the accuracy guaranteed; checks: as in `guaranteed_accuracy`."""
    figure, [axis] = _figure("Answered")
    for colour, (model, seeds) in zip(cycle(COLOURS), checks.items(), strict=False):
        for seed in seeds:
            levels, shares = [check.level for check in seed], [check.coverage for check in seed]
            axis.plot(levels, shares, color=colour, marker="o", ms=4, label=model)
    axis.set_ylim(0, 1.03)
    return _against_level(figure, "share of reviews that are answered")


def _against_level(figure: Figure, ylabel: str) -> Figure:
    [axis] = figure.axes
    axis.set(xlabel="accuracy promised", ylabel=ylabel)
    axis.xaxis.set_major_locator(MultipleLocator(0.05))
    for scale in (axis.xaxis, axis.yaxis):
        scale.set_major_formatter(PercentFormatter(1.0, decimals=0))
    return _with_legend(figure)


def two_distributions(feature: str, bins: Sequence[str], validation: np.ndarray, rows: np.ndarray) -> Figure:
    """Shares of validation reviews and of scored rows in each bin of a feature; validation, rows: (bins,)."""
    figure, [axis] = _figure(feature)
    places = np.arange(len(bins))
    axis.bar(places - 0.2, validation, 0.4, color="#999999", label="validation reviews")
    axis.bar(places + 0.2, rows, 0.4, color=COLOURS[0], label="rows")
    axis.set_xticks(places, bins, rotation=40, ha="right", fontsize=8)
    axis.grid(visible=False, axis="x")
    axis.set(xlabel=feature, ylabel="share")
    axis.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    return _with_legend(figure)


def confusion_matrix(matrix: pd.DataFrame, model: str) -> Figure:
    """Counts of test reviews by true label (rows) and predicted label (columns), as `Result.confusion_matrix` gives.

    Of more than two labels the colour is the share of the row, so that a rare label is seen as well as a frequent one.
    """
    counts, names = matrix.to_numpy(), list(matrix)
    places, shades = range(len(names)), counts
    if len(names) > 2:
        shades = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    figure, [axis] = _figure(f"{model}: test reviews")
    axis.grid(False)
    axis.imshow(shades, cmap="Blues", vmin=0)
    for row, column in np.ndindex(counts.shape):
        colour = "white" if shades[row, column] > shades.max() / 2 else "#111111"  # black turns light on a dark page
        size = min(16, 60 / len(names))
        axis.text(column, row, f"{counts[row, column]:,}", ha="center", va="center", color=colour, fontsize=size)
    axis.set(xticks=places, xticklabels=names, yticks=places, yticklabels=names)
    axis.set(xlabel="predicted label", ylabel="true label")
    return figure


def gradient_flow(tables: Mapping[str, pd.DataFrame], title: str) -> Figure:
    """Norm of the gradient by the hidden state of each time step, on a log axis: mean, median and quartiles.

    Args:
        tables: model -> columns `mean`, `lower_quartile`, `median`, `upper_quartile`, indexed by step.
    """
    figure, [axis] = _figure(title, size=(8.5, 4.8))
    for colour, (model, table) in zip(COLOURS, tables.items(), strict=False):
        axis.plot(table.index, table["mean"], color=colour, label=f"{model}, mean")
        axis.plot(table.index, table["median"], ":", color=colour, linewidth=1.2, label=f"{model}, median")
        axis.fill_between(
            table.index, table["lower_quartile"], table["upper_quartile"], color=colour, alpha=0.18, linewidth=0
        )
    axis.set_yscale("log")
    axis.set(xlabel="time step t; the loss comes after the last", ylabel="norm of ∂loss/∂h$_t$; band: quartiles")
    axis.legend(frameon=False, ncols=len(tables), fontsize=9)
    return figure


def accuracy_by_labels(curves: LearningCurves, more: int, title: str) -> Figure:
    """Test accuracy against the number of labels, on a log axis, with the power law of each model and its interval.

    Args:
        more: labels beyond the largest training up to which a law is drawn, dashed.
    """
    figure, [axis] = _figure(title, size=(6.4, 4.4))
    sizes, models = curves.sizes, curves.models
    for number, model in enumerate(models):
        colour, points = COLOURS[number % len(COLOURS)], curves.points_of(model)
        ends = np.abs(points[["low", "high"]].to_numpy().T - points["accuracy"].to_numpy())
        places = points["labels"] * 1.012 ** (number - (len(models) - 1) / 2)  # side by side, not on one another
        axis.errorbar(places, points["accuracy"], yerr=ends, fmt="o", ms=4, color=colour, lw=1, capsize=2, label=model)
        if model not in curves.laws:
            axis.plot(places, points["accuracy"], ":", color=colour, lw=1)
            continue
        first = min(size for size in sizes if size > curves.at_chance(model))
        measured, beyond = np.geomspace(first, sizes[-1]), np.linspace(sizes[-1], sizes[-1] + more)
        for grid, style in ((measured, "-"), (beyond, "--")):
            median, low, high = curves.laws[model].accuracy(grid)
            axis.plot(grid, median, style, color=colour, lw=1.5)
            axis.fill_between(grid, low, high, color=colour, alpha=0.13, linewidth=0)
    axis.set_xscale("log")
    axis.set_xticks(sizes, [f"{size:,}" for size in sizes], fontsize=8)
    axis.minorticks_off()
    seen = curves.points[["low", "high"]].to_numpy()
    margin = 0.08 * (seen.max() - seen.min())
    axis.set_ylim(max(0, seen.min() - margin), min(1.005, seen.max() + margin))
    axis.yaxis.set_major_formatter(PercentFormatter(1.0))
    axis.set(xlabel="labelled reviews (training and validation)", ylabel="test accuracy, with 95 % intervals")
    axis.legend(frameon=False, loc="lower right", fontsize=9)
    return figure


def search(trials: Sequence[tuple[int, str, Sequence[float]]], importance: Mapping[str, float], title: str) -> Figure:
    """The lowest validation loss of each trial, with the best so far; and the importance of each setting.

    Args:
        trials: number, state and validation losses by epoch of each trial.
        importance: setting -> its share of the variance, the largest first; perhaps none.
    """
    figure, axes = _figure(f"{title}: trials", *(["Importance of each setting"] if importance else []))
    for state, label, marker, colour in (
        ("complete", "finished", "o", COLOURS[0]),
        ("pruned", "stopped early", "x", "grey"),
    ):
        lowest = {number: np.nanmin(losses) for number, found, losses in trials if found == state}
        if not lowest:
            continue
        numbers, losses = list(lowest), np.array(list(lowest.values()))
        axes[0].plot(numbers, losses, marker, color=colour, ms=5, label=label)
        if state == "complete":
            axes[0].step(numbers, np.minimum.accumulate(losses), where="post", color=COLOURS[1], label="best so far")
    axes[0].set(xlabel="trial", ylabel="lowest validation loss (nats)")
    axes[0].xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    _with_legend(figure)
    if importance:
        names = [name.rpartition(".")[2] for name in importance]
        axes[1].barh(names[::-1], list(importance.values())[::-1], color=COLOURS[0])
        axes[1].xaxis.set_major_formatter(PercentFormatter(1.0))
        axes[1].set(xlabel="share of the variance of the objective (fANOVA)", ylabel="setting")
    return figure


def memory_curves(
    histories: Mapping[str, Mapping[str, Sequence[Mapping[str, Sequence[float]]]]], references: Mapping[str, float]
) -> Figure:
    """Mean squared error against the epoch on log axes, a panel per task; training dashed, validation solid.

    Args:
        histories: task -> model -> for each seed {"loss", "val_loss"} -> one value per epoch.
        references: task -> error to compare them with.
    """
    figure, axes = _figure(*histories, size=(4.2, 3.6))
    for axis, (task, models) in zip(axes, histories.items(), strict=True):
        for colour, (model, seeds) in zip(COLOURS, models.items(), strict=False):
            for number, history in enumerate(seeds):
                epochs = np.arange(1, len(history["loss"]) + 1)
                axis.plot(epochs, history["loss"], "--", color=colour, linewidth=0.8, alpha=0.6)
                label, marker = None if number else model, "." if len(epochs) < 20 else None
                axis.plot(epochs, history["val_loss"], color=colour, linewidth=1.3, marker=marker, label=label)
        axis.axhline(references[task], ls=":", color="grey", label="reference")
        axis.set(yscale="log", xlabel=EPOCHS, ylabel="mean squared error")
        axis.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    axes[0].legend(frameon=False, fontsize=9)
    return figure
