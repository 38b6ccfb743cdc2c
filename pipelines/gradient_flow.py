"""The gradient flow pipeline: how far the loss of real reviews reaches back in an LSTM, a SimpleRNN and a GRU.

Figures and CSV lie in the working directory; the MLflow run holds them too, with a child run per network whose metrics
have the time step as their step.
"""

import functools
from pathlib import Path

import numpy as np
import pandas as pd

from pipelines.files import write_json
from pipelines.stages.cache import environment, resume_key
from pipelines.stages.context import Context
from pipelines.stages.load import load
from pipelines.working_directory import Stage
from sentiment.classifier import SentimentClassifier
from sentiment.data.sequences import pad_texts
from sentiment.data.vocabulary import PADDING
from sentiment.engine.cells import CELLS
from sentiment.errors import InputError
from sentiment.interpretation.gradient_flow import FACTOR, measure_gradient_flow
from sentiment.reporting import plots
from sentiment.tracking import runs, store
from sentiment.training.recipe import Recipe

TABLE_FILE, SUMMARY_FILE, FIGURE_FILE = "gradient_flow.csv", "summary.json", "gradient_flow.png"

ABOUT_EXPERIMENT = (
    "Runs of `sentiment gradient-flow`: how the gradient of the loss grows or vanishes over the steps of a review. A "
    "parent run holds the table and the figure; below it is a child run for every kind of network."
)


def run_gradient_flow(context: Context, *, length: int | None, reviews: int, fresh: bool, experiment: str) -> None:
    """Measure the gradients of every network, with the first seed, on validation reviews, show them and log them.

    Args:
        length: tokens of a review, from its end that the model keeps; None for as many as `reviews` of them have, at
            most the model's `maxlen`.
        reviews: most reviews to measure on.
        fresh: measure networks with their initial weights, not trained ones.
        experiment: of MLflow.

    Raises:
        InputError: what a stage raises; a length beyond `maxlen`; no validation review is that long; fresh networks of
            a start; MLflow cannot be reached.
    """
    store.silence()
    config, console = context.config, context.console
    if fresh and context.start is not None:
        raise InputError("--fresh measures untrained networks, and --start-from names a trained one: give one of them.")
    maxlen = config.sequences.maxlen
    if length is not None and not 2 <= length <= maxlen:
        raise InputError(
            f"--length is {length}, but the model reads 2 to {maxlen} tokens: choose it so or set --maxlen."
        )
    networks = [each for each in config.candidates() if each.seed == config.seeds[0] and not each.is_linear]
    recipe = context.recipe(load(context))
    inputs, labels = _long_reviews(recipe, config.seeds[0], length, reviews)
    length = inputs.shape[1]
    trained = {} if fresh else {each.model: recipe.train(each) for each in networks}

    def run(folder: Path) -> None:
        tables, summary = {}, {}
        for each in networks:
            network = (
                recipe.build_network(each)
                if fresh
                else SentimentClassifier.from_trained(trained[each.model].value).keras_network
            )
            flow = measure_gradient_flow(network, inputs, labels)
            tables[each.model] = flow.by_step()
            summary[each.model] = {
                "steps_to_vanish": flow.steps_to_vanish(),
                "exploding_share": flow.exploding_share(),
            }
        pd.concat(tables, names=["model"]).to_csv(folder / TABLE_FILE)
        write_json(folder / SUMMARY_FILE, summary)
        title = f"{'fresh' if fresh else 'trained'} networks, {len(inputs)} reviews of {length} tokens"
        titled = {CELLS[cell].layer: table for cell, table in tables.items()}
        plots.gradient_flow(titled, f"{title}{context.suffix}").savefig(folder / FIGURE_FILE)

    key = {
        "models": [[each.model, None if fresh else trained[each.model].digest] for each in networks],
        "model": config.model.model_dump(),
        "load": recipe.corpus.digest,
        "vocabulary": recipe.prepared.vocabulary.digest,
        "length": length,
        "reviews": len(inputs),
        "seed": config.seeds[0],
        "validation_share": config.training.validation_share,
        "environment": environment(),
    }
    stage = context.run_stage(
        "gradient-flow",
        f"{len(inputs)} validation reviews of {length} tokens",
        key,
        run,
        code=("data", "training", "interpretation", "reporting"),
    )
    _show(context, stage, length)
    _log(context, stage, experiment, {"length": length, "reviews": len(inputs), "fresh": fresh})
    console.say(f"            figure: {stage.folder / FIGURE_FILE}")


def _long_reviews(recipe: Recipe, seed: int, length: int | None, most: int) -> tuple[np.ndarray, np.ndarray]:
    """Validation reviews cut to `length` tokens, none of them padding: (reviews, length), and labels (reviews,).

    Args:
        length: None for as many as `most` reviews have.

    Raises:
        InputError: no review is that long.
    """
    validation, vocabulary, sequences = (
        recipe.validation(seed),
        recipe.prepared.vocabulary.value,
        recipe.config.sequences,
    )
    lengths = (pad_texts(validation.texts, vocabulary, sequences) != PADDING).sum(axis=1)
    if length is None:
        length = max(2, int(np.sort(lengths)[-most:][0]))
    whole = np.flatnonzero(lengths >= length)[:most]
    if not len(whole):
        raise InputError(
            f"None of the {len(validation):,} validation reviews has {length} tokens, the longest has {lengths.max()}: "
            "lower --length."
        )
    sequences = sequences.model_copy(update={"maxlen": length})
    inputs = pad_texts([validation.texts[position] for position in whole], vocabulary, sequences)
    return inputs, validation.labels[whole]


def _show(context: Context, stage: Stage, length: int) -> None:
    medians = pd.read_csv(stage.folder / TABLE_FILE, index_col=["model", "step"])["median"]
    rows = []
    for cell, summary in stage.read_json(SUMMARY_FILE).items():
        steps, share, median = summary["steps_to_vanish"], summary["exploding_share"], medians.loc[cell]
        vanishes = f"not within {length}" if steps is None else str(steps)
        explodes = f"in {share:.0%} of the reviews" if share else "no"
        rows.append([CELLS[cell].layer, f"{median.iloc[-1]:.1e}", f"{median.iloc[0]:.1e}", vanishes, explodes])
    context.console.table(
        f"Norm of the gradient of the loss by the hidden state, {length} steps{context.suffix}",
        ["model", "median at the last step", "at the first", f"steps to fall {FACTOR}-fold", "explodes"],
        rows,
    )


def _log(context: Context, stage: Stage, experiment: str, parameters: dict[str, object]) -> None:
    tags = {**context.tags, "seed": str(context.config.seeds[0])}
    table = pd.read_csv(stage.folder / TABLE_FILE, index_col=["model", "step"])
    tracked_run = functools.partial(runs.tracked_run, experiment=experiment, about_experiment=ABOUT_EXPERIMENT)
    key = resume_key(context.work, "gradient-flow", stage.digest)
    name = f"Gradient flow on {context.config.source.name}"
    with tracked_run(name, resume_key=key, tags=tags) as parent:
        context.console.say(f"mlflow      run {parent.info.run_id} in experiment {experiment}")
        runs.log_params({**context.config.flat(), **parameters})
        runs.log_artifact(str(stage.folder / TABLE_FILE))
        runs.log_artifact(str(stage.folder / FIGURE_FILE))
        if context.note:
            runs.set_description(context.description())
        for cell, summary in stage.read_json(SUMMARY_FILE).items():
            child_key = f"{parent.info.run_id}:{cell}"
            child_tags = {**tags, "model": cell}
            with tracked_run(CELLS[cell].layer, tags=child_tags, resume_key=child_key) as child:
                runs.log_params({"cell": cell, **parameters})
                series = {f"gradient_norm_{name}": values.tolist() for name, values in table.loc[cell].items()}
                runs.log_series(child, series)
                runs.log_metrics(child, {metric: value for metric, value in summary.items() if value is not None})
