"""render_playground: weights, vocabulary and the modules of this folder joined into one HTML file.

The page makes no request: scripts and styles stand in it, named by their digests in its content security policy,
which forbids everything else. All data are read as text, so a review that holds markup is shown as it was written.
"""

import base64
import functools
import hashlib
import json
import re
import sys
import tomllib
import unicodedata
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from importlib.resources import files
from typing import Any

import jinja2
import numpy as np
from markupsafe import Markup

from sentiment.classifier import SentimentClassifier
from sentiment.data.labels import label_numbers
from sentiment.data.markup import ENTITIES, ENTITY, TAG
from sentiment.data.symbols import SYMBOL, TOKENS
from sentiment.data.tokenizer import FILTERS, TYPOGRAPHY, UNSPACED
from sentiment.data.vocabulary import INDEX_FROM, LENGTHENED
from sentiment.interpretation.explanation import (
    COMPLETENESS,
    MOST_HALVINGS,
    SEGMENT_POINTS,
    SMALLEST_DIFFERENCE,
    Explanation,
)
from sentiment.reporting.playground.weights import describe_network
from sentiment.version import __version__

ENTRY = "app.js"
"""The module that starts the page; all others are imported from it on."""

MOST_SEGMENTS = 16
"""Segments of the path of integrated gradients: a browser takes seconds for each, so it stops long before Python."""

COMPARED = ("text", "probability", "running_verdict", "occlusion", "integrated_gradients", "baseline_probability")
"""What the page shows of an Explanation beside its own numbers."""

SIGMA, FINAL_SIGMA = "\u03a3", "\u03c2"

_IMPORT = re.compile(r'^import (?:\{[^}]*\} from )?"\./([\w.]+)";\n', re.MULTILINE)
_EXPORT = re.compile(r"^export (?=const|function|class|let)", re.MULTILINE)


@dataclass(frozen=True)
class Example:
    """A review to begin with.

    Attributes:
        title: what it shows, in a few words.
        text: the review.
        label: its right verdict, positive or negative, where it is known.
    """

    title: str
    text: str
    label: str = ""


def render_playground(
    classifier: SentimentClassifier,
    examples: Sequence[Example] = (),
    *,
    exact: bool = False,
    name: str = "",
    note: str = "",
    opened_on: Explanation | None = None,
) -> str:
    """The classifier as one HTML page that needs nothing else.

    Args:
        examples: reviews to show before the page's own examples, such as the surest right and wrong test review.
        exact: keep all weights as float32; else the word vectors are kept as float16 or int8 (see `describe_network`).
        name: of the model, shown to people.
        note: a warning that goes before everything else.
        opened_on: the review to open the page on, with the numbers of Python beside those of the page.
    """
    content, weights = page_data(classifier, examples, exact=exact, name=name, opened_on=opened_on)
    guard, script, style = _source("guard.js"), joined_script(), _source("page.css")
    policy = (
        f"default-src 'none'; script-src {_digest(guard)} {_digest(script)}; style-src {_digest(style)}; "
        "img-src data:; base-uri 'none'; form-action 'none'"
    )
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined, keep_trailing_newline=True)
    return environment.from_string(_source("page.html")).render(
        title=f"{name or 'Sentiment'}: playground",
        note=note,
        labels=content["labels"],
        measure=content["measure"],
        style=Markup(style),
        guard=Markup(guard),
        script=Markup(script),
        # JSON that cannot end the element which holds it
        data=Markup(json.dumps(content, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")),
        weights=weights,
        policy=policy,
    )


def page_data(
    classifier: SentimentClassifier,
    examples: Sequence[Example] = (),
    *,
    exact: bool = False,
    name: str = "",
    opened_on: Explanation | None = None,
) -> tuple[dict[str, Any], str]:
    """What the modules in JavaScript work on: everything but the weights, ready for JSON, and the weights in base64."""
    model = classifier.recurrent_model
    network, sequences, vocabulary = model.network, model.sequences, model.vocabulary
    labels = classifier.label_names
    numbers = label_numbers(labels)
    layers, arrays = describe_network(network, INDEX_FROM + len(vocabulary.words), exact=exact)
    nodes, weights = np.polynomial.legendre.leggauss(SEGMENT_POINTS)
    content = {
        "name": name,
        "version": __version__,
        "labels": list(labels),
        "numbers": None if numbers is None else numbers.tolist(),
        "measure": classifier.rule().measure,
        "cut_points": network.cut_points.tolist(),
        "threshold": classifier.threshold_,
        "vocabulary": {"words": list(vocabulary.words), "num_words": vocabulary.num_words},
        "tokenizer": {  # all that tokenizer.js needs to find the same tokens
            **character_tables(),
            "filters": FILTERS,
            "punctuation_tokens": vocabulary.tokenizer.punctuation_tokens,
            "typography": TYPOGRAPHY,
            "markup": {"entity": ENTITY, "entities": ENTITIES, "tag": TAG},
            "unspaced": UNSPACED,
            "symbols": vocabulary.tokenizer.symbols and {"pattern": SYMBOL, "tokens": TOKENS, "lengthened": LENGTHENED},
        },
        "sequences": {
            "maxlen": sequences.maxlen,
            "padding": sequences.padding,
            "truncating": sequences.truncating,
            "skips_padding": network.mask_padding,
        },
        "layers": layers,
        "arrays": arrays.manifest,
        "gradients": {
            "nodes": ((nodes + 1) / 2).tolist(),
            "weights": (weights / 2).tolist(),
            "completeness": COMPLETENESS,
            "most_halvings": MOST_HALVINGS,
            "most_segments": MOST_SEGMENTS,
            "smallest_difference": SMALLEST_DIFFERENCE,
        },
        "examples": [asdict(example) for example in (*examples, *own_examples())],
        "opened_on": opened_on and {name: np.asarray(getattr(opened_on, name)).tolist() for name in COMPARED},
    }
    return content, arrays.base64()


@functools.cache
def character_tables() -> dict[str, Any]:
    """White space, lower case, and sets of characters as the gaps and lengths of their ranges.

    `str.lower`, `str.split` and `unicodedata.normalize` follow the Unicode version of this Python; a browser has its
    own.

    `cased` and `ignorable` decide the form of the Greek sigma (Unicode, section 3.13, Final_Sigma). Python does not
    name these sets, but what `str.lower` makes of a sigma beside a character shows them. Cased characters that are
    ignorable as well are in `ignorable` alone.
    """
    assigned: list[str] = []
    unassigned: list[str] = []
    for character in map(chr, range(sys.maxunicode + 1)):
        (unassigned if unicodedata.category(character) == "Cn" else assigned).append(character)
    cased = [character for character in assigned if f"{character}{SIGMA}".lower()[-1] == FINAL_SIGMA]
    either = [character for character in assigned if f"a{character}{SIGMA}".lower()[-1] == FINAL_SIGMA]
    return {
        "white_space": "".join(filter(str.isspace, assigned)),
        "lower": {character: lower for character in assigned if (lower := character.lower()) != character},
        "cased": _ranges(cased),
        "ignorable": _ranges(sorted({*either}.difference(cased))),
        "unassigned": _ranges(unassigned),
    }


def _ranges(characters: Sequence[str]) -> list[int]:
    """How far from the end of one range of ordered characters to the start of the next, and its length, in turns."""
    codes = np.array([ord(character) for character in characters])
    first = np.flatnonzero(np.diff(codes, prepend=-2) != 1)
    starts, ends = codes[first], codes[np.append(first[1:] - 1, -1)] + 1
    widths: list[int] = np.stack([starts - np.append(0, ends[:-1]), ends - starts], axis=1).ravel().tolist()
    return widths


def own_examples() -> list[Example]:
    """The reviews that stand in examples.toml."""
    return [Example(**entry) for entry in tomllib.loads(_source("examples.toml"))["example"]]


def joined_script() -> str:
    """ENTRY and all modules that it imports, each once and after what it imports, as one module without imports."""
    parts: dict[str, str] = {}

    def add(module: str) -> None:
        if module not in parts:
            source = _source(module)
            parts[module] = ""
            for imported in _IMPORT.findall(source):
                add(imported)
            del parts[module]
            parts[module] = _EXPORT.sub("", _IMPORT.sub("", source)).strip()

    add(ENTRY)
    return "\n\n".join(f"// {module}\n{source}" for module, source in parts.items())


def _source(name: str) -> str:
    return files(__package__).joinpath(name).read_text("utf-8")


def _digest(source: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(source.encode()).digest()).decode()}'"
