"""Batch scoring: the evaluated verdicts, nothing lost, killed and resumed, over pipes."""

import fcntl
import gzip
import json
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import psutil
import pytest

from pipelines.output import KeptScores, begun_output, finish_parts
from tests.conftest import Invoke, PipelineRun, command_in
from tests.tampering import sign_again

NASTY = (
    b"\xef\xbb\xbfid,text,formula\r\n"
    b'1,"A quoted\r\nnew line, and ""quotes""",=1+1\r\n'
    b"2,,@SUM(A1)\r\n"
    + "3,\U0001f600 \u05e1\u05e8\u05d8 \u05de\u05e6\u05d5\u05d9\u05df,+49\r\n".encode()
    + b"4,NUL \0 inside,-1\r\n"
    b"5,too,many,cells\r\n"
    b"6,plain,007\r\n"
)  # fmt: skip


@pytest.fixture(scope="module")
def evaluated(small_run: PipelineRun) -> pd.DataFrame:
    """The test reviews with the probabilities that the LSTM's evaluation found."""
    return small_run.predictions


@pytest.fixture(scope="module")
def many_csv(evaluated: pd.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """8,000 rows, every thousandth blank."""
    texts = (evaluated["text"].tolist() * 8_000)[:8_000]
    table = pd.DataFrame({"id": range(8_000), "text": texts})
    table.loc[::1_000, "text"] = " "
    path = tmp_path_factory.mktemp("many") / "many.csv"
    table.to_csv(path, index=False)
    return path


def test_the_champion_says_what_was_evaluated(small_run: PipelineRun, evaluated: pd.DataFrame, tmp_path: Path) -> None:
    """Through the registry, which run-pipeline has put it into, and without TensorFlow."""
    evaluated[["text"]].to_csv(tmp_path / "test.csv", index=False)
    called = "from pipelines.cli import application; application('score')(standalone_mode=False)"
    code = f"import sys; {called}; assert 'tensorflow' not in sys.modules"
    done = subprocess.run(
        [sys.executable, "-c", code, "score", tmp_path / "test.csv", tmp_path / "scored.parquet"],
        cwd=small_run.folder,
        env=command_in(small_run.folder).environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert "reviews version 1 (champion)" in done.stdout
    scored = pd.read_parquet(tmp_path / "scored.parquet")
    assert list(scored.columns) == ["text", "predicted_label", "positive_probability"]
    assert (scored["text"] == evaluated["text"]).all()
    assert (scored["predicted_label"] == evaluated["predicted_label"]).all()
    assert (scored["positive_probability"] - evaluated["positive_probability"]).abs().max() < 1e-6


def test_a_table_with_labels_shows_how_many_verdicts_are_right(
    invoke: Invoke, small_run: PipelineRun, evaluated: pd.DataFrame
) -> None:
    evaluated[["text", "label"]].to_csv("labelled.csv", index=False)
    result = invoke("score", "labelled.csv", "scored.csv", "--model", small_run.classifier)
    share = (evaluated["label"] == evaluated["predicted_label"]).mean()
    assert f"accuracy {share:.1%} of {len(evaluated)} labelled rows" in " ".join(result.output.split())
    evaluated.assign(label="3")[["text", "label"]].to_csv("stars.csv", index=False)
    assert "accuracy" not in invoke("score", "stars.csv", "s.csv", "--model", small_run.classifier).output


def test_every_row_is_written_or_rejected_and_no_cell_is_altered(
    invoke: Invoke, small_run: PipelineRun, tmp_path: Path
) -> None:
    (tmp_path / "in.csv").write_bytes(NASTY)
    result = invoke("score", "in.csv", "out.csv", "--model", small_run.classifier)
    assert (result.exit_code, (tmp_path / "out.csv").exists()) == (2, False)
    assert "1 of 7 lines could not be read" in " ".join(result.output.split())
    arguments = ["--allow-rejected", "0.2"]
    result = invoke("score", "in.csv", "out.csv", "--model", small_run.classifier, *arguments)
    assert result.exit_code == 0, result.output
    assert "1 of 7 lines could not be read: it has 4 cells, the header 3 (1, first in line 7)" in " ".join(
        result.output.split()
    )
    figures = dict(line.split("  ", 1) for line in map(str.strip, result.output.splitlines()) if "  " in line)
    assert [figures[name].strip() for name in ("rows read", "scored", "rejected")] == ["6", "4", "2"]
    rejected = [json.loads(line) for line in (tmp_path / "out.csv.rejected.jsonl").read_text().splitlines()]
    assert [(row["row"], row["reason"]) for row in rejected] == [
        (2, "the review is blank"),
        (5, "it has 4 cells, the header 3"),
    ]
    expected, written = (
        pd.read_csv(tmp_path / name, dtype=str, keep_default_na=False, on_bad_lines="skip")
        for name in ("in.csv", "out.csv")
    )
    assert written[["id", "text", "formula"]].equals(expected.drop(1).reset_index(drop=True))
    assert not list(tmp_path.glob("*.partial"))


def test_all_formats_a_folder_and_a_glob_give_the_same_verdicts(
    invoke: Invoke, small_run: PipelineRun, evaluated: pd.DataFrame, tmp_path: Path
) -> None:
    texts = evaluated["text"][:40].str.replace("\n", " ")
    table = pd.DataFrame({"review": texts})
    (tmp_path / "folder").mkdir()
    table[:15].to_csv(tmp_path / "folder" / "a.csv", index=False)
    table[15:].to_csv(tmp_path / "folder" / "b.csv.gz", index=False)
    table.to_csv(tmp_path / "in.tsv", index=False, sep="\t")
    table.to_parquet(tmp_path / "in.parquet", index=False)
    table.to_json(tmp_path / "in.jsonl.gz", orient="records", lines=True)
    (tmp_path / "in.txt").write_text("\n".join(texts))
    found = []
    for number, source in enumerate(["folder", "folder/*.csv*", "in.tsv", "in.parquet", "in.jsonl.gz", "in.txt"]):
        result = invoke("score", source, f"{number}.jsonl", "--model", small_run.classifier, "--quiet")
        assert result.exit_code == 0, result.output
        found.append(pd.read_json(tmp_path / f"{number}.jsonl", lines=True).set_axis(["text", "label", "p"], axis=1))
    assert len(found[0]) == 40
    assert all(other.equals(found[0]) for other in found[1:])


def test_a_killed_or_interrupted_command_resumes_and_ends_with_the_same_bytes(
    small_run: PipelineRun, many_csv: Path, tmp_path: Path
) -> None:
    command = command_in(tmp_path)
    pd.concat([pd.read_csv(many_csv, keep_default_na=False)] * 8).to_csv(tmp_path / "in.csv", index=False)
    command.run("score", "in.csv", "whole.parquet", "--model", str(small_run.classifier))
    arguments = ["score", "in.csv", "out.parquet", "--model", str(small_run.classifier)]
    kept = tmp_path / "out.parquet.partial" / "scores"
    size = 0
    for number in (signal.SIGKILL, signal.SIGINT):
        process = command.start(*arguments)
        while process.poll() is None and (not kept.exists() or kept.stat().st_size <= size):
            time.sleep(0.001)
        assert process.poll() is None, "it ended before it could be killed"
        workers = psutil.Process(process.pid).children(recursive=True)
        process.send_signal(number)
        output, _ = process.communicate(timeout=60)
        assert not (tmp_path / "out.parquet").exists()
        assert not psutil.wait_procs(workers, timeout=30)[1]  # none lives on
        size = kept.stat().st_size
    assert process.returncode == 130
    assert output.splitlines()[-1] == "Error: interrupted; the same command resumes where it stopped."
    assert "Traceback" not in output
    assert sorted(path.name for path in kept.parent.iterdir()) == ["identity", "scores"]
    assert "of these by an earlier attempt" in command.run(*arguments)
    assert {path.name for path in tmp_path.iterdir()} == {"in.csv"} | {
        f"{name}.parquet{ending}" for name in ("out", "whole") for ending in ("", ".rejected.jsonl")
    }
    for ending in ("", ".rejected.jsonl"):
        whole, out = ((tmp_path / f"{name}.parquet{ending}").read_bytes() for name in ("whole", "out"))
        assert whole == out
    assert len(pd.read_parquet(tmp_path / "out.parquet")) == 8 * (8_000 - 8)


def test_a_changed_input_is_scored_from_the_start(invoke: Invoke, small_run: PipelineRun, tmp_path: Path) -> None:
    """What a killed command has left belongs to the input that it read."""
    (tmp_path / "in.csv").write_text("text\n" + "a fine film\n" * 3)
    invoke("score", "in.csv", "expected.csv", "--model", small_run.classifier)
    (tmp_path / "out.csv.partial").mkdir()
    (tmp_path / "out.csv.partial" / "identity").write_text('{"sentiment": "of other work"}')
    (tmp_path / "out.csv.partial" / "scores").write_bytes(bytes(12))
    assert invoke("score", "in.csv", "out.csv", "--model", small_run.classifier).exit_code == 0
    assert (tmp_path / "out.csv").read_bytes() == (tmp_path / "expected.csv").read_bytes()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        pytest.param("in.csv out.csv --model models:/reviews@champion", "There is no MLflow store", id="no store"),
        pytest.param("in.csv out.csv --model nowhere", "There is no folder nowhere", id="no folder"),
        pytest.param("in.csv out.csv --model .", "is no saved classifier", id="no classifier"),
        pytest.param("none.csv out.csv --model M", "none.csv names no file of reviews", id="no input"),
        pytest.param("empty out.csv --model M", "empty names no file of reviews", id="empty folder"),
        pytest.param("mixed out.csv --model M", "mixed holds csv and txt files", id="mixed formats"),
        pytest.param("in.csv in.csv --model M --overwrite", "is the input", id="same file"),
        pytest.param("in.csv there.csv --model M", "there.csv is there already", id="existing output"),
        pytest.param("in.csv empty/out --model M", "its ending tells no format", id="no ending"),
        pytest.param("in.csv no/out.csv --model M", "The folder no does not exist", id="no folder for output"),
        pytest.param("in.csv out.txt --model M", "cannot hold rows with verdicts", id="text output"),
        pytest.param("in.csv out.csv --model M --text-column body", "has no column body; its columns are id, text",
                     id="no such column"),
        pytest.param("*.csv in.csv --model M --overwrite", "is the input", id="output in the pattern"),
        pytest.param("in.csv kept.csv --model M", "kept.csv.rejected.jsonl is there already", id="existing rejected"),
        pytest.param("kept.csv.rejected.jsonl kept.csv --model M --overwrite", "is the input", id="rejected as input"),
        pytest.param("mixed/*.md out.csv --model M", "its ending tells no format", id="pattern of another format"),
        pytest.param("in.csv out.csv --model M --spark-master local", "--spark-master is for", id="master of nothing"),
        pytest.param("in.csv out.csv --model M --strict", "row 2: the review is blank (--strict)", id="strict"),
        pytest.param("- out.csv --model M --engine spark", "The Spark engine reads and writes files", id="Spark pipe"),
        pytest.param("in.csv out.csv --model M --drift page.txt", "must end with .html", id="page of another format"),
        pytest.param("in.csv out.csv --model M --drift none/page.html", "there is no folder none", id="folder of page"),
        pytest.param("in.csv out.csv --model M --sure 0.9 --threshold 0.4", "either --sure or --threshold", id="both"),
    ],
)  # fmt: skip
def test_what_cannot_be_done_ends_with_exit_code_2_and_leaves_nothing(
    invoke: Invoke, small_run: PipelineRun, tmp_path: Path, arguments: str, says: str
) -> None:
    (tmp_path / "in.csv").write_text("id,text\n1,fine\n2,\n")
    for name in ("there.csv", "kept.csv.rejected.jsonl"):
        (tmp_path / name).write_text("precious")
    (tmp_path / "empty").mkdir()
    (tmp_path / "mixed").mkdir()
    for name in ("a.csv", "b.txt", "c.md"):
        (tmp_path / "mixed" / name).write_text("text\nfine\n")
    before = sorted(tmp_path.rglob("*"))
    result = invoke("score", *(small_run.classifier if word == "M" else word for word in arguments.split()))
    assert (result.exit_code, says in " ".join(result.output.split())) == (2, True), result.output
    assert "Traceback" not in result.output
    assert sorted(tmp_path.rglob("*")) == before
    assert {(tmp_path / name).read_text() for name in ("there.csv", "kept.csv.rejected.jsonl")} == {"precious"}


def test_a_file_named_like_the_output_elsewhere_is_scored_too(
    invoke: Invoke, small_run: PipelineRun, tmp_path: Path
) -> None:
    (tmp_path / "in").mkdir()
    for name in ("all.csv", "all.csv.gz", "empty.csv", "notes.docx"):
        content = b"" if name == "empty.csv" else b"text\nfine\n"
        (tmp_path / "in" / name).write_bytes(gzip.compress(content) if name.endswith("gz") else content)
    result = invoke("score", "in", "all.csv", "--model", small_run.classifier)
    assert result.exit_code == 0, result.output
    assert (tmp_path / "all.csv").read_text().count("fine") == 2
    assert "notes.docx" in result.output


def test_a_folder_whose_completion_is_cut_short_is_made_again_in_full(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Cut short before each of the files that go at the end, as a kill would."""
    output, identity = tmp_path / "out.csv", {"of": "this work"}
    output.mkdir()

    def make() -> None:
        with begun_output(output, identity, overwrite=True) as partial:
            table = partial / "table"
            table.mkdir(exist_ok=True)
            for number in range(3):
                if not (table / f"part-{number}.tally.json").exists():
                    (table / f"part-{number}.csv").write_text(f"row {number}")
                    (table / f"part-{number}.rejected.jsonl").write_text(f"{number}\n")
                    (table / f"part-{number}.tally.json").write_text("{}")
            finish_parts(partial)

    unlink = Path.unlink
    for cut in range(7):
        left = iter(range(cut))

        def until_cut(path: Path, missing_ok: bool = False, left: Iterator[int] = left) -> None:
            if path.is_file() and next(left, None) is None:
                raise Killed
            unlink(path, missing_ok)

        with monkeypatch.context() as patched, pytest.raises(Killed):
            patched.setattr(Path, "unlink", until_cut)
            make()
        make()
        assert (tmp_path / "out.csv.rejected.jsonl").read_text() == "0\n1\n2\n"
        assert sorted(path.name for path in output.iterdir()) == ["_SUCCESS", "part-0.csv", "part-1.csv", "part-2.csv"]
        assert sorted(path.name for path in tmp_path.iterdir()) == ["out.csv", "out.csv.rejected.jsonl"]


class Killed(BaseException):
    pass


def test_overwrite_replaces_the_output_and_its_rejected_rows(
    invoke: Invoke, small_run: PipelineRun, tmp_path: Path
) -> None:
    (tmp_path / "in.csv").write_text("text\nfine\n")
    (tmp_path / "out.csv").write_text("old")
    (tmp_path / "out.csv.rejected.jsonl").write_text("old")
    result = invoke("score", "in.csv", "out.csv", "--model", small_run.classifier, "--overwrite")
    assert result.exit_code == 0, result.output
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.csv", "out.csv"]
    assert (tmp_path / "out.csv").read_text().startswith('"text","predicted_label","positive_probability"\n"fine",')


def test_links_and_files_of_something_else_where_output_is_made_are_refused(
    invoke: Invoke, small_run: PipelineRun, tmp_path: Path
) -> None:
    (tmp_path / "in.csv").write_text("text\nfine\n")
    (tmp_path / "1.csv.partial").write_text("precious")
    (tmp_path / "2.csv.partial").mkdir()
    (tmp_path / "2.csv.partial" / "scores").write_text("precious")
    for name in ("3.csv", "4.csv.rejected.jsonl", "5.csv.partial"):
        (tmp_path / name).symlink_to("1.csv.partial")
    before = {path: path.is_file() and path.read_text() for path in tmp_path.rglob("*")}
    for number, says in enumerate(["was not written by `sentiment score`"] * 2 + ["is a symbolic link"] * 3, 1):
        result = invoke("score", "in.csv", f"{number}.csv", "--model", small_run.classifier, "--overwrite")
        assert (result.exit_code, says in result.output) == (2, True), result.output
    assert {path: path.is_file() and path.read_text() for path in tmp_path.rglob("*")} == before


def test_a_command_killed_after_its_output_had_its_name_ends_with_the_same_bytes(
    invoke: Invoke, small_run: PipelineRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "in.csv").write_text("text\nfine\n")
    arguments = ["score", "in.csv", "out.csv", "--model", small_run.classifier]
    with monkeypatch.context() as patched:
        patched.setattr("pipelines.output._remove", killed)
        with pytest.raises(Killed):
            invoke(*arguments)
    assert (tmp_path / "out.csv.partial" / "scores").exists()
    written = (tmp_path / "out.csv").read_bytes()
    result = invoke(*arguments, "--threshold", "0.9")
    assert (result.exit_code, "out.csv is there already" in result.output) == (2, True), result.output
    result = invoke(*arguments)
    assert (result.exit_code, "by an earlier attempt" in result.output) == (0, True), result.output
    assert (tmp_path / "out.csv").read_bytes() == written
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.csv", "out.csv"]


def killed(*arguments: object) -> None:
    raise Killed


def test_kept_scores_belong_to_their_texts_whatever_the_time_of_the_input(tmp_path: Path) -> None:
    """The input changes between two attempts, and its size and time are restored."""
    texts = ["good " * 3, "bad   " * 3, "worst" * 3]
    kept = tmp_path / "scores"
    begun = KeptScores(tmp_path)
    begun.add(texts[:2], np.array([0.9, 0.1]))
    begun.add(texts[2:], np.array([0.2]))
    content = kept.read_bytes()
    again = KeptScores(tmp_path)
    found = again.take(texts[:2])
    assert found is not None
    assert found.tolist() == np.array([0.9, 0.1], np.float32).tolist()
    assert again.take(["best " * 3]) is None
    assert kept.stat().st_size < len(content)
    kept.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))  # a score that was damaged
    damaged = KeptScores(tmp_path)
    assert damaged.take(texts[:2]) is not None
    assert damaged.take(texts[2:]) is None


def test_a_second_command_on_the_same_output_is_refused(invoke: Invoke, small_run: PipelineRun, tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_text("text\nfine\n")
    (tmp_path / "out.csv.partial").mkdir()
    with (tmp_path / "out.csv.partial" / "identity").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        result = invoke("score", "in.csv", "out.csv", "--model", small_run.classifier)
    assert (result.exit_code, "Another command is writing out.csv" in result.output) == (2, True), result.output


def test_a_full_disk_is_named_and_the_old_output_stays(small_run: PipelineRun, many_csv: Path, tmp_path: Path) -> None:
    """A limit on the size of files stands in for the disk."""
    (tmp_path / "out.csv").write_text("precious")
    done = subprocess.run(
        [sys.executable, "-m", "pipelines.cli", "score", many_csv, "out.csv", "--overwrite",
         "--model", small_run.classifier],
        cwd=tmp_path, env=command_in(tmp_path).environment, capture_output=True, text=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (2**20, 2**20)),
    )  # fmt: skip
    assert done.returncode == 2, done.stderr
    assert "could not be written" in done.stderr
    assert "Traceback" not in done.stderr
    assert (tmp_path / "out.csv").read_text() == "precious"
    assert {path.name for path in tmp_path.glob("*.partial/*")} <= {"identity", "scores"}  # to resume from


def test_standard_input_goes_to_standard_output_and_nothing_else_does(small_run: PipelineRun, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pipelines.cli", "score", "-", "-", "--model", small_run.classifier],
        input=b'{"n": 1, "text": "fine"}\n{"n": 2}\n', env=command_in(tmp_path).environment, capture_output=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    [row] = map(json.loads, done.stdout.splitlines())
    assert list(row) == ["n", "text", "predicted_label", "positive_probability"]
    assert json.loads(done.stderr.splitlines()[0]) == {
        "file": "-", "row": 2, "line": 2, "reason": "the review is null", "content": {"n": 2},
    }  # fmt: skip
    assert b"rows read" in done.stderr


@pytest.mark.parametrize(
    ("content", "options", "says"),
    [
        pytest.param(b"id,body\n1,fine\n", [], "no column text or review; its columns are id, body", id="header"),
        pytest.param(b"text\nfine\n", ["--text-column", "body"], "names no column body", id="named column"),
        pytest.param(b"PAR1\0\0", [], "is a Parquet file", id="Parquet"),
    ],
)
def test_standard_input_that_tells_no_reviews_is_refused(
    small_run: PipelineRun, tmp_path: Path, content: bytes, options: list[str], says: str
) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pipelines.cli", "score", "-", "out.csv", "--model", small_run.classifier, *options],
        input=content, cwd=tmp_path, env=command_in(tmp_path).environment, capture_output=True,
    )  # fmt: skip
    assert (done.returncode, says in done.stderr.decode()) == (2, True), done.stderr
    assert not list(tmp_path.iterdir())


def test_the_share_of_unknown_words_stands_beside_that_of_validation_where_it_is_known(
    invoke: Invoke, small_run: PipelineRun, tmp_path: Path
) -> None:
    (tmp_path / "in.csv").write_text("text\nthe film was good\nthe asdf was qwer\n")
    folder = shutil.copytree(small_run.classifier, tmp_path / "model")
    sign_again(folder, unknown_share=0.125)
    assert "25.0% (validation reviews: 12.5%)" in invoke("score", "in.csv", "1.csv", "--model", folder).output
    sign_again(folder, unknown_share=None)
    (folder / "validation.json").unlink()
    output = invoke("score", "in.csv", "2.csv", "--model", folder).output
    assert ("25.0%" in output, "validation reviews" in output) == (True, False)
    assert "Warning" not in invoke("predict", "the asdf was qwer", "--model", folder).stderr
