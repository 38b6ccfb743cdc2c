"""PretrainingConfig: what a network starts from, and what teaches it beside its labels."""

from pydantic import Field

from sentiment.configuration import Configuration


class PretrainingConfig(Configuration):
    """What the network starts from, and what teaches it beside its labels."""

    start_from: str | None = Field(
        None,
        min_length=1,
        description="Trained classifier to start from: imdb, which comes with sentiment, models:/NAME@ALIAS, "
        "runs:/ID/model or a folder. Cell, shape, vocabulary and padding are its own.",
    )
    word_vectors: bool = Field(
        False, description="Start from word vectors learned from the training and the unlabelled reviews."
    )
    document_vectors: int = Field(
        0,
        ge=0,
        le=2_000,
        description="Length of the vectors of reviews that help the linear model to teach; 0: it teaches alone.",
    )
    pseudo_label_epochs: int = Field(
        0,
        ge=0,
        description="Passes over all reviews, instead of --epochs, where there are unlabelled ones. Linear models "
        "label those; from the second pass on, their mean log-odds with the network do.",
    )
    label_softness: float = Field(
        0.0,
        ge=0,
        le=1,
        description="Weight of the teacher's probability in a training label beside the pseudo-labels; the teacher has "
        "not seen the label of that review.",
    )
