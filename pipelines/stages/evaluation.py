"""evaluate: a trained model on the test split, and Result of what it left."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from pipelines.files import write_json
from pipelines.stages.cache import environment
from pipelines.stages.context import Context
from pipelines.working_directory import Stage
from sentiment.classifier import SentimentClassifier
from sentiment.evaluation.behaviour import behaviour_sentences, found_in
from sentiment.evaluation.result import Result, evaluate_classifier
from sentiment.saved_classifier import CLASSIFIER_FOLDER
from sentiment.training.counterfactuals import written_by_rule
from sentiment.training.recipe import Recipe
from sentiment.training.steps import Output
from sentiment.training.trained import Candidate, Trained

SEEN_FILE = "seen_sentences.json"

SEEN_CODE = (
    "data",
    *(f"evaluation/{name}" for name in ("behaviour.py", "behaviour.toml", "behaviour_blind.toml")),
    *(f"training/counterfactuals{ending}" for ending in (".py", ".toml")),
)
"""What finds the sentences of the behavioural tests in training texts."""


def train_and_evaluate(context: Context, recipe: Recipe, candidates: Sequence[Candidate]) -> dict[str, list[Result]]:
    """Train the candidates one after the other and test them; title of each model -> its results."""
    results: dict[str, list[Result]] = {}
    for candidate in candidates:
        result = evaluate(context, recipe, candidate, recipe.train(candidate))
        results.setdefault(candidate.title, []).append(result)
    return results


def evaluate(context: Context, recipe: Recipe, candidate: Candidate, trained: Output[Trained]) -> Result:
    """A trained model on the test texts -> metrics, predictions, slices, confident mistakes, behaviour and promises."""
    loaded, seen = recipe.corpus, find_seen_sentences(context, recipe)

    def run(folder: Path) -> None:
        classifier = SentimentClassifier.from_trained(trained.value)
        abstentions = trained.value.profile.abstentions
        sentences = frozenset(seen.read_json(SEEN_FILE))
        result = evaluate_classifier(classifier, loaded.value.test, candidate.name, abstentions, sentences)
        metrics = {**result.metrics, **trained.value.costs}
        replace(result, metrics=metrics, history=trained.value.history).save(folder)

    key = {
        trained.name: trained.digest,
        "seen_sentences": seen.digest,
        "load": loaded.digest,
        "name": candidate.name,
        "environment": environment(),
    }
    read = f"test of load {loaded.digest}, {candidate.title} of {trained.name} {trained.digest}"
    stage = context.run_stage("evaluate", read, key, run, code=("data", "engine", "evaluation"))
    assert trained.folder is not None
    return replace(
        Result.load(stage.folder, candidate.name),
        digest=stage.digest,
        classifier_folder=trained.folder / CLASSIFIER_FOLDER,
    )


def find_seen_sentences(context: Context, recipe: Recipe) -> Stage:
    """Training and unlabelled texts -> seen_sentences.json: of the behavioural tests, what no model is tested on.

    These sentences stand in the texts, or the rule for counterfactuals may write them from the texts. They are left out
    for models without counterfactuals too, so that all of a corpus have the same cases.
    """
    loaded = recipe.corpus

    def run(folder: Path) -> None:
        corpus, sentences = loaded.value, behaviour_sentences()
        texts = [*corpus.train.texts, *corpus.unlabelled.texts]
        write_json(folder / SEEN_FILE, sorted(found_in(sentences, texts) | written_by_rule(sentences, texts)))

    read = f"train and unlabelled of load {loaded.digest}"
    return context.run_stage("seen-sentences", read, {"load": loaded.digest}, run, code=SEEN_CODE)
