"""The registered versions of classifiers as a table."""

import time

from pipelines.console import Console
from sentiment.errors import InputError
from sentiment.tracking import registry, store
from sentiment.tracking.registry import Version

AGES = ((86_400, "day"), (3_600, "hour"), (60, "minute"))
"""Seconds of each unit of an age."""


def list_models(name: str | None, console: Console) -> None:
    """Show every version: accuracy with its interval, size, speed when it was evaluated, age and run.

    Args:
        name: of the registered model; None for all.

    Raises:
        InputError: there is none, or MLflow cannot be used.
    """
    store.silence()
    known = registry.versions(name)
    if not known:
        raise InputError("No model is registered: `sentiment run-pipeline` registers every LSTM that it trains.")
    heads = ["version", "aliases", "test accuracy (95 % interval)", "log loss", "size", "reviews/s", "age", "run"]
    console.table("Registered models", heads, [_row(version) for version in known])


def _row(version: Version) -> list[str]:
    figures = version.metrics
    return [
        f"{version.name} {version.number}",
        ", ".join(version.aliases),
        _accuracy(version),
        f"{figures['test_log_loss']:.4f}" if "test_log_loss" in figures else "",
        f"{figures[registry.SIZE] / 2**20:.1f} MiB" if registry.SIZE in figures else "",
        f"{figures[registry.SPEED]:,.0f}" if registry.SPEED in figures else "",
        age_in_words(time.time() - version.created),
        version.run_id,
    ]


def _accuracy(version: Version) -> str:
    figures, interval = version.metrics, version.accuracy_interval
    if "test_accuracy" not in figures:
        return ""
    ends = "" if interval is None else f" ({100 * interval[0]:.2f} to {100 * interval[1]:.2f})"
    return f"{100 * figures['test_accuracy']:.2f} %{ends}"


def age_in_words(seconds: float) -> str:
    """The largest whole unit of a time that has passed, such as `3 days`."""
    for size, unit in AGES:
        if (count := int(seconds // size)) >= 1:
            return f"{count} {unit}{'' if count == 1 else 's'}"
    return "now"
