"""SentimentClassifier: the one trained model, as a scikit-learn estimator of texts."""

import inspect
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from sentiment.data.corpus import Reviews
from sentiment.data.fingerprints import FINGERPRINTS_FILE, Fingerprints
from sentiment.data.labels import LABEL_NAMES, class_probabilities, label_word, positive_of
from sentiment.data.verdicts import PREDICTED_LABEL, Band, Neutral, VerdictRule
from sentiment.data.vocabulary import count_words
from sentiment.engine.recurrent_model import RecurrentModel
from sentiment.errors import InputError, damaged_classifier
from sentiment.evaluation.validation_profile import ValidationProfile
from sentiment.saved_classifier import ClassifierDescription, classifier_folder, local_folder
from sentiment.training.linear_model import LinearModel
from sentiment.training.trained import TITLES, Candidate, Trained

if TYPE_CHECKING:
    import pandas as pd

    from sentiment.data.frames import LabelsLike, ReviewsLike
    from sentiment.evaluation.result import Result
    from sentiment.training.start import Start


class SentimentClassifier:
    """A classifier of reviews that learns from texts and labels, with the interface of scikit-learn.

    A setting that is None has the value of the preset. `sentiment run-pipeline --help` says what each setting does.

    Args:
        preset: named configuration, such as `standard`, `strong`, `textbook` or `linear`, or the path of a TOML file;
            None for `fine-tune` with a start, else for `standard`.
        seed: decides the validation reviews, the first weights and the order of the reviews.
        cell: lstm, simple_rnn or gru; None for the first of the preset.
        labels: the classes from the worst to the best. They have to be given where there are more than two that are
            neither numbers nor names such as negative, neutral and positive. Reviews with other labels are left out.
        start: a trained classifier to start from, for which a few hundred reviews may be enough: imdb, which comes with
            the package, or a folder. It brings its own cell, shape, vocabulary and padding.

    Attributes:
        classes_: the labels, sorted.
        ordered_classes_: the labels from the worst to the best.
        positive_class_: the best label. Of two it is the name that means positive, else `classes_[1]`.
        threshold_: P(positive) from which on a review is positive, where there are two labels.
        neutral_: of two labels, its own neutral band, as for `annotate`; None where nobody chose one.
        label_column_: what the labels are called, where there are more than two.
        history_: metrics of every epoch; empty for the linear model.
        model_: what scores, a RecurrentModel or a LinearModel.
        profile_: what the validation reviews promise; None where nobody validated it.
        learned: fingerprints of the texts that it has learned from; None where nobody kept them.
        unknown_share: of the words of its validation reviews, those that it did not know; None where there were none.

    Examples:
        >>> from sentiment import SentimentClassifier
        >>> texts = ["a fine film", "a dull film"] * 20
        >>> labels = ["pos", "neg"] * 20
        >>> SentimentClassifier(preset="linear").fit(texts, labels).predict(["fine"]).tolist()
        ['pos']
    """

    preset: str | None
    seed: int
    cell: str | None
    labels: Sequence[Any] | None
    start: str | Path | None
    model_: RecurrentModel | LinearModel
    threshold_: float
    neutral_: Band | None = None
    label_column_: str = "label"
    profile_: ValidationProfile | None
    learned: Fingerprints | None
    unknown_share: float | None
    ordered_classes_: np.ndarray
    history_: dict[str, list[float]]

    def __init__(
        self,
        preset: str | None = None,
        *,
        seed: int = 0,
        cell: str | None = None,
        labels: Sequence[Any] | None = None,
        start: str | Path | None = None,
        threshold: str | None = None,
        num_words: int | None = None,
        punctuation_tokens: str | None = None,
        symbols: bool | None = None,
        names: bool | None = None,
        maxlen: int | None = None,
        padding: str | None = None,
        truncating: str | None = None,
        word_vectors: bool | None = None,
        document_vectors: int | None = None,
        pseudo_label_epochs: int | None = None,
        label_softness: float | None = None,
        embedding_dim: int | None = None,
        units: int | None = None,
        layers: int | None = None,
        bidirectional: bool | None = None,
        embedding_dropout: float | None = None,
        pooling: str | None = None,
        mask_padding: bool | None = None,
        dropout: float | None = None,
        validation_share: float | None = None,
        batch_size: int | None = None,
        epochs: int | None = None,
        patience: int | None = None,
        target_loss: float | None = None,
        learning_rate: float | None = None,
        balance: bool | None = None,
        clipnorm: float | None = None,
        warmup_epochs: float | None = None,
        schedule: str | None = None,
        word_dropout: float | None = None,
        snippet_share: float | None = None,
        counterfactual_share: float | None = None,
        lexicon: bool | None = None,
        opposite_share: float | None = None,
        exchange_people: bool | None = None,
    ) -> None:
        given = locals()
        for name in SETTINGS:
            setattr(self, name, given[name])

    # scikit-learn's contract -------------------------------------------------------------------------------------

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """The settings as they were given; `deep` is there for scikit-learn and changes nothing."""
        return {name: getattr(self, name) for name in SETTINGS}

    def set_params(self, **settings: Any) -> Self:
        """Change settings, for the next `fit`.

        Raises:
            InputError: there is no such setting.
        """
        for name, value in settings.items():
            if name not in SETTINGS:
                raise InputError(f"SentimentClassifier has no setting {name}: it has {', '.join(SETTINGS)}.")
            setattr(self, name, value)
        return self

    def __sklearn_tags__(self) -> Any:
        from sklearn.utils import ClassifierTags, InputTags, Tags, TargetTags

        return Tags(
            estimator_type="classifier",
            target_tags=TargetTags(required=True),
            classifier_tags=ClassifierTags(multi_class=True),
            input_tags=InputTags(two_d_array=False, string=True),
        )

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "model_")

    def __repr__(self) -> str:
        given = [f"{name}={value!r}" for name, value in self.get_params().items() if value is not None]
        return f"SentimentClassifier({', '.join(given)})"

    # Training ----------------------------------------------------------------------------------------------------

    def fit(
        self,
        reviews: "ReviewsLike",
        labels: "LabelsLike",
        unlabelled: "ReviewsLike | None" = None,
        validation: "tuple[ReviewsLike, Sequence[Any]] | None" = None,
        *,
        verbose: int = 0,
    ) -> Self:
        """Learn from labelled reviews.

        Args:
            reviews: N texts as a list, an array or a Series; or a DataFrame with a column `text`, or else `review`.
            labels: (N,): names such as positive and neg, 1 and 0, True and False, or any other two; or more than two
                that are ordered, such as 1 to 5 or negative, neutral and positive.
            unlabelled: more reviews, which presets such as `standard` learn from, too.
            validation: reviews and labels that choose the epoch and the threshold; None sets a share of the reviews
                aside.
            verbose: 1 shows progress bars, on a terminal and in a notebook; 0 nothing.

        Raises:
            InputError: a setting, review or label cannot be used, there are too few reviews of a label, or they are in
                another language than the start.
        """
        from sentiment.data import frames
        from sentiment.training.recipe import Recipe
        from sentiment.training.recipe_config import configure
        from sentiment.training.steps import InMemory, Output

        start = None if self.start is None else self.load(local_folder(self.start)).as_start(str(self.start))
        model, config = configure(self.get_params(), start)
        corpus, classes = frames.corpus_of(reviews, labels, unlabelled, validation, self.labels)
        started = None if start is None else Output("start", lambda: start)
        steps = InMemory(verbose=bool(verbose))
        recipe = Recipe(config, Output("reviews", lambda: corpus), steps, start=started)
        return self._take(recipe.train(Candidate(model, self.seed, TITLES[model])).value, classes)

    def as_start(self, name: str) -> "Start":
        """What a training starts from that fine-tunes this classifier.

        Args:
            name: for people.

        Raises:
            InputError: it is the linear model, or does not say what it has learned from.
        """
        from sentiment.training.start import Start

        if self.is_linear:
            raise InputError(
                f"{name} is a linear model, which has no network to start from: name an LSTM, SimpleRNN or GRU."
            )
        if self.learned is None:
            raise InputError(
                f"{name} does not say which texts it has learned from, so nothing could keep them out of a test: start "
                "from one that was trained and saved by this version."
            )
        return Start(self.recurrent_model, self.learned, self.unknown_share, self.label_names)

    def _take(self, trained: Trained, classes: np.ndarray) -> Self:
        self.model_, self.profile_, self.learned = trained.model, trained.profile, trained.learned
        self.threshold_, self.unknown_share = trained.profile.threshold, trained.profile.unknown_share
        self.history_, self.ordered_classes_, self.neutral_ = trained.history, classes, None
        self.label_column_ = trained.label_column if self.is_ordered else "label"
        return self

    @classmethod
    def from_trained(cls, trained: Trained) -> "SentimentClassifier":
        """The classifier that a recipe has trained, with the labels of its corpus."""
        return cls()._take(trained, np.array(trained.label_names))

    @classmethod
    def from_model(
        cls, model: RecurrentModel | LinearModel, threshold: float = 0.5, learned: Fingerprints | None = None
    ) -> "SentimentClassifier":
        """The classifier of a model that nobody validated, with the labels negative and positive."""
        classifier = cls()
        classifier.model_, classifier.threshold_, classifier.learned = model, threshold, learned
        classifier.profile_, classifier.unknown_share, classifier.history_ = None, None, {}
        classifier.ordered_classes_ = np.array(LABEL_NAMES)
        return classifier

    def adapt(self, reviews: "ReviewsLike", *, verbose: int = 0) -> "SentimentClassifier":
        """A classifier for reviews of another domain, which has learned from such reviews without labels.

        This one stays as it is. The new one has the same labels and threshold, but no profile, as nobody validated it.

        Args:
            reviews: two hundred or more, better some thousands, as for `fit`.
            verbose: as for `fit`.

        Raises:
            InputError: this is the linear model; the reviews are too few, hardly texts, or in another language; or
                nearly all of them have the same verdict.
        """
        from sentiment.data import frames
        from sentiment.training.adaptation import adapt
        from sentiment.training.start import Start
        from sentiment.training.steps import InMemory

        if self.is_linear:
            raise InputError("The linear model has no network that could be adapted: take an LSTM, SimpleRNN or GRU.")
        if self.is_ordered:
            raise InputError("Adapting takes a classifier of two labels, such as imdb, and this one has more.")
        texts, learned = frames.texts_in(reviews), self.learned
        start = Start(self.recurrent_model, learned or Fingerprints(), self.unknown_share)
        model, history = adapt(start, texts, seed=self.seed, steps=InMemory(verbose=bool(verbose)))
        known = learned and Fingerprints.of(texts, learned)
        adapted = self.from_model(model, self.threshold_, known).set_params(**self.get_params())
        adapted.ordered_classes_, adapted.unknown_share = self.ordered_classes_, self.unknown_share
        adapted.history_ = history
        return adapted

    # Verdicts ----------------------------------------------------------------------------------------------------

    @property
    def classes_(self) -> np.ndarray:
        """The labels, sorted, as scikit-learn has them."""
        return np.sort(self.ordered_classes_)

    @property
    def positive_class_(self) -> Any:
        """The best label; of two the one whose probability is P(positive)."""
        return self.ordered_classes_[-1]

    @property
    def is_ordered(self) -> bool:
        """Whether it has more than two labels."""
        return len(self.ordered_classes_) > 2

    @property
    def label_names(self) -> tuple[str, ...]:
        """What files and pages call its labels, the worst first: negative and positive where there are two."""
        if not self.is_ordered:
            return LABEL_NAMES
        return tuple(map(label_word, self.ordered_classes_))

    def predict(self, reviews: "ReviewsLike") -> np.ndarray:
        """The label of each review, as the labels came: (N,).

        Raises:
            InputError: a review is missing or no text; `annotate` leaves missing ones missing.
        """
        predicted: np.ndarray = self.ordered_classes_[self.verdicts(_texts_in(reviews))]
        return predicted

    def predict_proba(self, reviews: "ReviewsLike") -> np.ndarray:
        """The probability of each label, in the order of `classes_`: float32 (N, K).

        Raises:
            InputError: a review is missing or no text.
        """
        probabilities = class_probabilities(self.cumulative_probability(_texts_in(reviews)))
        return probabilities[:, np.argsort(self.ordered_classes_)]

    def score(self, reviews: "ReviewsLike", labels: "LabelsLike") -> float:
        """Accuracy: the share of the reviews whose label is predicted."""
        from sentiment.data import frames

        texts = frames.texts_in(reviews)
        return float(np.mean(self.verdicts(texts) == frames.numbers_of(labels, texts, self.ordered_classes_)))

    def annotate(self, reviews: "ReviewsLike", *, neutral: Neutral | None = None) -> "pd.DataFrame":
        """Columns `predicted_label` (positive or negative) and `positive_probability`, a row per review.

        With more than two labels, `predicted_label` and `probability_LABEL` of each, the worst first; and, where they
        are numbers, the mean number by these probabilities, as `expected_label` or `expected_` and the name of the
        Series that the labels were.

        Args:
            reviews: one text; a list; a Series, whose index is kept; or a DataFrame with a column `text`, or else
                `review`. A missing or blank review has a missing label and probability.
            neutral: of two labels, a band such as (0.35, 0.65): P(positive) from the first number on and below the
                second is called neutral. "auto" is the classifier's own band, which the one in the box has.

        Raises:
            InputError: there is no such column, a review is no text, or the band cannot be used.
        """
        import pandas as pd

        from sentiment.data import frames

        rule = self.rule(neutral=neutral)
        series = frames.reviews_in(reviews)
        has_text = series.notna().to_numpy(bool)
        scored = self.cumulative_probability(series[has_text].tolist())
        labels = np.full(len(series), None, object)
        labels[has_text] = rule.verdicts(scored)
        columns: dict[str, Any] = {PREDICTED_LABEL: pd.Series(labels, series.index, object)}
        for name, values in rule.probabilities(scored).items():
            columns[name] = np.full(len(series), np.nan, np.float32)
            columns[name][has_text] = values
        return pd.DataFrame(columns, index=series.index)

    def evaluate(self, reviews: "ReviewsLike", labels: "LabelsLike", *, name: str = "classifier") -> "Result":
        """Its metrics, predictions and behaviour on labelled reviews that it has not learned from.

        Args:
            reviews: N of them, as for `annotate`; those that are missing or blank are left out.
            labels: (N,), of both classes: those that it was trained with, 1 and 0, or names such as positive and neg.
            name: what the result calls the classifier.

        Raises:
            InputError: reviews and labels differ in number, a label is unknown, or all are of one class.
        """
        from sentiment.data import frames
        from sentiment.evaluation.result import evaluate_classifier

        series = frames.reviews_in(reviews)
        numbers = frames.numbers_of(labels, series, self.ordered_classes_)
        has_text = series.notna().to_numpy(bool)
        return evaluate_classifier(self, Reviews(series[has_text].tolist(), numbers[has_text]), name)

    def explain(self, text: str) -> Any:
        """Why it judges a review as it does, and what each word adds.

        Returns:
            For a network an `Explanation`: its gates and states, and the share of each word in the verdict. For the
            linear model an `NgramWeight` for each n-gram, the largest weight first.

        Raises:
            InputError: the text holds no word.
        """
        if isinstance(self.model_, LinearModel):
            return self.model_.explain(text)
        from sentiment.interpretation.explanation import explain

        return explain(self.model_, text, self.rule())

    def positive_probability(self, texts: Sequence[str]) -> np.ndarray:
        """P(positive) of each text, float32 (N,); it does not depend on the other texts."""
        return self.model_.positive_probability(texts)

    def cumulative_probability(self, texts: Sequence[str]) -> np.ndarray:
        """P(label > k) of each text for every label k but the best, float32 (N, K - 1); of two P(positive), (N,)."""
        return self.model_.cumulative_probability(texts)

    def verdicts(self, texts: Sequence[str]) -> np.ndarray:
        """The number of the label of each text, from 0, the worst, (N,): the median of their probabilities.

        Of two labels, positive from the threshold on.
        """
        return self.rule().numbers(self.cumulative_probability(texts))

    def rule(self, *, threshold: float | None = None, neutral: Neutral | None = None) -> VerdictRule:
        """How what `cumulative_probability` gives becomes the labels and columns of a table.

        Args:
            threshold: of two labels, in place of `threshold_`.
            neutral: as for `annotate`.

        Raises:
            InputError: both are given, the band cannot be used, or there are more than two labels.
        """
        rule = VerdictRule(self.label_names, self.label_column_, self.threshold_)
        return rule.changed(threshold, neutral, self.neutral_)

    # What it is made of ------------------------------------------------------------------------------------------

    @property
    def is_linear(self) -> bool:
        """Whether it is the linear model, and no network."""
        return isinstance(self.model_, LinearModel)

    @property
    def recurrent_model(self) -> RecurrentModel:
        """The network with its vocabulary and padding; the linear model has none."""
        assert isinstance(self.model_, RecurrentModel)
        return self.model_

    @property
    def keras_network(self) -> Any:
        """A Keras network with its weights, from int32 (batch, maxlen) to P(positive) (batch, 1)."""
        from sentiment.training.models import keras_network

        return keras_network(self.recurrent_model)

    @property
    def parameters(self) -> int:
        """How many numbers were learned."""
        return self.model_.parameters

    @property
    def frees_lock(self) -> bool:
        """Whether other threads of Python go on while it scores."""
        return self.model_.frees_lock

    def count_words(self, texts: Sequence[str]) -> np.ndarray:
        """Words that it reads of each text, and how many of them it knows, punctuation marks apart: int64 (N, 2)."""
        return count_words(self.model_, texts)

    def digest(self) -> str:
        """SHA-256 over all that decides a probability, as 32 hexadecimal digits."""
        return self.model_.digest()

    # Files -------------------------------------------------------------------------------------------------------

    def save(self, folder: str | Path, *, small: bool = False) -> None:
        """Write all that `load` reads into a folder; classifier.json comes last. Nothing is pickled.

        Args:
            small: round word vectors to 8 bits, which makes the file of weights a quarter as large and moves
                probabilities a little.

        Raises:
            InputError: the linear model is to be small.
        """
        if small and self.is_linear:
            raise InputError("The linear model has no word vectors to round: save it without small=True.")
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        files = self.recurrent_model.save(folder, small=True) if small else self.model_.save(folder)
        if self.learned is not None:
            self.learned.save(folder)
            files.append(FINGERPRINTS_FILE)
        description = ClassifierDescription.of(
            self.model_,
            folder,
            files,
            threshold=self.threshold_,
            unknown_share=self.unknown_share,
            classes=tuple(self.ordered_classes_.tolist()),
            neutral=self.neutral_,
            label_column=self.label_column_,
        )
        if self.profile_ is not None:
            saved = description.load_model(folder) if small else self.model_
            self.profile_.for_classifier(saved).save(folder)
        description.save(folder)

    @classmethod
    def load(cls, folder: str | Path) -> "SentimentClassifier":
        """Read what `save` or MLflow wrote. Nothing is unpickled.

        Raises:
            InputError: the folder lacks one of the files, or one is damaged or not what the others say.
        """
        folder = classifier_folder(Path(folder))
        try:
            classifier, description = cls(), ClassifierDescription.load(folder)
            classifier.model_ = description.load_model(folder)
            classes = description.classes
            classes = classes if positive_of(classes) == classes[1] or len(classes) > 2 else classes[::-1]
            classifier.ordered_classes_, classifier.threshold_ = np.array(classes), description.threshold
            classifier.unknown_share, classifier.history_ = description.unknown_share, {}
            classifier.neutral_, classifier.label_column_ = description.neutral, description.label_column
            classifier.learned = Fingerprints.load(folder) if FINGERPRINTS_FILE in description.sha256 else None
        except InputError:
            raise
        except Exception as error:  # NumPy and zipfile let errors of many kinds out of a foreign file
            raise damaged_classifier(folder, error) from error
        classifier.profile_ = ValidationProfile.load(folder, classifier)
        return classifier


def _texts_in(reviews: "ReviewsLike") -> list[str]:
    """The reviews as a list: a list of texts as it is, without pandas, which takes longer to import than to predict.

    Raises:
        InputError: a review is missing or no text.
    """
    if isinstance(reviews, list) and all(isinstance(text, str) and text.strip() for text in reviews):
        return reviews
    from sentiment.data import frames

    return frames.texts_in(reviews)


SETTINGS = tuple(inspect.signature(SentimentClassifier).parameters)
"""Names of the settings, those of `preset`, `seed` and `cell` among them."""
