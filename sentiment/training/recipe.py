"""The recipe: from reviews to a trained model, one step after the other, read from top to bottom.

    vocabulary -> padding -> word vectors -> document vectors -> linear model -> teacher -> fine-tuning -> network
    -> threshold

Which of the steps are taken, the configuration decides. `SentimentClassifier.fit` runs them in memory; the pipelines
run the same steps, but keep every output on the disk. A step is given by all that decides its output, so that an output
that is kept can be found again.
"""

import functools
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any
from weakref import WeakValueDictionary

import numpy as np

from sentiment.data.corpus import Corpus, Reviews
from sentiment.data.fingerprints import Fingerprints
from sentiment.data.labels import cumulative, cuts_of_shares, label_probabilities, log_odds, sides
from sentiment.data.sequences import pad_texts
from sentiment.data.validation import nested_part, split_folds
from sentiment.data.vocabulary import learned_words
from sentiment.engine.recurrent_model import RecurrentModel
from sentiment.errors import InputError
from sentiment.evaluation.drift import ReviewSample
from sentiment.evaluation.metrics import choose_threshold
from sentiment.evaluation.validation_profile import ValidationProfile
from sentiment.training import start
from sentiment.training.cut import Cut, cut_validation
from sentiment.training.linear_model import LINEAR_MODEL_NAME, LinearModel, LinearModelConfig
from sentiment.training.models import build_model, check_gpu
from sentiment.training.opposites import Opposites
from sentiment.training.preparation import Preparation
from sentiment.training.pseudo_labels import Teacher, judge, learn_pseudo_labels, linear_opinion, teach
from sentiment.training.recipe_config import RecipeConfig
from sentiment.training.snippets import EpochSnippets, fit_counterfactuals
from sentiment.training.steps import Inputs, Output, Step, Steps
from sentiment.training.trained import Candidate, Trained
from sentiment.training.trainer import OnEpoch, TrainingConfig, fit, kept_epoch


class Recipe:
    """The steps for some reviews. What a step needs of others it asks for, so every method can be called alone.

    Args:
        config: what to do.
        corpus: the reviews.
        steps: runs the steps.
        cut: which reviews to learn from and to validate on, as `cut_validation` says it for a seed.
        start: a trained model to fine-tune; its vocabulary, shape and padding have to be those of the configuration.
        choices: models of one kind that the validation reviews choose among, which their promises allow for.

    Raises:
        InputError: the configuration asks for a threshold, and the reviews have more than two labels.

    Attributes:
        cut: which reviews of train a model with this seed learns from.
        prepared: vocabulary, padded reviews and vectors.
    """

    def __init__(
        self,
        config: RecipeConfig,
        corpus: Output[Corpus],
        steps: Steps,
        *,
        cut: Callable[[Corpus, float, int], Cut] = cut_validation,
        start: Output[start.Start] | None = None,
        choices: int = 1,
    ) -> None:
        self.config, self.corpus, self.start, self.choices = config, corpus, start, choices
        self._steps = steps
        self.prepared = Preparation(config, corpus, steps, start)
        share = config.training.validation_share
        self.cut: Callable[[int], Cut] = functools.cache(lambda seed: cut(corpus.value, share, seed))
        self._snippets: WeakValueDictionary[int, EpochSnippets] = WeakValueDictionary()
        self._sharing = threading.Lock()
        self._linear_models: dict[tuple[int, bool], Output[Trained]] = {}
        if config.threshold != "0.5" and self.classes > 2:
            raise InputError(
                f"The reviews have {self.classes} labels, whose median is the verdict, and a threshold "
                f"that is best for {config.threshold} is one between two: leave --threshold out."
            )

    @property
    def classes(self) -> int:
        """How many the reviews have."""
        return len(self.corpus.value.label_names)

    def validation(self, seed: int) -> Reviews:
        """The reviews that validate a model with this seed."""
        train, positions = self.corpus.value.train, self.cut(seed).validation
        return Reviews([train.texts[position] for position in positions], train.labels[positions])

    # Teachers ------------------------------------------------------------------------------------------------------

    def linear_model(self, candidate: Candidate) -> Output[Trained]:
        """The linear model, fitted once on the reviews to learn from."""
        key = candidate.seed, candidate.found is None
        if key not in self._linear_models:
            self._linear_models[key] = self._fit_linear_model(candidate)
        return self._linear_models[key]

    def _fit_linear_model(self, candidate: Candidate) -> Output[Trained]:
        cut, balance = self.cut(candidate.seed), self.config.training.balance

        def compute(_: Path) -> Trained:
            train, started = self.corpus.value.train, time.perf_counter()
            texts = [train.texts[position] for position in cut.training]
            config = LinearModelConfig(balance=balance)
            model = LinearModel.fit(texts, train.labels[cut.training], config, self.classes)
            seconds, profile = time.perf_counter() - started, self._profile(model, candidate)
            return Trained(model, profile, Fingerprints.of(train.texts), {}, seconds, *self._labels)

        settings = {"cut": cut.digest, "balance": balance, "found_by_folds": candidate.found_key}
        return self._steps.run(Step("linear-model", Trained, compute, {"load": self.corpus}, settings))

    def teacher(self, candidate: Candidate) -> Output[Teacher]:
        """What the linear model says of all reviews but those of test, with a regression on their vectors beside it."""
        cut, softens = self.cut(candidate.seed), bool(self.config.pretraining.label_softness)
        linear_model = self.linear_model(candidate._replace(model=LINEAR_MODEL_NAME))
        vectors = self.prepared.document_vectors

        def compute(_: Path) -> Teacher:
            model = linear_model.value.model
            assert isinstance(model, LinearModel)
            return teach(model, self.corpus.value, cut, vectors.value if vectors else None, softens=softens)

        inputs: Inputs = {"load": self.corpus, "linear_model": linear_model, "document_vectors": vectors}
        settings = {"cut": cut.digest, "softens": softens}
        return self._steps.run(Step("teacher", Teacher, compute, inputs, settings))

    # The network --------------------------------------------------------------------------------------------------

    def build_network(self, candidate: Candidate) -> Any:
        """The network before its training, with the word vectors if there are any; or the start, grown by new words."""
        config, vocabulary, corpus = self.config, self.prepared.vocabulary.value, self.corpus.value
        shape: dict[str, Any] = {"maxlen": config.sequences.maxlen, "seed": candidate.seed}
        if self.start is not None:
            texts = [*corpus.train.texts, *corpus.unlabelled.texts] if len(corpus.unlabelled) else ()
            model, placed = self.start.value.model, self._placed_cuts(candidate)
            return start.grow_network(model, vocabulary, config.model, **shape, texts=texts, placed=placed)
        if self.classes > 2:
            shape["cut_points"] = cuts_of_shares(corpus.train.labels, self.classes)
        network = build_model(candidate.model, config.model, num_words=vocabulary.num_words, **shape)
        if self.prepared.word_vectors is not None:
            vectors = self.prepared.word_vectors.value
            network.layers[0].set_weights(
                [vectors if self.prepared.people is None else self.prepared.people.tied(vectors)]
            )
        return network

    def _placed_cuts(self, candidate: Candidate) -> start.PlacedCuts | None:
        """Where the score of a start with two classes is cut into more."""
        assert self.start is not None
        if self.classes == len(self.start.value.label_names):
            return None
        train, training = self.corpus.value.train, self.cut(candidate.seed).training
        probabilities = self.start.value.model.positive_probability([train.texts[position] for position in training])
        return start.PlacedCuts.fit(log_odds(probabilities), train.labels[training], self.classes)

    def snippets(self, candidate: Candidate) -> EpochSnippets:
        """The reviews to learn from, and the snippets beside them; networks trained side by side share one object."""
        with self._sharing:
            if (snippets := self._snippets.get(candidate.seed)) is None:
                snippets = self._snippets[candidate.seed] = self._make_snippets(candidate)
            return snippets

    def _make_snippets(self, candidate: Candidate) -> EpochSnippets:
        corpus, epoch, training = self.corpus.value, self.cut(candidate.seed).epoch, self.config.training
        vocabulary, labels = self.prepared.vocabulary.value, self.corpus.value.train.labels[epoch]
        inputs, texts = self.prepared.padded("train").value[epoch], [corpus.train.texts[position] for position in epoch]
        counterfactuals = opposites = None
        reader: LinearModel | None = None
        judged, signs = sides(labels, self.classes)
        if training.counterfactual_share and self.prepared.is_english:
            counterfactuals = fit_counterfactuals([texts[position] for position in judged], signs)
        if training.opposite_share and self.prepared.lexicon is not None and self.prepared.word_vectors is not None:
            ratings, vectors = self.prepared.lexicon.ratings(), self.prepared.word_vectors.value
            opposites = Opposites.fit(vocabulary, ratings, vectors, inputs[judged], signs)
        if self.prepared.learns_pseudo_labels:
            fitted = self.linear_model(candidate._replace(model=LINEAR_MODEL_NAME)).value.model
            assert isinstance(fitted, LinearModel)
            reader = fitted
            inputs = np.concatenate([inputs, self.prepared.padded("unlabelled").value])
            texts += corpus.unlabelled.texts
        pad = functools.partial(pad_texts, vocabulary=vocabulary, config=self.config.sequences)
        return EpochSnippets(
            inputs,
            texts,
            training,
            pad=pad,
            seed=candidate.seed,
            counterfactuals=counterfactuals,
            lexicon=self.prepared.lexicon,
            words=vocabulary.words,
            linear_model=reader,
            opposites=opposites,
            people=self.prepared.people,
        )

    def fine_tuning(self, candidate: Candidate) -> Output[start.FineTunings]:
        """How to fine-tune the start, chosen by cross-validation on the reviews to learn from."""
        train, training = self.corpus.value.train, self.cut(candidate.seed).training
        if len(training) > start.MOST_TUNED:
            training = nested_part(training, train.labels, start.MOST_TUNED / len(training), candidate.seed)

        def compute(checkpoints: Path) -> start.FineTunings:
            texts, labels = [train.texts[position] for position in training], train.labels[training]
            folds = split_folds(texts, labels, start.FOLDS, candidate.seed)
            return start.choose_fine_tuning(
                self.build_network(candidate),
                (self.prepared.padded("train").value[training], cumulative(labels, self.classes)),
                folds if len(training) <= start.ONE_FOLD else folds[:1],
                functools.partial(linear_opinion, texts, labels, self.classes),
                self.config.training,
                seed=candidate.seed,
                checkpoints=checkpoints,
                on_training=lambda done, of: self._steps.note(
                    f"{candidate.name} fine-tuned: {done} of {of} trainings on folds"
                ),
            )

        settings = {**self._network_settings(candidate, self.config.training), "folds": start.FOLDS}
        step = Step("fine-tuning", start.FineTunings, compute, self._network_inputs(), settings, label=candidate.name)
        output = self._steps.run(step)
        self._steps.note(f"{candidate.name}: {output.value}")
        return output

    def network(self, candidate: Candidate, on_epoch: OnEpoch) -> Output[Trained]:
        """The trained network, with the threshold 0.5; the arguments are those of `train`."""
        check_gpu(self.config.model, self.config.sequences.padding)
        seed, found, softness = candidate.seed, candidate.found, self.config.pretraining.label_softness
        teacher = self.teacher(candidate) if self.prepared.learns_pseudo_labels else None
        tuning = None if self.start is None else self.fine_tuning(candidate).value.best
        config = self.config.training if tuning is None else tuning.config
        if teacher is not None:
            config = config.model_copy(update={"epochs": self.config.pretraining.pseudo_label_epochs})

        def compute(checkpoints: Path) -> Trained:
            network, snippets = self.build_network(candidate), self.snippets(candidate)
            corpus, cut, padded = self.corpus.value, self.cut(seed), self.prepared.padded("train").value
            taught = cumulative(corpus.train.labels, self.classes)  # (N,) or (N, classes - 1)
            labels = taught[cut.epoch]
            if tuning is not None and tuning.softness:
                opinion = linear_opinion(corpus.train.texts, corpus.train.labels, self.classes, cut.epoch)
                labels = start.soften(labels, opinion, tuning.softness)
            validation = (padded[cut.validation], taught[cut.validation]) if len(cut.validation) else None
            with self._steps.training(candidate.name, config.epochs, len(snippets), on_epoch) as callbacks:
                common: dict[str, Any] = {"seed": seed, "checkpoints": checkpoints, "callbacks": callbacks}
                if teacher is None:
                    history = fit(
                        network,
                        snippets.labelled(labels),
                        validation,
                        config,
                        stop_after=found.epochs if found else None,
                        start_penalty=tuning.start_penalty if tuning else 0.0,
                        **common,
                    )
                else:
                    judged = [*corpus.unlabelled.texts, *self.validation(seed).texts]
                    history = learn_pseudo_labels(
                        network,
                        snippets,
                        (1 - softness) * labels + softness * np.resize(teacher.value.training, labels.shape),
                        teacher.value,
                        validation,
                        config,
                        judge=functools.partial(judge, self.prepared.vocabulary.value, self.config.sequences, judged),
                        **common,
                    )
            if self.prepared.people is not None:
                network.layers[0].set_weights([self.prepared.people.tied(*network.layers[0].get_weights())])
            model = RecurrentModel.from_keras(self.prepared.vocabulary.value, self.config.sequences, network)
            profile, seconds = self._profile(model, candidate), sum(history["seconds"])
            return Trained(model, profile, self._learned(), history, seconds, *self._labels)

        inputs = {**self._network_inputs(), "teacher": teacher}
        settings = {
            **self._network_settings(candidate, config),
            "start_penalty": tuning.start_penalty if tuning else None,
            "start_softness": tuning.softness if tuning else None,
            "label_softness": softness if teacher else None,
            "found_by_folds": candidate.found_key,
        }
        output = self._steps.run(Step("train", Trained, compute, inputs, settings, label=candidate.name))
        history = output.value.history
        on_epoch(history)
        self._steps.note(f"{candidate.name} keeps the weights of epoch {kept_epoch(history)} of {len(history['loss'])}")
        return output

    def words_learned(self, candidate: Candidate) -> frozenset[str] | None:
        """The words that a network learns from: those of its padded reviews, and those of its start.

        None stands for all that a model knows, which the linear model has learned from.
        """
        if candidate.is_linear:
            return None
        splits = [self.prepared.padded("train").value[self.cut(candidate.seed).training]]
        if self.prepared.learns_unlabelled:
            splits.append(self.prepared.padded("unlabelled").value)
        known = () if self.start is None else self.start.value.model.vocabulary.words
        return learned_words(self.prepared.vocabulary.value, splits).union(known)

    def _network_inputs(self) -> dict[str, Output[Any] | None]:
        prepared = self.prepared
        padded = {f"pad_{split}": output for split, output in prepared.pad_all().items()}
        others = {"vocabulary": prepared.vocabulary, "word_vectors": prepared.word_vectors, "start": self.start}
        return {"load": self.corpus, **padded, **others}

    def _network_settings(self, candidate: Candidate, training: TrainingConfig) -> dict[str, Any]:
        return {
            "cell": candidate.model,
            "seed": candidate.seed,
            "cut": self.cut(candidate.seed).digest,
            "model": self.config.model.model_dump(),
            "training": training.model_dump(),
        }

    @property
    def _labels(self) -> tuple[tuple[str, ...], str]:
        return self.corpus.value.label_names, self.corpus.value.label_column

    def _learned(self) -> Fingerprints:
        """The fingerprints of all reviews that a network learns from, or that choose its epochs and its threshold."""
        corpus, known = self.corpus.value, self.start.value.learned if self.start else None
        unlabelled = corpus.unlabelled.texts if self.prepared.learns_unlabelled or self.start else ()
        return Fingerprints.of([*corpus.train.texts, *unlabelled], known)

    # Threshold and profile ----------------------------------------------------------------------------------------

    def _profile(self, model: RecurrentModel | LinearModel, candidate: Candidate) -> ValidationProfile:
        """What the validation reviews say of a model."""
        if candidate.found is not None:
            return candidate.found.profile.for_classifier(model)
        validation, sample = self.validation(candidate.seed), ReviewSample(model, self.words_learned(candidate))
        probabilities = label_probabilities(model.cumulative_probability(validation.texts))
        sample.add(validation.texts, probabilities)
        return ValidationProfile.from_samples([sample], validation.labels, probabilities, 0.5).for_classifier(model)

    def train(self, candidate: Candidate, on_epoch: OnEpoch = lambda history: None) -> Output[Trained]:
        """A trained model of any kind, with the threshold that is best on its validation reviews: the whole recipe.

        Args:
            on_epoch: called with the history after every epoch, and at the end, also where the training is found.
        """
        if candidate.is_linear:
            trained, choices = self.linear_model(candidate), 1
        else:
            trained, choices = self.network(candidate, on_epoch), self.choices
        rule = self.config.threshold
        if candidate.found is not None or (rule == "0.5" and choices == 1):
            return trained

        def compute(_: Path) -> Trained:
            validation, model = self.validation(candidate.seed), trained.value.model
            probabilities = label_probabilities(model.cumulative_probability(validation.texts))
            threshold = choose_threshold(validation.labels, probabilities, rule)
            profile = trained.value.profile.with_thresholds(threshold, choices, validation.labels, probabilities)
            return replace(trained.value, profile=profile)

        inputs: Inputs = {"load": self.corpus, "train": trained}
        settings = {"rule": rule, "choices": choices}
        output = self._steps.run(Step("threshold", Trained, compute, inputs, settings, label=candidate.name))
        if rule != "0.5":
            self._steps.note(
                f"{candidate.name}: threshold {output.value.profile.threshold:.4f}, of the best validation {rule}"
            )
        return output
