"""Hostile inputs against `sentiment score` and every source that reads files, and odd names of models."""

import csv
import gzip
import re
import tempfile
from pathlib import Path

from tests.campaign.cases import MOST_BYTES, Case, Part, judged
from tests.campaign.hostile_inputs import ARCHIVES, TABLES
from tests.campaign.processes import Outcome, Task

ENDINGS = ("csv", "tsv", "jsonl", "parquet", "csv.gz", "jsonl.gz")


class HostileInputs(Part):
    """Damaged, odd and large tables, archives and files of Keras, from a seeded generator.

    Rows read are rows written plus rows rejected; OUTPUT is there whole or not at all.
    """

    name, count = "inputs", 2_000

    def try_case(self, number: int) -> Case:
        """One input, to score or to train on."""
        generator = self.generator(number)
        kinds = [(name, writer, "archive") for name, (writer, often) in ARCHIVES.items() for _ in range(often)]
        kinds += [(name, writer, "score") for name, (writer, often) in TABLES.items() for _ in range(often)]
        kinds += [(name, writer, "table") for name, (writer, often) in TABLES.items() for _ in range(often // 4)]
        name, writer, command = generator.choice(kinds)
        with tempfile.TemporaryDirectory(dir=self.workshop.folder) as temporary:
            folder = Path(temporary, "case")
            folder.mkdir()
            path = writer(generator, folder)
            ending = generator.choice(ENDINGS)
            if command == "score":
                arguments = ["score", path.name, f"out.{ending}", "--model", str(self.workshop.classifier)]
                arguments += ["--allow-rejected", "1"] * generator.choice((0, 1, 1))
                outcome = self.workshop.scoring.run(Task(str(folder), arguments))
                wrong = judged(outcome, most_bytes=MOST_BYTES) or judge_score(folder, ending, outcome)
                return Case(name, outcome, wrong)
            source = "table" if command == "table" else "keras" if path.suffix == ".npz" else "aclimdb"
            outcome = self.workshop.scoring.run(Task(str(folder), [source, path.name], is_source=True))
            of = f"{name}, to train on" if command == "table" else name
            return Case(of, outcome, judged(outcome, most_bytes=MOST_BYTES))


URIS = (
    "models:/none", "models:/none@champion", "models:/demo/9", "models:/demo/x", "models:/demo@", "models:/",
    "models://demo/1", "models:/demo/1/2", "models:/demo@none", "models:/m-0123456789abcdef0123456789abcdef",
    "runs:/none/model", "runs:/", "runs:/x", "runs:///model", "s3://bucket/model", "S3://bucket/model",
    "gs://bucket/model", "r2://bucket@account.r2.cloudflarestorage.com/model", "b2://x/y", "sftp://u@h/x",
    "wasbs://box@account.blob.core.windows.net/model", "abfss://box@account.dfs.core.windows.net/model",
    "hdfs://host/model", "viewfs://x/y", "dbfs:/none/model", "dbfs://x/y", "http://127.0.0.1:9/model",
    "https://127.0.0.1:9/model", "ftp://127.0.0.1/model", "file:///none/model", "file://none", "file:none",
    "other://place/model", "mlflow-artifacts:/x", "mlflow-artifacts://127.0.0.1:9/x", "hf://user/model",
    "", " ", ".", "/", "none", "\u202enone", "\x1b[2J", "x" * 5_000, "models:/" + "x" * 5_000, "://",
    "runs:/../../etc/passwd", "models:/demo'; DROP TABLE runs;--/1", "models:/demo%00/1", "file:///etc/passwd",
    "file:///dev/zero", "/dev/zero", "/etc/passwd", "s3:/x", "gs:/x", "models:/demo/-1", "~", ":/", "a:/b",
)  # fmt: skip


class ModelAddresses(Part):
    """URIs and paths of models that are not there, not to be read, or not even URIs."""

    name, count = "uris", len(URIS)

    def try_case(self, number: int) -> Case:
        """One URI."""
        with tempfile.TemporaryDirectory(dir=self.workshop.folder) as temporary:
            folder = Path(temporary, "case")
            folder.mkdir()
            store = f"sqlite:///{self.workshop.run / 'mlflow.db'}"
            task = Task(
                str(folder), ["predict", "a fine film", "--model", URIS[number]],
                environment={"MLFLOW_TRACKING_URI": store},
            )  # fmt: skip
            outcome = self.workshop.training.run(task)
            wrong = judged(outcome, codes=(2,))
            if not wrong and re.search("[\x00-\x08\x0b-\x1f\u202e]", outcome.output):
                wrong = f"control characters: {outcome.output!r}"
            return Case(f"{URIS[number].split(':')[0][:10].strip() or 'empty'!a}", outcome, wrong)


def judge_score(folder: Path, ending: str, outcome: Outcome) -> str | None:
    """What is wrong with the result of scoring; None if nothing is."""
    output = folder / f"out.{ending}"
    if outcome.code == 2:
        left = sorted(
            path.name for path in folder.iterdir() if path.name.startswith("out.") and path.suffix != ".partial"
        )
        return f"left {', '.join(left)}" if left else None
    figures = {
        name: int(found[1].replace(",", ""))
        for name in ("rows read", "scored", "rejected")
        if (found := re.search(rf"^\s*{name} +([\d,]+)\s*$", outcome.output, re.MULTILINE))
    }
    rejected = output.with_name(output.name + ".rejected.jsonl")
    held = rejected.read_bytes().count(b"\n") if rejected.exists() else 0
    written = count_rows(output)
    if figures.get("rows read") != written + held or figures.get("scored") != written or figures["rejected"] != held:
        return f"says {figures}, wrote {written} and rejected {held}"
    return None


def count_rows(path: Path) -> int:
    """Rows of a table that `sentiment score` wrote; each has a label and a probability."""
    import pyarrow.parquet

    if path.name.endswith("parquet"):
        return int(pyarrow.parquet.ParquetFile(path).metadata.num_rows)
    with (
        gzip.open(path, "rt", encoding="utf-8", newline="")
        if path.suffix == ".gz"
        else path.open(encoding="utf-8", newline="") as file
    ):
        if ".jsonl" in path.name:
            return sum(1 for _ in file)
        csv.field_size_limit(2**31 - 1)
        rows = csv.reader(file, delimiter="\t" if ".tsv" in path.name else ",", strict=True)
        width = len(next(rows))
        return sum(1 for row in rows if len(row) == width)
