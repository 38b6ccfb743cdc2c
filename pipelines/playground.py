"""The playground: a trained classifier as one web page that works offline."""

from pathlib import Path

from pipelines.console import Console
from pipelines.files import write_file
from pipelines.models import located_classifier
from sentiment.classifier import SentimentClassifier, load_classifier
from sentiment.errors import InputError
from sentiment.reporting.playground import render_playground


def write_playground(console: Console, model: str | None, page: Path, *, exact: bool) -> None:
    """Write a classifier as a web page.

    Args:
        model: a folder, or a model URI of MLflow; None for the champion.
        page: .html file to write.
        exact: keep the weights as float32.

    Raises:
        InputError: there is no such model, the page cannot run it, or `page` cannot be written.
    """
    if page.suffix.lower() not in (".html", ".htm"):
        raise InputError(f"{page} must end with .html, as it is a web page.")
    if not page.parent.is_dir():
        raise InputError(f"{page}: there is no folder {page.parent}; make it first.")
    with located_classifier(model) as (folder, name), console.without_native_log():
        classifier = load_classifier(folder)
        if not isinstance(classifier, SentimentClassifier):
            raise InputError(f"{name} is the linear model: the playground needs an LSTM, GRU or SimpleRNN; name one.")
        content = render_playground(classifier, exact=exact, name=name)
    write_file(page, content)
    console.say(f"{'model':<11} {name}")
    console.say(f"{'playground':<11} wrote {page}, {len(content.encode()) / 1e6:.1f} MB: open it in a browser")
