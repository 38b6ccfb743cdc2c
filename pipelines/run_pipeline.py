"""The training pipeline: every stage for every model and seed, logged to MLflow as a parent run with a child run each.

Killed and started again with the same configuration, it takes up the MLflow runs that it left, as it does its stages.

Raises InputError for what a stage cannot use, and where MLflow cannot be reached.
"""

import functools
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pipelines.advice import advise
from pipelines.model_card import MODEL_CARD_FILE, model_card
from pipelines.models import IMDB_NAME
from pipelines.registration import folder_of_best, logged_model, register, show_next_steps
from pipelines.stages.comparison import (
    COMPARISON_FILE,
    DIFFERENCES_FILE,
    FLIPS_FILE,
    REPORT_FILE,
    check_report,
    compare,
    owner_of,
)
from pipelines.stages.context import Context, resume_key
from pipelines.stages.data import Prepared, prepare
from pipelines.stages.evaluation import Outcome, evaluate, evaluate_linear_model
from pipelines.stages.side_by_side import side_by_side
from pipelines.stages.training import Trained
from pipelines.working_directory import Stage
from sentiment.data.vocabulary import tokenize
from sentiment.engine.cells import CELLS, CellName
from sentiment.evaluation.comparison import Comparison
from sentiment.evaluation.metrics import metric_rows
from sentiment.evaluation.result import Result
from sentiment.reporting import plots
from sentiment.reporting.pages import markdown_table
from sentiment.reporting.playground import Example, render_playground
from sentiment.tracking import model, registry, runs, store
from sentiment.tracking.champion import LoggedModel
from sentiment.training.linear_model import LINEAR_MODEL, LINEAR_MODEL_NAME

NAMES = {**{cell.layer: name for name, cell in CELLS.items()}, LINEAR_MODEL: LINEAR_MODEL_NAME}
"""Title of a model -> its name in tags and metrics."""

REGISTERED_CELL: CellName = "lstm"

EXPERIMENT, SYNTHETIC_EXPERIMENT = "sentiment", "sentiment-demo"

ABOUT_EXPERIMENT = (
    "Runs of `sentiment run-pipeline`. A parent run stands for a pipeline: its description tells the verdicts, its "
    "metrics the accuracy of every model with its 95 % interval, and its artifact `comparison.csv` all other metrics. "
    "Below it is a child run for every model and seed, with curves, figures, predictions and the logged model."
)


def run_pipeline(
    context: Context,
    experiment: str | None,
    register_as: str | None,
    output: Path | None = None,
    *,
    promote: bool = False,
) -> None:
    """Load, vocabulary, pad; train and evaluate each network and the linear model; compare; register LSTMs and that.

    At the end it shows the commands that use the LSTM of lowest validation loss; without an LSTM, the first network.

    Args:
        experiment: of MLflow; None for EXPERIMENT, or for synthetic reviews SYNTHETIC_EXPERIMENT.
        register_as: name of the registered model that each LSTM and the linear model become versions of; None for
            none.
        promote: whether the LSTM becomes champion whatever it is worth.
        output: where the report goes; None for report.html beside the working directory.
    """
    store.silence()
    if output is not None:
        check_report(output, owner_of(context))
    config = context.config
    prepared = prepare(context)
    usual = SYNTHETIC_EXPERIMENT if config.source.is_synthetic else EXPERIMENT
    tracked = TrackedPipeline(context, prepared, experiment or usual)
    outcomes: dict[str, list[Outcome]] = {}
    networks: dict[CellName, list[LoggedModel]] = {}
    linear_model: list[LoggedModel] = []
    with tracked.parent() as parent, side_by_side(context, prepared, config.trials()) as train:
        for trial in config.trials():
            with tracked.child(parent, trial.name, title=trial.title, seed=trial.seed) as child:
                log_epochs = functools.partial(runs.log_history, child)
                trained = train(trial, log_epochs)
                outcome = evaluate(context, prepared, trained, trial.name, trial.title)
                _log_outcome(child, f"{trial.title}{context.of_reviews}", outcome)
                _log_explanations(trained, outcome.result, note=context.note)
                card = _log_card(context, prepared, outcome, trial.seed)
                model_id = model.log_classifier(child, trained.folder)
            networks.setdefault(trial.cell, []).append(logged_model(outcome, model_id, card))
            outcomes.setdefault(trial.title, []).append(outcome)
        if config.linear_model:
            with tracked.child(parent, LINEAR_MODEL, title=LINEAR_MODEL, seed=config.seeds[0]) as child:
                outcome = evaluate_linear_model(context, prepared)
                _log_outcome(child, f"{LINEAR_MODEL}{context.of_reviews}", outcome)
                card = _log_card(context, prepared, outcome, config.seeds[0])
                model_id = model.log_classifier(child, outcome.trained.folder)
            linear_model.append(logged_model(outcome, model_id, card))
            outcomes[LINEAR_MODEL] = [outcome]
        compared, comparison, report = compare(
            context, outcomes, output, run_id=parent.info.run_id, lost=prepared.summary()["lost"]
        )
        _log_comparison(context, parent, compared, comparison)
        _log_curves({f"{title}{context.of_reviews}": of_seeds for title, of_seeds in comparison.results.items()})
        cell = REGISTERED_CELL if REGISTERED_CELL in networks else config.models[0]
        has_start = registry.has_champion(IMDB_NAME)
        for sentence in advise(config, prepared, comparison, CELLS[cell].layer, has_start=has_start):
            context.console.say(f"            {sentence}", style="yellow")
        if register_as is not None and cell == REGISTERED_CELL:
            uri = register(context, register_as, networks[cell], linear_model, report, promote=promote)
        else:
            uri = folder_of_best(networks[cell], outcomes[CELLS[cell].layer])
    show_next_steps(context, uri)
    if lost := prepared.summary()["lost"]:
        context.console.warn(lost)


@dataclass(frozen=True)
class TrackedPipeline:
    """The MLflow runs of one pipeline."""

    context: Context
    prepared: Prepared
    experiment: str

    @contextmanager
    def parent(self) -> Iterator[runs.Run]:
        """The run of the whole pipeline, with its configuration and its corpus."""
        config = self.context.config
        name = f"{' vs '.join(CELLS[cell].layer for cell in config.models)} on {config.source.source}"
        seeds = ",".join(map(str, config.seeds))
        key = resume_key(self.context.work, self.prepared.digest_of_padded, config.model_dump_json())
        tags = {**self.context.tags, "seed": seeds}
        about = self.context.description(ABOUT_EXPERIMENT)
        with runs.tracked_run(
            name, experiment=self.experiment, tags=tags, resume_key=key, about_experiment=about
        ) as parent:
            self.context.console.say(f"mlflow      run {parent.info.run_id} in experiment {self.experiment}")
            runs.log_parameters(config.flat())
            runs.log_json(self.prepared.summary(), "corpus.json")
            self._log_datasets()
            yield parent

    @contextmanager
    def child(self, parent: runs.Run, name: str, *, title: str, seed: int, fold: str = "") -> Iterator[runs.Run]:
        """The run of one model with one seed; of one fold, where the pipeline has several."""
        model_name = NAMES[title]
        tags = {**self.context.tags, "model": model_name, "seed": str(seed), runs.COLOUR_TAG: self._colours[title]}
        key = f"{parent.info.run_id}:{model_name}:{seed}"
        if fold:
            tags["fold"] = fold
            key += f":{fold}"
        with runs.tracked_run(name, experiment=self.experiment, tags=tags, resume_key=key, nested=True) as child:
            runs.log_parameters({**self.context.config.flat(), "models": model_name, "seeds": seed})
            self._log_datasets()
            yield child

    @property
    def _colours(self) -> dict[str, str]:
        titles = [*(CELLS[cell].layer for cell in self.context.config.models), LINEAR_MODEL]
        return dict(zip(titles, plots.COLOURS, strict=False))

    def _log_datasets(self) -> None:
        source, corpus = self.context.config.source.source, self.prepared.corpus
        runs.log_dataset(corpus.train, name=f"{source}-train", source=source, context="training")
        if len(corpus.test):
            runs.log_dataset(corpus.test, name=f"{source}-test", source=source, context="evaluation")


def _log_outcome(child: runs.Run, title: str, outcome: Outcome) -> None:
    """The metrics, tables and figures of one model; figures also as images that the chart view sets side by side."""
    result = outcome.result
    runs.log_metrics(child, runs.tracked_metrics(result.metrics))
    failures = result.behaviour.groupby("capability")[["cases", "failures"]].sum()
    runs.log_metrics(
        child,
        {
            f"test_behaviour_{str(capability).replace(' ', '_')}_failure_rate": row["failures"] / row["cases"]
            for capability, row in failures.iterrows()
            if row["cases"]
        },
    )
    for path in outcome.tables:
        runs.log_file(path)
    _log_curves({title: [result]})
    confusion_matrix = plots.confusion_matrix(result.metrics, title)
    runs.log_figure(confusion_matrix, "confusion_matrix")
    probabilities = {title: [result.probabilities]}
    for key, figure in (
        ("confusion_matrix", confusion_matrix),
        ("roc_curve", plots.roc_curves(result.labels, probabilities)),
        ("reliability_diagram", plots.reliability_diagram(result.labels, probabilities)),
    ):
        runs.log_image(child, figure, key)


def _log_card(context: Context, prepared: Prepared, outcome: Outcome, seed: int) -> str:
    card = model_card(context, prepared, outcome, seed)
    runs.log_text(card, MODEL_CARD_FILE)
    return card


def _log_explanations(trained: Trained, result: Result, *, note: str) -> None:
    """How a network read three test reviews: the surest right and wrong ones, and the most undecided."""
    classifier = trained.classifier()
    readable = np.array([bool(tokenize(text)) for text in result.predictions["text"]])
    sureness = np.where(readable, np.abs(result.probabilities - classifier.threshold), np.nan)
    cases = {
        "Surest right": np.where(result.correct, sureness, np.nan),
        "Surest wrong": np.where(result.correct, np.nan, sureness),
        "Most undecided": -sureness,
    }
    reviews = {
        title: result.predictions.iloc[int(np.nanargmax(score))]
        for title, score in cases.items()
        if not np.isnan(score).all()
    }
    examples = [Example(title, review["text"], review["label"]) for title, review in reviews.items()]
    page = render_playground(classifier, examples, name=classifier.network.name, note=note)
    runs.log_text(page, "playground.html")
    runs.log_file(trained.vocabulary_file)


def _log_comparison(context: Context, parent: runs.Run, compared: Stage, comparison: Comparison) -> None:
    """The accuracy of each model with its interval, tables, the report and a description."""
    figures_of_parent: dict[str, float] = {}
    for title, (value, low, high) in comparison.accuracies.items():
        name = f"{NAMES[title]}_test_accuracy"
        figures_of_parent |= {name: value, f"{name}_low": low, f"{name}_high": high}
    runs.log_metrics(parent, figures_of_parent)
    for name in (COMPARISON_FILE, DIFFERENCES_FILE, FLIPS_FILE, REPORT_FILE):
        if (compared.folder / name).exists():  # one model alone has no flips
            runs.log_file(compared.folder / name)
    table = markdown_table(*metric_rows(comparison.metrics))
    verdicts = "\n".join(f"- {difference.verdict}" for difference in comparison.differences)
    runs.set_description(context.description(verdicts, comparison.scope, table))


def _log_curves(models: Mapping[str, Sequence[Result]]) -> None:
    """Learning, ROC, precision-recall and reliability curves on common axes; models: title -> a result per seed."""
    labels = next(iter(models.values()))[0].labels  # the same for all
    probabilities = {title: [result.probabilities for result in of_seeds] for title, of_seeds in models.items()}
    histories = {t: [r.history for r in of_seeds] for t, of_seeds in models.items() if of_seeds[0].history}
    if histories:
        runs.log_figure(plots.learning_curves(histories), "learning_curves")
    runs.log_figure(plots.roc_curves(labels, probabilities), "roc_curve")
    runs.log_figure(plots.precision_recall_curves(labels, probabilities), "precision_recall_curve")
    runs.log_figure(plots.reliability_diagram(labels, probabilities), "reliability_diagram")
