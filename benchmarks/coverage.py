"""Do 95 % intervals of a difference in accuracy hold the true difference in 95 of 100 comparisons? A simulation.

    python -m benchmarks.coverage [--simulations 6000] [--seed 0]

In each simulated comparison, two models are trained with some seeds each, and judge the same test reviews. The true
accuracy of a run is drawn around that of its model. Whether a run judges a review rightly depends on three normal
numbers: how hard the review is for both models, how hard it is for this model, and chance of this run (a probit
model). So mistakes are correlated, more between runs of one model than between models. Writes benchmarks/COVERAGE.md.
"""

import argparse
import itertools
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.special import ndtri

from sentiment.evaluation.significance import estimate_difference

RESULTS = Path(__file__).parent / "COVERAGE.md"
ACCURACIES = (0.87, 0.82)
BETWEEN_MODELS, WITHIN_MODEL = 0.6, 0.85
"""Correlation of how hard a review is for two models, and for two runs of one model."""

SEEDS, REVIEWS = (2, 3, 5), (5_000, 25_000)
SPREADS = ((0.003, 0.003), (0.006, 0.006), (0.012, 0.012), (0.003, 0.012), (0.012, 0.003))
"""Standard deviation of the true accuracy over seeds, of the two models."""


MANY_JUDGEMENTS = 100_000
"""With more judgements of a model in a comparison than this, a quarter of the comparisons is simulated."""


@dataclass(frozen=True)
class Setting:
    """A kind of comparison to simulate.

    Attributes:
        seeds: of each model.
        reviews: in the test split.
        spreads: standard deviation of the true accuracy of runs over seeds, for each model, as shares.
    """

    seeds: int
    reviews: int
    spreads: tuple[float, float]

    def simulations(self, most: int) -> int:
        """How many comparisons are simulated where `most` are asked for."""
        return most if self.seeds * self.reviews <= MANY_JUDGEMENTS else most // 4


def draw_judgements(setting: Setting, generator: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Whether each run of the two models judges each review rightly: two arrays bool (seeds, N)."""

    def normal(*shape: int) -> np.ndarray:
        return generator.standard_normal(shape, np.float32)

    shared = np.sqrt(BETWEEN_MODELS) * normal(setting.reviews)  # (N,)
    judged = []
    for accuracy, spread in zip(ACCURACIES, setting.spreads, strict=True):
        of_runs = np.clip(generator.normal(accuracy, spread, setting.seeds), 0.01, 0.99)  # (seeds,)
        hardness = shared + np.sqrt(WITHIN_MODEL - BETWEEN_MODELS) * normal(setting.reviews)
        chance = np.float32(np.sqrt(1 - WITHIN_MODEL)) * normal(setting.seeds, setting.reviews)
        judged.append(hardness + chance < ndtri(of_runs)[:, None])
    return judged[0], judged[1]


def coverage(setting: Setting, simulations: int, seed: int) -> float:
    """The share of simulated comparisons whose interval holds the true difference."""
    if setting.seeds == 1 and any(setting.spreads):
        raise ValueError("An interval of one seed speaks of the runs alone: their true accuracies must not vary.")
    generator = np.random.default_rng(
        [seed, setting.seeds, setting.reviews, *(round(1e6 * s) for s in setting.spreads)]
    )
    truth, covered = ACCURACIES[0] - ACCURACIES[1], 0
    for _ in range(simulations):
        low, high = estimate_difference(*draw_judgements(setting, generator)).interval
        covered += low <= truth <= high
    return covered / simulations


def disagreement() -> tuple[float, float, float]:
    """The share of reviews that one run alone judges rightly: of two runs of each model, and of both models."""
    first, second = draw_judgements(Setting(2, 1_000_000, (0.0, 0.0)), np.random.default_rng(0))
    return (
        float(np.mean(first[0] != first[1])),
        float(np.mean(second[0] != second[1])),
        float(np.mean(first[0] != second[0])),
    )


def simulate(simulations: int, seed: int) -> pd.DataFrame:
    """A row per setting: `seeds`, `reviews`, `first`, `second` (spreads in points) and `coverage`."""
    settings = [Setting(1, reviews, (0.0, 0.0)) for reviews in (100, 500, *REVIEWS)]
    settings += [Setting(*values) for values in itertools.product(SEEDS, REVIEWS, SPREADS)]
    rows = []
    for setting in settings:
        covered = coverage(setting, setting.simulations(simulations), seed)
        first, second = (100 * spread for spread in setting.spreads)
        rows.append((setting.seeds, setting.reviews, first, second, covered))
        spread = f"{first:.1f} and {second:.1f} points"
        print(f"seeds {setting.seeds}, reviews {setting.reviews:,}, between seeds {spread}: {covered:.3f}", flush=True)
    return pd.DataFrame(rows, columns=["seeds", "reviews", "first", "second", "coverage"])


def render(table: pd.DataFrame, simulations: int, seed: int) -> str:
    """The text of COVERAGE.md."""
    first, second, both = (f"{100 * share:.1f} %" for share in disagreement())
    several = table[table["seeds"] > 1]
    error, most = np.sqrt(0.05 * 0.95 / simulations), Setting(max(SEEDS), max(REVIEWS), SPREADS[0])
    lines = [
        "# Coverage of the 95 % intervals",
        "",
        f"Share of {simulations:,} simulated comparisons whose interval holds the true difference, by",
        f"`python -m benchmarks.coverage --simulations {simulations} --seed {seed}`. "
        f"The true accuracies of two models are {' and '.join(f'{100 * accuracy:.0f} %' for accuracy in ACCURACIES)}.",
        f"Two runs of the first model disagree on {first} of the reviews, two of the second on {second},",
        f"and one of each on {both}. The standard error of a figure is {error:.4f}; that of {most.seeds} seeds and",
        f"{most.reviews:,} reviews is {2 * error:.4f}, from a quarter of the comparisons.",
        "",
        f"With several seeds the coverage lies between {several['coverage'].min():.3f} and "
        f"{several['coverage'].max():.3f}. The columns are the standard deviations of",
        "the true accuracy over seeds, in points, of the first and the second model.",
        "",
        "| seeds | reviews | " + " | ".join(f"{100 * a:.1f}, {100 * b:.1f}" for a, b in SPREADS) + " |",
        "|---:|---:|" + "---:|" * len(SPREADS),
    ]
    for (seeds, reviews), rows in several.groupby(["seeds", "reviews"]):
        lines.append(f"| {seeds} | {reviews:,} | " + " | ".join(f"{c:.3f}" for c in rows["coverage"]) + " |")
    lines += [
        "",
        "With one seed the interval covers the choice of test reviews alone. "
        "The true difference is that of the two runs.",
        "",
        "| reviews | coverage |",
        "|---:|---:|",
    ]
    lines += [f"| {row.reviews:,} | {row.coverage:.3f} |" for row in table[table["seeds"] == 1].itertuples()]
    return "\n".join(lines) + "\n"


def main() -> None:
    """Simulate, print and write COVERAGE.md."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--simulations", type=int, default=6_000, help="comparisons for each setting")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    table = simulate(arguments.simulations, arguments.seed)
    RESULTS.write_text(render(table, arguments.simulations, arguments.seed), "utf-8")


if __name__ == "__main__":
    main()
