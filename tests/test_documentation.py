"""The documentation: its commands run, what it names exists, and it is short; what it installs is pinned."""

import functools
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import typer
from packaging.requirements import Requirement

from pipelines.cli import application
from tests.conftest import PipelineRun, command_in, once, run_in

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
NOTES = [ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md"]

FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
SENTENCE_END = re.compile(r"(?:(?<=[.!?])|(?<=[.!?][\"'`)*])|(?<=[.!?]\*\*))(?:\n| (?=[A-Z`\[*\"'(]))")
MOST_WORDS, MOST_LINES, LONGEST_SENTENCE = 1_200, 160, 40


def read(page: Path) -> str:
    return page.read_text("utf-8")


def name_of(page: Path) -> str:
    return str(page.relative_to(ROOT))


def blocks(page: Path, *languages: str) -> Iterator[str]:
    for language, content in FENCE.findall(read(page)):
        if language in languages:
            yield content


def console_commands(page: Path) -> list[str]:
    """The lines with $ of its console blocks, in order."""
    lines = (line for block in blocks(page, "console") for line in block.splitlines())
    return [line.removeprefix("$ ") for line in lines if line.startswith("$ ")]


def code_spans(page: Path) -> list[str]:
    """What stands between back quotes in the prose."""
    return [" ".join(span.split()) for span in re.findall(r"`([^`]+)`", FENCE.sub("", read(page)))]


def sentiment_words(line: str) -> list[str] | None:
    """The arguments of `sentiment` in a line of a shell; None where the line has another command."""
    words = shlex.split(line, comments=True)
    start = next((position + 1 for position, word in enumerate(words) if Path(word).name == "sentiment"), None)
    if start is None:
        return None
    end = next((i for i, word in enumerate(words) if i >= start and word in ("|", ">", "&&")), len(words))
    return words[start:end]


def commands_in_blocks() -> list[tuple[str, str]]:
    """(page, line) of every `sentiment` command in a block, console or not."""
    return [
        (name_of(page), line)
        for page in [*PAGES, *NOTES]
        for line in [*console_commands(page), *"\n".join(blocks(page, "sh")).splitlines()]
        if sentiment_words(line) is not None
    ]


def options_of(command: Any) -> set[str]:
    return {option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)}


def sentences(text: str) -> list[str]:
    """The sentences of its paragraphs and list items; no code, table, heading or picture.

    What ends with no full stop runs on into the next paragraph or item, as it does for a reader who skips the block
    between them.
    """
    blocks = re.split(r"\n\s*\n|\n(?=\s*(?:[-#|*!] |[|!]|#+ |\d+\. ))", FENCE.sub("\n", text))
    lines = (re.sub(r"^(?:[-*]|\d+\.) ", "", " ".join(block.split())) for block in blocks)
    return SENTENCE_END.split("\n".join(line for line in lines if line and line[0] not in "|#!"))


def slug(heading: str) -> str:
    """The anchor that GitHub gives a heading."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


@pytest.fixture(scope="session")
def demo_folder(demo_run: PipelineRun, shared_folder: Path) -> Path:
    """Where `sentiment run-pipeline --source demo` has run, beside the reader's own `shop.csv`."""

    def copy(folder: Path) -> None:
        shutil.copytree(demo_run.folder, folder)
        [train] = folder.glob(".sentiment/load/*/train.parquet")
        reviews = pd.read_parquet(train, columns=["text", "label"]).sample(400, random_state=0)
        reviews.to_csv(folder / "shop.csv", index=False)

    return once(shared_folder / "documentation", copy)


def test_the_console_blocks_run_on_the_demo_corpus(demo_folder: Path, tmp_path: Path) -> None:
    program = tmp_path / "sentiment"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m pipelines.cli "$@"\n')
    program.chmod(0o755)
    environment = command_in(demo_folder).environment
    environment["PATH"] = f"{tmp_path}:{environment['PATH']}"
    for page in PAGES:
        for command in console_commands(page):
            if command.startswith("sentiment "):
                run_in(demo_folder, *shlex.split(command)[1:])
                continue
            done = subprocess.run(
                ["bash", "-c", command], cwd=demo_folder, env=environment, capture_output=True, text=True, timeout=300
            )
            assert done.returncode == 0, f"{name_of(page)}: {command}\n{done.stdout}{done.stderr}"


@pytest.mark.parametrize("page", ["README.md", "docs/own-data.md", "docs/python.md"])
def test_the_python_of_a_page_runs_after_the_demo(
    demo_folder: Path, page: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(demo_folder)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    exec(compile("\n".join(blocks(ROOT / page, "python")), page, "exec"), {})
    assert "positive_probability" in capsys.readouterr().out


@pytest.mark.parametrize(("page", "line"), commands_in_blocks())
def test_a_command_in_a_block_is_one_of_the_command_line(page: str, line: str) -> None:
    group: Any = typer.main.get_command(application())
    words = sentiment_words(line)
    assert words, f"{page}: {line} has no arguments"
    command = group.commands[words[0]]
    assert {word.partition("=")[0] for word in words if word.startswith("--")} <= options_of(command) | {"--help"}
    if "--help" not in words:
        command.make_context(words[0], words[1:])


@pytest.mark.parametrize("page", [*PAGES, ROOT / "CONTRIBUTING.md"], ids=name_of)
def test_commands_and_options_that_the_prose_names_exist(page: Path) -> None:
    group: Any = typer.main.get_command(application())
    every_option = functools.reduce(set.union, map(options_of, [group, *group.commands.values()]), {"--help"})
    for span in code_spans(page):
        words = sentiment_words(span) if span.startswith("sentiment ") else None
        known = every_option
        if words and not words[0].startswith("-"):
            assert words[0] in group.commands, f"{name_of(page)}: {span}"
            known = options_of(group.commands[words[0]]) | {"--help"}
        if words or span.startswith("--"):
            named = {word for word in span.split() if word.startswith("--")}
            assert named <= known, f"{name_of(page)}: {span}"


@pytest.mark.parametrize("page", [*PAGES, *NOTES], ids=name_of)
def test_links_and_pictures_lead_to_what_is_in_the_repository(page: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", FENCE.sub("", read(page))):
        if "://" in target:
            continue
        path, _, anchor = target.partition("#")
        found = (page.parent / path).resolve() if path else page
        assert found.exists() and ROOT in found.parents, f"{name_of(page)}: {target}"
        if anchor:
            headings = re.findall(r"^#+ (.+)$", FENCE.sub("", read(found)), re.MULTILINE)
            assert anchor in map(slug, headings), f"{name_of(page)}: {target}"


def test_the_readme_is_short() -> None:
    readme = read(ROOT / "README.md")
    assert len(readme.split()) <= MOST_WORDS
    assert len(readme.splitlines()) <= MOST_LINES


@pytest.mark.parametrize("page", [*PAGES, *NOTES], ids=name_of)
def test_sentences_are_short(page: Path) -> None:
    assert [sentence for sentence in sentences(read(page)) if len(sentence.split()) > LONGEST_SENTENCE] == []


def test_sentences_of_the_help_are_short() -> None:
    group: Any = typer.main.get_command(application())
    helps = {
        part.help
        for command in [group, *group.commands.values()]
        for part in [command, *command.params]
        if getattr(part, "help", None)
    }
    assert [line for text in helps for line in sentences(text) if len(line.split()) > LONGEST_SENTENCE] == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("All is in this table:\n\n| a |\n|---|\n\nTick it.", ["All is in this table: Tick it."]),
        ("It prints:\n\n```text\na. B\n```\n\n## Next\n\n- One;\n- two.", ["It prints: One; two."]),
        ('In T7 it is bold. "Softened" labels help.', ["In T7 it is bold.", '"Softened" labels help.']),
        ('He said "no." **Then** he left.', ['He said "no."', "**Then** he left."]),
    ],
)
def test_a_sentence_ends_with_its_full_stop_and_not_with_a_block(text: str, expected: list[str]) -> None:
    assert [" ".join(sentence.split()) for sentence in sentences(text)] == expected


def test_every_package_that_the_tests_need_is_pinned() -> None:
    project = tomllib.loads(read(ROOT / "pyproject.toml"))["project"]
    extras = project["optional-dependencies"]
    declared = {Requirement(line).name.lower() for line in [*project["dependencies"], *extras["dev"], *extras["spark"]]}
    pinned = {line.partition("==")[0].lower() for line in read(ROOT / "constraints.txt").splitlines()}
    assert declared - pinned == {"sentiment"}
