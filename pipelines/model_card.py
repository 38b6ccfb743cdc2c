"""model_card: what run-pipeline writes down of each model that it has trained, for the registry and its run."""

from pathlib import Path

from pipelines.stages.context import Context
from pipelines.stages.data import Prepared
from pipelines.stages.evaluation import Outcome
from pipelines.stages.training import Trained
from sentiment.classifier import MODEL_FILE
from sentiment.data.fingerprints import FINGERPRINTS_FILE
from sentiment.reporting.model_card import Origin, render_model_card
from sentiment.training.linear_model import LINEAR_MODEL

MODEL_CARD_FILE = "model_card.md"


def model_card(context: Context, prepared: Prepared, outcome: Outcome, seed: int) -> str:
    """The card of an evaluated model, as Markdown."""
    config, unlabelled = context.config, len(prepared.corpus.unlabelled)
    taught_by = ""
    if isinstance(outcome.trained, Trained) and config.pretraining.pseudo_label_epochs and unlabelled:
        beside = " and a regression on vectors of reviews (Deerwester et al. 1990)"
        taught_by = (
            f"{LINEAR_MODEL} (Wang & Manning 2012){beside if prepared.document_stage else ''}, fitted on the same "
            f"training reviews, labelled {unlabelled:,} unlabelled reviews; later their mean with the network did"
        )
    if isinstance(outcome.trained, Trained) and config.pretraining.label_softness:
        taught_by += "; " if taught_by else ""
        taught_by += "labels of train were softened by linear models that had not seen them"
    _, validation = prepared.training_and_validation(seed)
    origin = Origin(
        source=config.source.source,
        note=context.note,
        summary=prepared.summary(),
        validation=len(validation),
        taught_by=taught_by,
        size=size_of(outcome.trained.folder),
        seed=seed,
    )
    return render_model_card(outcome.result, origin)


def size_of(classifier: Path) -> int:
    """Bytes of the files in its folder that score; the network of Keras and the fingerprints are for other uses."""
    others = (MODEL_FILE, FINGERPRINTS_FILE)
    return sum(path.stat().st_size for path in classifier.iterdir() if path.name not in others)
