"""A saved classifier on a labelled table: its metrics with their intervals, as tables and as a report."""

import tempfile
from pathlib import Path

from pipelines.console import Console
from pipelines.models import located_classifier
from pipelines.stages.comparison import Findings, check_report
from sentiment.classifier import SentimentClassifier
from sentiment.data.corpus import Reviews
from sentiment.data.sources import find_files, load_corpus
from sentiment.data.sources.config import SourceConfig
from sentiment.data.sources.table import load_labelled
from sentiment.errors import InputError
from sentiment.evaluation.comparison import Comparison
from sentiment.evaluation.result import evaluate_classifier
from sentiment.evaluation.validation_profile import ValidationProfile

OWNER = "evaluation-of-a-model"
"""Which commands may replace a report on a saved classifier."""


def evaluate_model(model: str, source: SourceConfig, console: Console, output: Path) -> None:
    """Test a saved classifier on labelled reviews, without training anything.

    Args:
        model: a folder, or a model URI of MLflow.
        source: the labelled reviews: all rows of a table, or those of its test split; the test split of other sources.
            Those that the model has learned from are left out.
        output: the report, or the folder to write report.html in.

    Raises:
        InputError: there is no such model; the reviews cannot be read, or are of one class; the model has learned from
            all of them.
    """
    check_report(output, OWNER)
    with located_classifier(model) as (folder, name):
        classifier = SentimentClassifier.load(folder)
        profile = ValidationProfile.load(folder, classifier)
        reviews, notes = _labelled_reviews(source, classifier.label_names)
        if classifier.learned is not None:
            is_seen = classifier.learned.holds(reviews.texts)
            reviews, seen = reviews.where(~is_seen), int(is_seen.sum())
            if seen:
                counted = f"{seen:,} review{'s' * (seen > 1)}"
                notes += (f"{counted} left out, as {name} has learned from the same text.",)
        for note in notes:
            console.say(f"            {note}", style="yellow")
        if not len(reviews):
            raise InputError(f"{name} has learned from every one of these reviews: give others to test it on.")
        if len(set(reviews.labels.tolist())) < 2:
            raise InputError(
                f"All {len(reviews):,} reviews have the same label, so most metrics would say nothing: "
                "give reviews of other labels, too."
            )
        result = evaluate_classifier(classifier, reviews, name, profile.abstentions if profile else ())
        findings = Findings(
            Comparison({name: [result]}, baseline=name),
            sources=str(source.dataset or source.data or source.source),
            is_synthetic=source.is_synthetic,
            configuration={"model": name, **source.flat()},
            owner=OWNER,
            classifier_of=lambda title: classifier,
            reviews=f"{len(reviews):,} labelled reviews",
        )
        with tempfile.TemporaryDirectory() as written:
            findings.write(Path(written))
            findings.publish(Path(written), output, console, name=classifier.digest()[:8])


def _labelled_reviews(source: SourceConfig, label_names: tuple[str, ...]) -> tuple[Reviews, tuple[str, ...]]:
    """The reviews to test a classifier of these classes on, and notes on others."""
    if source.source == "table":
        reviews, names, notes = load_labelled(source, label_names)
    else:
        if source.source == "tfds" and len(label_names) > 2 and not (source.labels or source.positive):
            source = source.model_copy(update={"labels": label_names})
        corpus = load_corpus(source, find_files(source, show_progress=True), seed=0)
        reviews, names, notes = corpus.test, corpus.label_names, corpus.notes
    if len(names) != len(label_names) or (names != label_names and not source.labels):
        raise InputError(
            f"The classifier has the labels {', '.join(label_names)}, and the reviews have {', '.join(names)}: name "
            f"{len(label_names)} labels of theirs in the same order with --labels, or make two classes of them with "
            "--positive and --negative for a classifier of two."
        )
    return reviews, notes
