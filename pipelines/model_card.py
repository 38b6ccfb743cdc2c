"""model_card: what run-pipeline writes down of each model that it has trained, for the registry and its run."""

from pipelines.configuration import PipelineConfig
from pipelines.stages.context import Context
from pipelines.stages.load import read_summary
from sentiment.evaluation.result import Result
from sentiment.reporting.model_card import Origin, render_model_card
from sentiment.saved_classifier import scoring_bytes
from sentiment.training.linear_model import LINEAR_MODEL
from sentiment.training.pseudo_labels import has_enough_for_folds
from sentiment.training.recipe import Recipe
from sentiment.training.trained import Candidate

MODEL_CARD_FILE = "model_card.md"

OWN_LABELS = "no labels but those of the source"


def model_card(context: Context, recipe: Recipe, candidate: Candidate, result: Result) -> str:
    """The card of an evaluated model, as Markdown."""
    source, seed, validation = context.config.source.name, candidate.seed, recipe.cut(candidate.seed).validation
    set_aside = "as the source says" if len(recipe.corpus.value.validation) else f"drawn with seed {seed}"
    origin = Origin(
        source=source,
        note=context.note,
        summary=read_summary(recipe.corpus),
        validation=f"{len(validation):,} reviews of train were set aside for validation, {set_aside}",
        uses_unlabelled=not candidate.is_linear and (recipe.prepared.learns_unlabelled or recipe.start is not None),
        lessons=[OWN_LABELS] if candidate.is_linear else lessons_of_network(context.config, recipe, seed),
        size=scoring_bytes(result.classifier_folder),
        seed=seed,
    )
    return render_model_card(result, origin)


def lessons_of_network(config: PipelineConfig, recipe: Recipe, seed: int) -> list[str]:
    """What a network learned from beside the labels of train, a line each."""
    pretraining, training, corpus = config.pretraining, config.training, recipe.corpus.value
    lessons = []
    if pretraining.start_from:
        lessons.append(
            f"it began as {pretraining.start_from}, which had learned from reviews that are not counted here"
        )
    if recipe.prepared.learns_pseudo_labels:
        beside = (
            " and a regression on vectors of reviews (Deerwester et al. 1990)"
            if recipe.prepared.document_vectors
            else ""
        )
        later = "; later their mean with the network did" if pretraining.pseudo_label_epochs > 1 else ""
        lessons.append(
            f"{LINEAR_MODEL} (Wang & Manning 2012){beside}, fitted on the same training reviews, labelled "
            f"{len(corpus.unlabelled):,} unlabelled reviews{later}"
        )
        if pretraining.label_softness and has_enough_for_folds(corpus.train.labels[recipe.cut(seed).training]):
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
    if recipe.prepared.lexicon is not None:
        lessons.append("the lexicon VADER (Hutto & Gilbert 2014) added its ratings to the labels of short snippets")
        if training.opposite_share:
            lessons.append("passages whose opinion words were turned, under the opposite label, stood beside reviews")
    if training.exchange_people and recipe.prepared.is_english:
        lessons.append("words for people were exchanged at random for others of their kind")
    return lessons
