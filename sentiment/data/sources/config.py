"""SourceConfig: where reviews come from, and how they are read."""

from pathlib import Path
from typing import Literal

from pydantic import Field, model_validator

from sentiment.configuration import Configuration
from sentiment.data.files import USUALLY_ALLOWED, ReadOptions
from sentiment.data.labels import given_order, label_word
from sentiment.errors import InputError

SourceName = Literal["imdb", "keras", "aclimdb", "tfds", "table", "demo"]

RATINGS = "ratings"
"""What the labels of the archive are called where they are its own ratings."""


class SourceConfig(Configuration):
    """Which reviews to read."""

    source: SourceName = Field("imdb", description="Where the reviews come from.")
    data: Path | None = Field(
        None,
        description="Reviews on disk. imdb, tfds: the tensorflow-datasets folder; keras: imdb.npz or its folder; "
        "aclimdb: the archive, or its folder; table: a file, folder or pattern.",
    )
    dataset: str | None = Field(
        None,
        pattern=r"^\w+(/[\w.-]+)?$",
        description="tfds: name of a text data set of tensorflow-datasets, such as yelp_polarity_reviews or glue/sst2.",
    )
    text_column: str | None = Field(
        None,
        description="table, tfds: column that holds the reviews; by default `text`, or else `review`, or else the only "
        "text of a data set.",
    )
    label_column: str | None = Field(
        None,
        description="table, tfds: column with labels such as positive/negative, 0/1, or three or more numbers; by "
        "default `label`, or else `sentiment`, or else the only label of a data set.",
    )
    labels: tuple[str, ...] = Field(
        (),
        description="table, tfds: labels from worst to best, comma-separated, such as negative,neutral,positive; rows "
        "with any other are left out. Numbers and common names need no order. aclimdb: ratings, for those of IMDB.",
    )
    positive: tuple[str, ...] = Field(
        (),
        description="table, tfds: values of the label column that are positive, comma-separated, such as 4,5 of stars.",
    )
    negative: tuple[str, ...] = Field(
        (), description="table, tfds: values that are negative, such as 1,2; rows with any other value are left out."
    )
    test_data: Path | None = Field(
        None, description="table: the reviews to test on, where they are files of their own."
    )
    test_fraction: float = Field(
        0.2, gt=0, lt=1, description="table, tfds: share of the reviews to test on, where nothing else says which."
    )
    encoding: str | None = Field(None, description="table: text encoding, such as cp1252; by default UTF-8 or UTF-16.")
    delimiter: str | None = Field(None, description="table: character between cells, or tab; by default found out.")
    quote: str | None = Field(None, description="table: quotation mark around cells, or none; by default found out.")
    header: bool = Field(
        True, description="table: the first line names the columns; else they are column1, column2, ..."
    )
    allow_rejected: float = Field(
        USUALLY_ALLOWED, gt=0, le=1, description="table: go on while a smaller share of the lines cannot be read."
    )

    keep_duplicates: bool = Field(
        False, description="Keep train and unlabelled reviews whose text stands in test, as published figures do."
    )

    @property
    def read_options(self) -> ReadOptions:
        """How to read tables.

        Raises:
            InputError: an option has a value that cannot be.
        """
        return ReadOptions(self.encoding, self.delimiter, self.quote, self.header)

    @property
    def is_synthetic(self) -> bool:
        """Whether a program writes the reviews."""
        return self.source == "demo"

    @property
    def name(self) -> str:
        """What the reviews are called: the source, or its data set, or IMDB's ratings."""
        return self.dataset or ("imdb-ratings" if self.reads_ratings else self.source)

    @property
    def reads_ratings(self) -> bool:
        """Whether the labels are the ratings of the archive."""
        return self.source == "aclimdb" and bool(self.labels)

    @model_validator(mode="after")
    def _names_a_dataset(self) -> "SourceConfig":
        if (self.dataset is None) == (self.source == "tfds"):
            raise ValueError(
                "--source tfds and --dataset go together: name a text data set of tensorflow-datasets, such as "
                f"--dataset yelp_polarity_reviews, and not --source {self.source}"
                if self.dataset
                else "--source tfds needs --dataset: the name of a text data set, such as yelp_polarity_reviews"
            )
        return self

    @model_validator(mode="after")
    def _orders_labels(self) -> "SourceConfig":
        if not self.labels:
            return self
        if self.positive or self.negative:
            raise ValueError(
                "--labels keeps all labels apart, and --positive and --negative make two classes of them: give one of "
                "both"
            )
        is_ratings = [*map(label_word, self.labels)] == [RATINGS]
        if is_ratings != (self.source == "aclimdb"):
            raise ValueError(
                f"--labels {RATINGS} and --source aclimdb go together, as its file names end with ratings: name the "
                "labels of other sources, the worst first"
            )
        if self.source not in ("aclimdb", "table", "tfds"):
            raise ValueError(
                f"--labels is for --source table, tfds and aclimdb: the reviews of {self.source} are positive or "
                "negative, so leave it out"
            )
        if not is_ratings:
            given_order(self.labels)
        return self

    @model_validator(mode="after")
    def _names_both_classes_apart(self) -> "SourceConfig":
        if bool(self.positive) != bool(self.negative):
            raise ValueError("positive and negative go together: give the values of both")
        shared = sorted({label_word(value) for value in self.positive} & {label_word(value) for value in self.negative})
        if shared:
            raise ValueError(f"{', '.join(shared)} cannot be both positive and negative: name each value once")
        return self

    def existing_data(self) -> Path:
        """`data`, which this source needs.

        Raises:
            InputError: it was not given or does not exist.
        """
        if self.data is None:
            raise InputError(f"--source {self.source} needs --data: the path of the reviews.")
        if not self.data.exists():
            raise InputError(f"{self.data} does not exist: give an existing path as --data.")
        return self.data
