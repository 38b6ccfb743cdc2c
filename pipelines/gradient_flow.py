"""The gradient flow pipeline: how far the loss of real reviews reaches back in an LSTM, a SimpleRNN and a GRU.

Figures and CSV lie in the working directory; the MLflow run holds them too, with a child run per network whose metrics
have the time step as their step.
"""

import functools
from pathlib import Path

import numpy as np
import pandas as pd

from pipelines.stages import SYNTHETIC_NOTE, Pipeline, Prepared, prepare, train
from pipelines.working_directory import Stage, write_json
from sentiment.classifier import SentimentClassifier
from sentiment.data.sequences import pad_texts
from sentiment.data.vocabulary import PADDING, Vocabulary
from sentiment.errors import InputError
from sentiment.inside.gradient_flow import FACTOR, measure_gradient_flow
from sentiment.reporting import figures
from sentiment.tracking import runs as tracking
from sentiment.training.models import CELLS, CellName, build_model
from sentiment.training.trainer import split_validation


def run_gradient_flow(
    pipeline: Pipeline,
    cells: tuple[CellName, ...],
    *,
    length: int | None,
    reviews: int,
    fresh: bool,
    experiment: str,
) -> None:
    """Measure the gradients of every network, with the first seed, on validation reviews, show them and log them to
    MLflow.

    Args:
        length: tokens of a review, from its end that the model keeps; None for the model's `maxlen`.
        reviews: most reviews to measure on.
        fresh: measure networks with their initial weights, not trained ones.

    Raises:
        InputError: what a stage raises; a length beyond `maxlen`; no validation review is that long; MLflow cannot be
            reached.
    """
    tracking.silence()
    config, console = pipeline.config, pipeline.console
    seed = config.seeds[0]
    maxlen = config.sequences.maxlen
    length = maxlen if length is None else length
    if not 2 <= length <= maxlen:
        raise InputError(
            f"--length is {length}, but the model reads 2 to {maxlen} tokens: choose it so or set --maxlen."
        )
    prepared = prepare(pipeline)
    inputs, labels = _long_reviews(pipeline, prepared, length, reviews)
    trained = {} if fresh else {cell: train(pipeline, prepared, cell, seed) for cell in cells}

    def run(folder: Path) -> None:
        tables, summary = {}, {}
        for cell in cells:
            if fresh:
                num_words = config.vocabulary.num_words
                network = build_model(cell, config.model, num_words=num_words, maxlen=maxlen, seed=seed)
            else:
                network = SentimentClassifier.load(trained[cell].folder / "classifier").network
            flow = measure_gradient_flow(network, inputs, labels)
            tables[cell] = flow.by_step()
            summary[cell] = {"steps_to_vanish": flow.steps_to_vanish(), "exploding_share": flow.exploding_share()}
        pd.concat(tables, names=["model"]).to_csv(folder / "gradient_flow.csv")
        write_json(folder / "summary.json", summary)
        kind = "fresh" if fresh else "trained"
        of_reviews = "synthetic reviews" if config.source.is_synthetic else "reviews"
        title = f"{kind} networks, {len(inputs)} {of_reviews} of {length} tokens"
        titled = {CELLS[cell]: table for cell, table in tables.items()}
        figures.gradient_flow(titled, title).savefig(folder / "gradient_flow.png")

    models: dict[str, object] = {cell: stage.digest for cell, stage in trained.items()}
    if fresh:
        models = {cell: config.model.model_dump() for cell in cells}
    stage = pipeline.stage(
        "gradient-flow",
        f"{len(inputs)} validation reviews of {length} tokens",
        {"models": list(models.items()), "pad": prepared.padded.digest, "length": length, "reviews": len(inputs),
         "seed": seed, "validation_share": config.training.validation_share},
        run,
    )  # fmt: skip
    _show(pipeline, stage, length)
    _log(pipeline, stage, cells, experiment, {"length": length, "reviews": len(inputs), "fresh": fresh})
    console.say(f"            figure: {stage.folder / 'gradient_flow.png'}")


def _long_reviews(pipeline: Pipeline, prepared: Prepared, length: int, most: int) -> tuple[np.ndarray, np.ndarray]:
    """Validation reviews cut to `length` tokens, none of them padding: (reviews, length), and labels (reviews,)."""
    config = pipeline.config
    table = pd.read_parquet(prepared.loaded.folder / "train.parquet")
    labels = table["label"].to_numpy()
    _, validation = split_validation(labels, config.training.validation_share, config.seeds[0])
    vocabulary = Vocabulary.load(prepared.fitted.folder / "vocabulary.json")
    sequences = config.sequences.model_copy(update={"maxlen": length})
    inputs = pad_texts(table["text"].iloc[validation], vocabulary, sequences)
    whole = np.flatnonzero((inputs != PADDING).all(axis=1))[:most]
    if not len(whole):
        raise InputError(f"None of the {len(validation):,} validation reviews has {length} tokens: lower --length.")
    return inputs[whole], labels[validation][whole]


def _show(pipeline: Pipeline, stage: Stage, length: int) -> None:
    table = pd.read_csv(stage.folder / "gradient_flow.csv", index_col=["model", "step"])
    rows = []
    for cell, summary in stage.read_json("summary.json").items():
        steps, share = summary["steps_to_vanish"], summary["exploding_share"]
        median = table.loc[cell, "median"]
        rows.append(
            [
                CELLS[cell],
                f"{median.iloc[-1]:.1e}",
                f"{median.iloc[0]:.1e}",
                f"not within {length}" if steps is None else str(steps),
                f"in {share:.0%} of the reviews" if share else "no",
            ]
        )
    synthetic = " (synthetic reviews)" if pipeline.config.source.is_synthetic else ""
    pipeline.console.table(
        f"Norm of the gradient of the loss by the hidden state, {length} steps{synthetic}",
        ["model", "median at the last step", "at the first", f"steps to fall {FACTOR}-fold", "explodes"],
        rows,
    )


def _log(
    pipeline: Pipeline, stage: Stage, cells: tuple[CellName, ...], experiment: str, parameters: dict[str, object]
) -> None:
    source = pipeline.config.source
    tags = {
        "source": source.source,
        "synthetic": str(source.is_synthetic).lower(),
        "seed": str(pipeline.config.seeds[0]),
    }
    table = pd.read_csv(stage.folder / "gradient_flow.csv", index_col=["model", "step"])
    key = f"gradient-flow:{pipeline.work.path.resolve()}:{stage.digest}"
    tracked_run = functools.partial(tracking.tracked_run, experiment=experiment)
    name = f"Gradient flow on {source.source}"
    with tracked_run(name, resume_key=key, tags=tags) as parent:
        pipeline.console.say(f"mlflow      run {parent.info.run_id} in experiment {experiment}")
        tracking.log_parameters({**pipeline.config.flat(), **parameters})
        tracking.log_file(stage.folder / "gradient_flow.csv")
        tracking.log_file(stage.folder / "gradient_flow.png")
        if source.is_synthetic:
            tracking.set_description(f"**{SYNTHETIC_NOTE}**")
        summaries = stage.read_json("summary.json")
        for cell in cells:
            child_key = f"{parent.info.run_id}:{cell}"
            with tracked_run(CELLS[cell], tags={**tags, "model": cell}, resume_key=child_key, nested=True) as child:
                tracking.log_parameters({"cell": cell, **parameters})
                series = {f"gradient_norm_{column}": values.tolist() for column, values in table.loc[cell].items()}
                tracking.log_series(child, series)
                found = {metric: value for metric, value in summaries[cell].items() if value is not None}
                tracking.log_metrics(child, found)
