"""Batch scoring on real Sparks: the bytes of one machine, with workers killed and tasks run twice."""

import gzip
import json
import shutil
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pandas as pd
import psutil
import pytest

from sentiment.batch.spark import SparkScoring
from sentiment.classifier import SentimentClassifier
from sentiment.data.files import ReadOptions, TableFile
from sentiment.data.verdicts import VerdictRule
from sentiment.errors import InputError
from tests.conftest import PipelineRun, command_in
from tests.pipelines.test_score import NASTY
from tests.pipelines.test_score_sure import with_abstention

ROOT = Path(__file__).parents[2]

needs_java = pytest.mark.skipif(shutil.which("java") is None, reason="Spark needs Java")


@needs_java
def test_spark_writes_the_bytes_of_one_machine(small_run: PipelineRun, tmp_path: Path) -> None:
    """Two threads; a file of more than one chunk, one of nasty rows, one of blank reviews alone."""
    folder = tmp_path / "in"
    folder.mkdir()
    write_reviews(small_run, folder / "a.csv", 2_500)
    (folder / "b.csv").write_bytes(NASTY)
    (folder / "c.csv.gz").write_bytes(gzip.compress(b"id,text,formula\n1, ,x\n"))
    with_abstention(small_run.classifier, tmp_path / "classifier", small_run.predictions["text"].tolist())
    command = command_in(tmp_path)
    arguments = ["--model", "classifier/", "--sure", "0.9", "--allow-rejected", "0.5"]
    command.run("score", "in", "local.jsonl", *arguments)
    output = command.run("score", "in", "spark.jsonl", *arguments, "--engine", "spark", "--spark-master", "local[2]")
    assert "2,504" in output
    assert "answered at a promised 90.0%" in output
    assert "drift" in output
    parts = sorted((tmp_path / "spark.jsonl").glob("part-*"))
    assert len(parts) == 3
    assert b"".join(part.read_bytes() for part in parts) == (tmp_path / "local.jsonl").read_bytes()
    rejected = [(tmp_path / f"{name}.jsonl.rejected.jsonl").read_bytes() for name in ("spark", "local")]
    assert rejected[0] == rejected[1]
    assert rejected[0].count(b"\n") == 3


@needs_java
def test_a_killed_worker_loses_and_doubles_nothing(small_run: PipelineRun, tmp_path: Path) -> None:
    """One of the two workers of a cluster; that one of its tasks began anew, Spark's own log of events tells."""
    (tmp_path / "in").mkdir()
    for number in range(6):
        write_reviews(small_run, tmp_path / "in" / f"{number}.csv", 4_000 + number)
    (tmp_path / "events").mkdir()
    options = "enabled=true", "compress=false", "rolling.enabled=false", f"dir={tmp_path / 'events'}"
    given = " ".join(f"--conf spark.eventLog.{option}" for option in options)
    command = command_in(tmp_path, PYSPARK_SUBMIT_ARGS=f"{given} pyspark-shell")
    arguments = ["--model", str(small_run.classifier)]
    spark = ["--engine", "spark", "--spark-master", "local-cluster[2,1,1024]"]
    process = command.start("score", "in", "spark.csv", *arguments, *spark)
    while not any((tmp_path / "spark.csv.partial").glob("table/*.tally.json")):
        assert process.poll() is None, process.communicate()[0]
        time.sleep(0.01)
    executors = [
        child
        for child in psutil.Process(process.pid).children(recursive=True)
        if child.status() != psutil.STATUS_ZOMBIE
        and "org.apache.spark.executor.CoarseGrainedExecutorBackend" in child.cmdline()
    ]
    assert len(executors) == 2
    executors[0].kill()
    output, _ = process.communicate(timeout=300)
    assert process.returncode == 0, output
    assert "24,015" in output
    [log] = (tmp_path / "events").iterdir()
    events = [json.loads(line)["Event"] for line in log.read_text().splitlines()]
    assert "SparkListenerExecutorRemoved" in events
    assert events.count("SparkListenerTaskStart") > 6
    assert {path.name for path in tmp_path.iterdir()} == {"in", "events", "spark.csv"}
    parts = sorted((tmp_path / "spark.csv").iterdir())
    assert [path.name for path in parts] == ["_SUCCESS", *(f"part-0000{number}.csv" for number in range(6))]
    command.run("score", "in", "local.csv", *arguments)
    header, rows = (tmp_path / "local.csv").read_bytes().split(b"\n", 1)
    written = [part.read_bytes().split(b"\n", 1) for part in parts[1:]]
    assert {first for first, _ in written} == {header}
    assert b"".join(rest for _, rest in written) == rows


def test_attempts_at_a_part_side_by_side_leave_one(small_run: PipelineRun, tmp_path: Path) -> None:
    """As Spark makes them by speculation, though never on one host: so they are threads here."""
    scoring = scoring_of(small_run, tmp_path, rows=5_000)
    with ThreadPoolExecutor(3) as attempts:
        list(attempts.map(scoring.write_part, [0] * 3, [small_run.classifier] * 3))
    assert [tally["scored"] for tally in scoring.tallies()] == [5_000]
    assert len(list(scoring.folder.iterdir())) == 3
    ids = [json.loads(line)["id"] for line in scoring.part(0, "jsonl").read_text().split("\n")[:-1]]
    assert ids == [str(number) for number in range(5_000)]


def test_a_task_refuses_a_file_that_was_changed_since_the_command_began(small_run: PipelineRun, tmp_path: Path) -> None:
    scoring = scoring_of(small_run, tmp_path, rows=10)
    write_reviews(small_run, tmp_path / "in.csv", 11)
    with pytest.raises(InputError, match=r"in\.csv was changed while it was read"):
        scoring.write_part(0, small_run.classifier)
    assert not list(scoring.folder.iterdir())


@needs_java
def test_the_logged_model_is_a_function_of_spark_as_the_docs_say(small_run: PipelineRun, tmp_path: Path) -> None:
    page = (ROOT / "docs" / "spark.md").read_text()
    [example] = [block.split("```")[0] for block in page.split("```python\n")[1:]]
    example = example.replace("imdb-sentiment", "reviews")
    small_run.predictions[["text"]].to_parquet(tmp_path / "reviews.parquet")
    environment = {
        **command_in(tmp_path).environment,
        "MLFLOW_TRACKING_URI": small_run.tracking_uri,
        "PYSPARK_PYTHON": sys.executable,
    }
    done = subprocess.run(
        [sys.executable, "-c", example], cwd=tmp_path, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    scored = pd.read_parquet(tmp_path / "scored.parquet").set_index("text").sort_index()
    expected = small_run.predictions.set_index("text").sort_index()
    assert scored["predicted_label"].tolist() == expected["predicted_label"].tolist()
    assert (scored["positive_probability"] - expected["positive_probability"]).abs().max() < 1e-6


@pytest.mark.parametrize(
    ("hidden", "says"),
    [
        pytest.param("sys.modules['pyspark'] = None", "pip install '.[spark]'", id="PySpark"),
        pytest.param("os.environ.update(PATH='/none', JAVA_HOME='')", "needs Java", id="Java"),
    ],
)
def test_a_missing_part_of_spark_is_named(small_run: PipelineRun, tmp_path: Path, hidden: str, says: str) -> None:
    (tmp_path / "in.csv").write_text("text\nfine\n")
    code = f"import os, sys; {hidden}; from pipelines.cli import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", code, "score", "in.csv", "out.csv", "--engine", "spark",
         "--model", small_run.classifier],
        cwd=tmp_path, env=command_in(tmp_path).environment, capture_output=True, text=True,
    )  # fmt: skip
    assert (done.returncode, says in done.stderr) == (2, True), done.stderr
    assert "Traceback" not in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["in.csv"]


def write_reviews(small_run: PipelineRun, path: Path, rows: int) -> None:
    texts = small_run.predictions["text"].tolist()
    table = pd.DataFrame({"id": range(rows), "text": (texts * (rows // len(texts) + 1))[:rows], "formula": "=1"})
    table.to_csv(path, index=False)


def scoring_of(small_run: PipelineRun, folder: Path, rows: int) -> SparkScoring:
    """The scoring of one new file."""
    write_reviews(small_run, folder / "in.csv", rows)
    (folder / "out").mkdir()
    file, output = TableFile.at(Path("in.csv")), TableFile.at(Path("out.jsonl"))
    stamp = TableFile.at(folder / "in.csv").stamp()
    out, load = folder / "out", SentimentClassifier.load
    return SparkScoring([file], [stamp], "text", None, output, out, folder, load, VerdictRule(), None, ReadOptions())
