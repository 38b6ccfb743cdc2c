"""From figures to verdicts: the tables, files and report of a comparison, of stages or of MLflow runs alike."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import pandas as pd

from pipelines.configuration import BASELINE
from pipelines.console import Console
from pipelines.files import write_file
from pipelines.stages.context import SYNTHETIC_NOTE, Context
from pipelines.working_directory import Stage
from sentiment.classifier import SentimentClassifier
from sentiment.errors import InputError
from sentiment.evaluation.comparison import Comparison, difference_rows, flip_rows
from sentiment.evaluation.metrics import metric_rows, tabulate_metrics
from sentiment.evaluation.result import Result
from sentiment.reporting.report import render_report
from sentiment.training.linear_model import LINEAR_MODEL
from sentiment.training.trained import TITLES

COMPARISON_FILE, DIFFERENCES_FILE, REPORT_FILE = "comparison.csv", "differences.csv", "report.html"
FLIPS_FILE = "flips.csv"


@dataclass(frozen=True)
class Findings:
    """A comparison and what it is of.

    Attributes:
        sources: where the reviews come from, for people.
        reviews: which of them were judged.
        is_synthetic: whether a program wrote the reviews.
        configuration: setting -> value.
        owner: what the report says of who may replace it, such as a working directory.
        classifier_of, lost: as `render_report` takes them.
    """

    comparison: Comparison
    sources: str
    is_synthetic: bool
    configuration: Mapping[str, object]
    owner: str
    classifier_of: Callable[[str], SentimentClassifier | None]
    reviews: str = "Test split"
    lost: str = ""

    @property
    def note(self) -> str:
        """The warning that goes before the figures, or ""."""
        return SYNTHETIC_NOTE if self.is_synthetic else ""

    def write(self, folder: Path) -> None:
        """Write comparison.csv, differences.csv, flips.csv and report.html."""
        self.comparison.metrics.to_csv(folder / COMPARISON_FILE)
        rows = [{**asdict(difference), "verdict": difference.verdict} for difference in self.comparison.differences]
        pd.DataFrame(rows).to_csv(folder / DIFFERENCES_FILE, index=False)
        flips = [pair.table.assign(model=pair.model, baseline=pair.baseline) for pair in self.comparison.flips]
        if flips:
            pd.concat(flips).to_csv(folder / FLIPS_FILE, index=False)
        report = render_report(
            self.comparison,
            title=f"{' vs '.join(self.comparison.results)} on {self.sources}",
            note=self.note,
            configuration=self.configuration,
            owner=self.owner,
            classifier_of=self.classifier_of,
            lost=self.lost,
        )
        (folder / REPORT_FILE).write_text(report, "utf-8")

    def publish(self, folder: Path, output: Path, console: Console, *, name: str) -> Path:
        """Copy the report of the folder, and show metrics and verdicts as tables.

        Args:
            output: a file to write; or a folder to write report-NAME.html in, and report.html too where none of another
                owner stands there.
            name: of the comparison, such as a run's ID.

        Returns:
            Where the report went.
        """
        report = (folder / REPORT_FILE).read_text("utf-8")
        places = [output]
        if output.is_dir():
            places = [output / f"report-{name}.html"]
            if is_ours(output / REPORT_FILE, self.owner):
                places.insert(0, output / REPORT_FILE)
        for place in places:
            write_file(place, report)
        title = title_of_reviews(self.sources, self.is_synthetic, self.reviews)
        console.table(title, *metric_rows(self.comparison.metrics, self.comparison.intervals))
        for sentence in self.comparison.warnings.values():
            console.say(f"            {sentence}.", style="yellow")
        if self.comparison.differences:
            scope = f"{title}, accuracy. {self.comparison.scope}"
            console.table(scope, *difference_rows(self.comparison.differences))
            console.table(f"{title}, flips. The report shows the reviews.", *flip_rows(self.comparison.flips))
        console.say(f"report      {', also as '.join(map(str, places))}")
        return places[0]


def is_ours(report: Path, owner: str) -> bool:
    """Whether a report may be written there: no file stands there, or an earlier report of the same owner."""
    return not report.exists() or owner in report.read_text("utf-8", "replace")


def place_of_page(output: Path, name: str, owner: str) -> Path:
    """Where a page goes: the file `output`, or the page of this name in that folder.

    A page of another owner stays: the new one then has its owner in its name.
    """
    if not output.is_dir():
        return output
    page = output / name
    return page if is_ours(page, owner) else page.with_stem(f"{page.stem}-{owner}")


def check_report(output: Path, owner: str, *, what: str = "report", suffix: str = ".html") -> None:
    """Refuse a place for the report, or for another file, that cannot be one, before hours of work.

    Raises:
        InputError: the place is neither a folder nor a file with this ending in a folder; or a file of another owner
            stands there.
    """
    if output.is_dir():
        return
    if output.suffix != suffix:
        raise InputError(
            f"The {what} cannot go to {output}: give a folder that exists, or a file ending with {suffix}."
        )
    if not output.parent.is_dir():
        raise InputError(f"The folder {output.parent}, where the {what} goes, does not exist: make it first.")
    if not is_ours(output, owner):
        raise InputError(f"{output} is there already, and not of these runs: name another file, or delete this one.")


def owner_of(context: Context) -> str:
    """What a report says of the working directory that it is of."""
    return context.work.key("report")[:8]


def compare(
    context: Context,
    results: Mapping[str, Sequence[Result]],
    output: Path | None = None,
    *,
    run_id: str | None = None,
    lost: str = "",
) -> tuple[Stage, Comparison, Path]:
    """All results -> comparison.csv, differences.csv, flips.csv and report.html, also shown as tables.

    Args:
        output: where a copy of the report goes; None for the folder of the working directory.
        run_id: of MLflow, to name the copy by; None for the digest of the comparison.
        lost: a sentence on the lines of the table that could not be read, or "".

    Returns:
        The stage, the comparison, and where the copy of the report is.
    """
    source = context.config.source
    comparison = with_baseline(results)
    findings = Findings(
        comparison,
        source.name,
        source.is_synthetic,
        context.config.flat(),
        owner_of(context),
        classifier_of=lambda title: SentimentClassifier.load(results[title][0].classifier_folder),
        lost=lost,
    )
    evaluated = [[result.name, result.digest] for seeds in results.values() for result in seeds]
    read = ", ".join(f"evaluate {digest}" for _, digest in evaluated)
    key = {"evaluated": evaluated, "configuration": context.config.flat()}
    stage = context.run_stage("compare", read, key, findings.write, code=("evaluation", "interpretation", "reporting"))
    name = (run_id or stage.digest)[:8]
    report = findings.publish(stage.folder, output or context.work.path.parent, context.console, name=name)
    return stage, comparison, report


def show_metrics(context: Context, results: Mapping[str, Sequence[Result]]) -> None:
    """The metrics of some models as a table."""
    metrics = tabulate_metrics({title: [result.metrics for result in seeds] for title, seeds in results.items()})
    source = context.config.source
    context.console.table(title_of_reviews(source.name, source.is_synthetic), *metric_rows(metrics))


def with_baseline(results: Mapping[str, Sequence[Result]]) -> Comparison:
    """The comparison with the baseline, or with the first model where the baseline is missing.

    Args:
        results: title of the model -> a result for each seed.
    """
    baseline = TITLES[BASELINE]
    return Comparison(
        results,
        baseline if baseline in results else next(iter(results)),
        reference=LINEAR_MODEL if LINEAR_MODEL in results else None,
    )


def title_of_reviews(sources: str, is_synthetic: bool, reviews: str = "Test split") -> str:
    """What stands over the figures of some reviews."""
    return f"{reviews} of {sources}{' (synthetic reviews)' if is_synthetic else ''}"
