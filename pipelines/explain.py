"""Explaining one review: on the terminal, and as an HTML page, a picture or numbers in a file."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
from rich.text import Text

from pipelines.console import Console
from sentiment.classifier import SentimentClassifier
from sentiment.corpus import LABEL_NAMES
from sentiment.errors import InputError
from sentiment.explanation import Explanation, explain
from sentiment.explanation_picture import draw, render_html, segments, summary
from sentiment.sources import SourceConfig
from sentiment.sources.table import find_table, read_table

BLOCKS = "▁▂▃▄▅▆▇█"
"""Eighths of the way from P(positive) 0 to 1."""

DECISIVE_WORDS = 8
"""Words in the table on the terminal."""


def explain_review(console: Console, text: str, *, model: str | None, output: Path | None, work_dir: Path) -> None:
    """Explain one review.

    Args:
        model: folder of a classifier or URI of a logged model; None for the newest LSTM in `work_dir`, else the newest
            model.
        output: .html, .png or .json file to write.

    Raises:
        InputError: there is no such model, it has no recurrent layer, the text holds no word, or `output` cannot be
            written.
    """
    write = None if output is None else _writer(output)
    with console.without_native_log():
        from sentiment import tracking

        tracking.silence()
        folder = tracking.classifier_folder(model) if model else _newest_classifier(work_dir)
        explanation = explain(SentimentClassifier.load(folder), text)
    console.say(f"{'model':<11} {folder}")
    _show(console, explanation)
    if output is not None and write is not None:
        partial = output.with_name(f"{output.name}.partial")
        write(explanation, partial)
        partial.replace(output)
        console.say(f"{'explanation':<11} wrote {output}")


def read_review(path: Path, row: int, text_column: str) -> str:
    """One review of a table.

    Args:
        row: from 1, the header not counted.

    Raises:
        InputError: the file cannot be read, or lacks the column or the row.
    """
    [path] = find_table(SourceConfig(source="table", data=path), show_progress=False)
    table = read_table(path)
    if text_column not in table.columns:
        columns = ", ".join(map(str, table.columns))
        raise InputError(f"{path} has no column {text_column}; its columns are {columns}. Choose with --text-column.")
    if not 1 <= row <= len(table):
        raise InputError(f"{path} has no row {row}: choose --row from 1 to {len(table):,}.")
    return str(table[text_column].iloc[row - 1])


def to_json(explanation: Explanation) -> str:
    """All that an Explanation holds; gates and states as lists of shape (tokens, units)."""
    content = {
        "text": explanation.text,
        "predicted_label": LABEL_NAMES[int(explanation.probability >= explanation.threshold)],
        "positive_probability": explanation.probability,
        "threshold": explanation.threshold,
        "baseline_probability": explanation.baseline_probability,
        "cut_words": [explanation.text[slice(*span)] for span in explanation.cut_spans],
        "tokens": explanation.tokens,
        "out_of_vocabulary": explanation.out_of_vocabulary.tolist(),
        "running_verdict": explanation.running_verdict.tolist(),
        "occlusion": explanation.occlusion.tolist(),
        "integrated_gradients": explanation.integrated_gradients.tolist(),
        "layers": [
            {"name": layer.name, **{name: values.tolist() for name, values in layer.values.items()}}
            for layer in explanation.layers
        ],
    }
    return json.dumps(content, ensure_ascii=False)


def _writer(output: Path) -> Callable[[Explanation, Path], object]:
    writers: dict[str, Callable[[Explanation, Path], object]] = {
        ".html": lambda explanation, path: path.write_text(render_html(explanation), "utf-8"),
        ".png": lambda explanation, path: draw(explanation).savefig(path, format="png"),
        ".json": lambda explanation, path: path.write_text(to_json(explanation), "utf-8"),
    }
    if output.suffix.lower() not in writers:
        raise InputError(f"--output {output} must end with {', '.join(writers)}.")
    if not output.parent.is_dir():
        raise InputError(f"--output {output}: there is no folder {output.parent}; make it first.")
    return writers[output.suffix.lower()]


def _newest_classifier(work_dir: Path) -> Path:
    def rank(stage: Path) -> tuple[bool, float]:
        return json.loads(stage.read_text("utf-8"))["cell"] == "lstm", stage.stat().st_mtime

    stages = sorted(work_dir.glob("train/*/stage.json"), key=rank)
    if not stages:
        raise InputError(f"{work_dir} holds no trained model: run `sentiment run-pipeline` first, or give --model.")
    return stages[-1].parent / "classifier"


def _show(console: Console, explanation: Explanation) -> None:
    for sentence in summary(explanation):
        console.say(f"            {sentence}")
    text = Text()
    for segment in segments(explanation):
        style = {"unknown": "italic underline ", "cut": "dim strike", "start": "dim "}.get(segment.kind, "")
        if abs(segment.contribution) > 0.1:
            style += f"black on {_blend(segment.colour)}"
        text.append(segment.text, style)
        if segment.kind == "start":
            text.append(" ")
    console.show(text)
    levels = np.minimum((explanation.running_verdict * len(BLOCKS)).astype(int), len(BLOCKS) - 1)
    console.say("            P(positive) after each word, from ▁ 0 % to █ 100 %:")
    line = "".join(BLOCKS[level] for level in levels)
    for first in range(0, len(line), console.width):
        console.show(Text(line[first : first + console.width]))
    strongest = np.argsort(-np.abs(explanation.integrated_gradients), kind="stable")[:DECISIVE_WORDS]
    rows = [
        [
            explanation.tokens[position] + (" (out of vocabulary)" if explanation.out_of_vocabulary[position] else ""),
            f"{100 * explanation.integrated_gradients[position]:+.1f}",
            f"{100 * explanation.occlusion[position]:+.1f}",
            f"{explanation.running_verdict[position]:.1%}",
        ]
        for position in strongest
    ]
    console.table(
        "What decided, in points of P(positive)",
        ["word", "integrated gradients", "occlusion", "verdict so far"],
        rows,
    )


def _blend(colour: str) -> str:
    """#rrggbbaa over white, as #rrggbb."""
    red, green, blue, alpha = bytes.fromhex(colour[1:])
    return "#" + "".join(f"{round(255 + (part - 255) * alpha / 255):02x}" for part in (red, green, blue))
