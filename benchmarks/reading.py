"""How fast tables are read, and in how much memory: CSV, JSON lines and Parquet of made-up reviews.

`python -m benchmarks.reading --rows 1000000` measures the package beside it. With `--package FOLDER` it measures that
of another checkout, such as `git worktree add /tmp/before COMMIT`, so that both are measured side by side.
"""

import argparse
import csv
import json
import os
import random
import subprocess
import sys
import tempfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet

from benchmarks.measuring import machine

WORDS = ("a", "fine", "film", "not", "the", "dull", "plot", 'so-called "hero"', "of", "acting,", "it", "was", "long")

READ = """
import sys, time
from pathlib import Path
from sentiment.data.files import TableFile
from sentiment.data.tables.reader import TableReader
started, rows = time.perf_counter(), 0
reader = TableReader(TableFile.at(Path(sys.argv[1])), output_format="parquet")
for chunk in reader.chunks():
    rows += len(chunk.texts)
seconds = time.perf_counter() - started
peak = int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0]) // 1024
print(rows, seconds, time.process_time(), peak)
"""


def write_tables(folder: Path, rows: int) -> list[Path]:
    """The same reviews in three formats, some 60 words each."""
    generator = random.Random(0)
    texts = [" ".join(generator.choices(WORDS, k=60)) for _ in range(1_000)]
    paths = [folder / f"reviews.{ending}" for ending in ("csv", "jsonl", "parquet")]
    with paths[0].open("w", newline="") as table, paths[1].open("w") as lines:
        writer = csv.writer(table)
        writer.writerow(["id", "text", "label"])
        for number in range(rows):
            row = {"id": number, "text": f"{texts[number % 1_000]} {number}", "label": number % 2}
            writer.writerow(row.values())
            lines.write(json.dumps(row) + "\n")
    with pyarrow.parquet.ParquetWriter(
        paths[2], pa.schema([("id", pa.int64()), ("text", pa.string()), ("label", pa.int64())])
    ) as parquet:
        for start in range(0, rows, 100_000):
            numbers = range(start, min(rows, start + 100_000))
            columns = [[*numbers], [f"{texts[n % 1_000]} {n}" for n in numbers], [n % 2 for n in numbers]]
            parquet.write_table(pa.table(columns, schema=parquet.schema))
    return paths


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=200_000)
    parser.add_argument(
        "--package", type=Path, action="append", help="folder of a checkout; may be given several times"
    )
    arguments = parser.parse_args()
    packages = arguments.package or [Path(__file__).parents[1]]
    print(machine())
    print("| table | package | rows/s | rows/s of a processor | peak memory, MiB |\n|---|---|---:|---:|---:|")
    with tempfile.TemporaryDirectory() as folder:
        for path in write_tables(Path(folder), arguments.rows):
            for package in packages:
                done = subprocess.run(
                    [sys.executable, "-c", READ, path], cwd=package, capture_output=True, text=True, check=True,
                    env={**os.environ, "PYTHONPATH": str(package)},
                )  # fmt: skip
                rows, seconds, processor, peak = map(float, done.stdout.split())
                assert rows == arguments.rows
                print(f"| {path.name} | {package} | {rows / seconds:,.0f} | {rows / processor:,.0f} | {peak:.0f} |")


if __name__ == "__main__":
    main()
