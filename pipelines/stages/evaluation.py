"""From a classifier to figures: evaluate on the test split, for networks and the linear model, and Outcome."""

import functools
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from pipelines.configuration import Trial
from pipelines.files import write_json
from pipelines.stages.context import Context, versions
from pipelines.stages.data import Prepared
from pipelines.stages.linear_model import FittedLinearModel, fit_linear_model
from pipelines.stages.training import Trained, train_network
from pipelines.working_directory import Stage
from sentiment.engine.recurrent_model import engine_here
from sentiment.evaluation.behaviour import behaviour_sentences, found_in
from sentiment.evaluation.result import TABLE_FILES, Result, evaluate_classifier
from sentiment.evaluation.validation_profile import ValidationProfile
from sentiment.training.counterfactuals import written_by_rule
from sentiment.training.linear_model import LINEAR_MODEL

SEEN_FILE = "seen_sentences.json"

CODE = ("data", "engine", "evaluation")
"""Wings of `sentiment` that figures come from, beside those of the model."""

SEEN_CODE = (
    "data",
    *(f"evaluation/behaviour{ending}" for ending in (".py", ".toml")),
    *(f"training/counterfactuals{ending}" for ending in (".py", ".toml")),
)
"""What finds the sentences of the behavioural tests in training texts."""


@dataclass(frozen=True)
class Outcome:
    """One model with one seed, evaluated.

    Attributes:
        name: of the trial, or of the linear model.
        evaluated: the stage that evaluated it.
        trained: what was evaluated.
    """

    name: str
    evaluated: Stage
    trained: Trained | FittedLinearModel

    @functools.cached_property
    def result(self) -> Result:
        """What the stages left."""
        return Result.load(self.evaluated.folder, self.name)

    @property
    def tables(self) -> list[Path]:
        """Files that hold predictions, slices, mistakes, behaviour, and what guarantees were worth."""
        return [self.evaluated.folder / name for name in TABLE_FILES]


def evaluate_all(
    context: Context, prepared: Prepared, trials: Sequence[Trial], *, linear_model: bool
) -> dict[str, list[Outcome]]:
    """Train and evaluate networks, and the linear model once; title of the model -> its outcomes."""
    outcomes: dict[str, list[Outcome]] = {}
    for trial in trials:
        trained = train_network(context, prepared, trial)
        outcomes.setdefault(trial.title, []).append(evaluate(context, prepared, trained, trial.name, trial.title))
    if linear_model:
        outcomes[LINEAR_MODEL] = [evaluate_linear_model(context, prepared)]
    return outcomes


def evaluate(
    context: Context, prepared: Prepared, trained: Trained | FittedLinearModel, name: str, title: str
) -> Outcome:
    """The classifier on the test texts -> metrics, predictions, slices, confident mistakes, behaviour and guarantees.

    Args:
        name: of the trial, or of the linear model.
        title: of the model.
    """
    stage, seen = trained.stage, find_seen_sentences(context, prepared)

    def run(folder: Path) -> None:
        classifier = trained.classifier()
        profile = ValidationProfile.load(trained.folder, classifier)
        abstentions = profile.abstentions if profile else ()
        seen_sentences = frozenset(seen.read_json(SEEN_FILE))
        result = evaluate_classifier(classifier, prepared.corpus.test, name, abstentions, seen_sentences)
        metrics = {**result.metrics, **trained.costs()}
        replace(result, metrics=metrics, history=trained.history()).save(folder)

    key = {
        stage.name: stage.digest,
        "seen_sentences": seen.digest,
        "load": prepared.loaded.digest,
        "engine": engine_here(),
        **versions("numpy", "scikit-learn"),
    }
    read = f"test of load {prepared.loaded.digest}, {title} of {stage.name} {stage.digest}"
    return Outcome(name, context.run_stage("evaluate", read, key, run, code=CODE), trained)


def find_seen_sentences(context: Context, prepared: Prepared) -> Stage:
    """Training and unlabelled texts -> seen_sentences.json: of the behavioural tests, what no model is tested on.

    These sentences stand in the texts, or the rule for counterfactuals may write them from the texts. They are left out
    for models without counterfactuals too, so that all of a corpus have the same cases.
    """

    def run(folder: Path) -> None:
        corpus, sentences = prepared.corpus, behaviour_sentences()
        texts = [*corpus.train.texts, *corpus.unlabelled.texts]
        write_json(folder / SEEN_FILE, sorted(found_in(sentences, texts) | written_by_rule(sentences, texts)))

    read = f"train and unlabelled of load {prepared.loaded.digest}"
    return context.run_stage("seen-sentences", read, {"load": prepared.loaded.digest}, run, code=SEEN_CODE)


def evaluate_linear_model(context: Context, prepared: Prepared) -> Outcome:
    """The linear model of the first seed on the test texts -> what `evaluate` writes."""
    fitted = fit_linear_model(context, prepared, context.config.seeds[0])
    return evaluate(context, prepared, fitted, LINEAR_MODEL, LINEAR_MODEL)
