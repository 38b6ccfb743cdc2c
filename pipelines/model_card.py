"""model_card: what run-pipeline writes down of each model that it has trained, for the registry and its run."""

from pathlib import Path

from pipelines.configuration import PipelineConfig
from pipelines.stages.context import Context
from pipelines.stages.data import Prepared
from pipelines.stages.evaluation import Outcome
from pipelines.stages.training import Trained
from sentiment.data.fingerprints import FINGERPRINTS_FILE
from sentiment.engine.recurrent_model import KERAS_FILE
from sentiment.reporting.model_card import Origin, render_model_card
from sentiment.training.linear_model import LINEAR_MODEL
from sentiment.training.pseudo_labels import has_enough_for_folds

MODEL_CARD_FILE = "model_card.md"

OWN_LABELS = "no labels but those of the source"


def model_card(context: Context, prepared: Prepared, outcome: Outcome, seed: int) -> str:
    """The card of an evaluated model, as Markdown."""
    config, is_network = context.config, isinstance(outcome.trained, Trained)
    pretraining = config.pretraining
    _, validation = prepared.training_and_validation(seed)
    set_aside = "as the source says" if len(prepared.corpus.validation) else f"drawn with seed {seed}"
    origin = Origin(
        source=config.source.source,
        note=context.note,
        summary=prepared.summary(),
        validation=f"{len(validation):,} reviews of train were set aside for validation, {set_aside}",
        uses_unlabelled=is_network
        and bool(pretraining.word_vectors or pretraining.pseudo_label_epochs or pretraining.start_from),
        lessons=lessons_of_network(config, prepared, seed) if is_network else [OWN_LABELS],
        size=size_of(outcome.trained.folder),
        seed=seed,
    )
    return render_model_card(outcome.result, origin)


def lessons_of_network(config: PipelineConfig, prepared: Prepared, seed: int) -> list[str]:
    """What a network learned from beside the labels of train, a line each."""
    pretraining, training, unlabelled = config.pretraining, config.training, prepared.corpus.unlabelled
    lessons = []
    if pretraining.start_from:
        lessons.append(
            f"it began as {pretraining.start_from}, which had learned from reviews that are not counted here"
        )
    if pretraining.pseudo_label_epochs and len(unlabelled):
        beside = " and a regression on vectors of reviews (Deerwester et al. 1990)" if prepared.document_stage else ""
        later = "; later their mean with the network did" if pretraining.pseudo_label_epochs > 1 else ""
        lessons.append(
            f"{LINEAR_MODEL} (Wang & Manning 2012){beside}, fitted on the same training reviews, labelled "
            f"{len(unlabelled):,} unlabelled reviews{later}"
        )
        learned, _ = prepared.training_and_validation(seed)
        if pretraining.label_softness and has_enough_for_folds(prepared.corpus.train.labels[learned]):
            lessons.append("labels of train were softened by linear models that had not seen them")
    lessons = lessons or [OWN_LABELS]
    if training.snippet_share:
        lessons.append(
            f"random snippets of reviews stood beside whole ones, {100 * training.snippet_share:g} % as many"
        )
    if training.counterfactual_share:
        lessons.append(
            "clauses of reviews that a rule turns into their opposite stood beside whole ones, up to "
            f"{100 * training.counterfactual_share:g} % as many"
        )
    return lessons


def size_of(classifier: Path) -> int:
    """Bytes of the files in its folder that score; the network of Keras and the fingerprints are for other uses."""
    others = (KERAS_FILE, FINGERPRINTS_FILE)
    return sum(path.stat().st_size for path in classifier.iterdir() if path.name not in others)
