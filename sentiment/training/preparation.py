"""Preparation: what a network learns from, and what it knows before it learns.

vocabulary -> padding -> word vectors -> document vectors
"""

import functools
from pathlib import Path
from typing import Literal

import numpy as np

from sentiment.data.corpus import Corpus
from sentiment.data.sequences import pad_texts
from sentiment.data.tokenizer import Tokenizer, is_english, sample
from sentiment.data.vocabulary import Vocabulary
from sentiment.training import start
from sentiment.training.latent_semantics import document_vectors
from sentiment.training.lexicon import Lexicon
from sentiment.training.people import People
from sentiment.training.recipe_config import RecipeConfig
from sentiment.training.snippets import readable
from sentiment.training.steps import Inputs, Output, Step, Steps
from sentiment.training.word_vectors import learn_word_vectors

Split = Literal["train", "unlabelled"]

KEPT = 6
"""At most one in so many words of the vocabulary is there for the lexicon, however seldom reviews use it."""


class Preparation:
    """The steps of the recipe that are the same for every network. What a step needs of others it asks for.

    Args:
        config: what to do.
        corpus: the reviews.
        steps: runs the steps.
        start: a trained model to fine-tune, whose vocabulary the reviews grow.
    """

    def __init__(
        self, config: RecipeConfig, corpus: Output[Corpus], steps: Steps, start: Output[start.Start] | None
    ) -> None:
        self.config, self.corpus, self.start, self._steps = config, corpus, start, steps

    @functools.cached_property
    def vocabulary(self) -> Output[Vocabulary]:
        """The most frequent words of the training reviews; or those of the start, and new ones behind them."""
        config = self.config.vocabulary

        def compute(_: Path) -> Vocabulary:
            corpus = self.corpus.value
            if self.start is not None:
                known, new = self.start.value.model.vocabulary, (*corpus.train.texts, *corpus.unlabelled.texts)
                return known.grown(new, start.MIN_COUNT)
            if not config.names and not Tokenizer(config.punctuation_tokens).capitals_mean_names(corpus.train.texts):
                self._steps.note(
                    "The training reviews capitalize more than names, as German does with every noun, so --no-names "
                    "leaves no word out."
                )
            return Vocabulary.fit(
                corpus.train.texts,
                config.num_words,
                config.punctuation_tokens,
                symbols=config.symbols,
                names=config.names,
                kept=self.lexicon.words(config.num_words // KEPT) if self.lexicon is not None else (),
            )

        if self.start is not None:
            self.start.value.check_labels(self.corpus.value.label_names)
            self._steps.note(start.check_language(self.start.value, self.corpus.value.train.texts))
        inputs: Inputs = {"load": self.corpus, "start": self.start}
        settings = {"vocabulary": config.model_dump(), "lexicon": self.config.training.lexicon}
        code = ("data", "training/lexicon.py", "training/lexicon.toml")
        return self._steps.run(Step("vocabulary", Vocabulary, compute, inputs, settings, code=code))

    @functools.cache  # noqa: B019 - a recipe lives as long as its command
    def padded(self, split: Split) -> Output[np.ndarray]:
        """The indices of the words of a split: int32 (N, maxlen)."""

        def compute(_: Path) -> np.ndarray:
            texts = getattr(self.corpus.value, split).texts
            return pad_texts(texts, self.vocabulary.value, self.config.sequences)

        settings = {"sequences": self.config.sequences.model_dump(), "split": split}
        inputs: Inputs = {"load": self.corpus, "vocabulary": self.vocabulary}
        return self._steps.run(Step("pad", np.ndarray, compute, inputs, settings, code=("data",), label=split))

    @property
    def learns_unlabelled(self) -> bool:
        """Whether a network learns anything from reviews without labels."""
        return bool(self.config.pretraining.word_vectors or self.config.pretraining.pseudo_label_epochs)

    @property
    def learns_pseudo_labels(self) -> bool:
        """Whether a teacher labels the unlabelled reviews."""
        return bool(self.config.pretraining.pseudo_label_epochs and len(self.corpus.value.unlabelled))

    def pad_all(self) -> dict[Split, Output[np.ndarray]]:
        """Every split that a network learns from."""
        splits: tuple[Split, ...] = ("train", "unlabelled") if self.learns_unlabelled else ("train",)
        return {split: self.padded(split) for split in splits}

    @functools.cached_property
    def word_vectors(self) -> Output[np.ndarray] | None:
        """Vectors of the words, from the words beside them: float32 (num_words, embedding_dim)."""
        if not self.config.pretraining.word_vectors:
            return None
        padded, size = self.pad_all(), self.config.model.embedding_dim

        def compute(_: Path) -> np.ndarray:
            inputs, vocabulary = np.concatenate([split.value for split in padded.values()]), self.vocabulary.value
            ratings = None if self.lexicon is None else self.lexicon.ratings_in(vocabulary)
            return learn_word_vectors(inputs, vocabulary.num_words, size, ratings)

        inputs: Inputs = {"vocabulary": self.vocabulary, **{f"pad_{split}": output for split, output in padded.items()}}
        settings = {"size": size, "lexicon": self.config.training.lexicon}
        return self._steps.run(Step("word-vectors", np.ndarray, compute, inputs, settings))

    @functools.cached_property
    def document_vectors(self) -> Output[np.ndarray] | None:
        """Vectors of the reviews of train and the unlabelled ones, which help to teach: float32 (N + M, size)."""
        size = self.config.pretraining.document_vectors
        if not (size and self.learns_pseudo_labels):
            return None

        def compute(_: Path) -> np.ndarray:
            corpus = self.corpus.value
            return document_vectors([*corpus.train.texts, *corpus.unlabelled.texts], size)

        return self._steps.run(Step("document-vectors", np.ndarray, compute, {"load": self.corpus}, {"size": size}))

    @functools.cached_property
    def is_english(self) -> bool:
        """Whether the training reviews are English, as all that knows a language of its own asks for."""
        english = is_english(Tokenizer().counts(map(readable, sample(self.corpus.value.train.texts))))
        training = self.config.training
        if not english and (training.counterfactual_share or training.lexicon or training.exchange_people):
            self._steps.note(
                "The training reviews are not English, so what knows English alone stays out: the rules that turn "
                "clauses into their opposite, the lexicon and the words for people. Random snippets of reviews take "
                "the place of turned clauses."
            )
        return english

    @functools.cached_property
    def lexicon(self) -> Lexicon | None:
        """What rates words whatever the domain, where the configuration asks for it and the reviews are English."""
        return Lexicon() if self.config.training.lexicon and self.is_english else None

    @functools.cached_property
    def people(self) -> People | None:
        """The words for people that are exchanged, where the configuration asks for it and the reviews are English."""
        return People(self.vocabulary.value) if self.config.training.exchange_people and self.is_english else None
