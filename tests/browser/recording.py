"""A recording of the terminal as an animated SVG, which a README can show: commands on a real pseudo-terminal."""

import html
import json
import os
import shlex
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from tests.terminal import Recording, record

COLUMNS, ROWS = 80, 26
PROMPT, COMMAND_SECONDS = "$ ", 1.2
LONGEST_WAIT, SHORTEST_FRAME, HOLD, SPEED = 1.0, 0.12, 6.0, 3
"""Seconds: waits are cut to the first, frames are not shorter than the second, the last one stays for the third. What
commands print appears so many times as fast."""

CELL_WIDTH, LINE_HEIGHT, FONT_SIZE, MARGIN = 8.4, 18, 14, 14
INK, PAPER = "#e6e9ed", "#1b1f24"
COLOURS = {
    "black": "#57606a", "red": "#ff7b72", "green": "#7ee787", "brown": "#e3b341", "blue": "#79c0ff",
    "magenta": "#d2a8ff", "cyan": "#76e3ea", "white": INK, "default": INK,
}  # fmt: skip

COMMANDS = (
    ["sentiment", "run-pipeline", "--source", "demo", "--models", "lstm"],
    ["sentiment", "predict", "Gorgeous to look at, but dull at heart.", "Slow at first, but moving."],
)
"""What the README's recording shows."""


class Run(NamedTuple):
    """Neighbouring characters of one look: column, text, colour and whether they are bold."""

    column: int
    text: str
    colour: str
    bold: bool


Line = tuple[Run, ...]


def record_session(commands: Sequence[Sequence[str]], folder: Path) -> Recording:
    """The commands one after the other, as somebody types them at a prompt; long waits are shortened."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    events: list[tuple[float, str]] = []
    now = 0.0
    for command in commands:
        line = PROMPT + shlex.join(command)
        events += [(now, "\x1b[32m$\x1b[0m "), (now + COMMAND_SECONDS / 2, line[len(PROMPT) :] + "\r\n")]
        now += COMMAND_SECONDS
        done = record(command, columns=COLUMNS, rows=ROWS, folder=folder, environment={**os.environ, "PATH": path})
        assert done.exit_code == 0, "\n".join(done.lines())
        before = 0.0
        for seconds, text in done.events:
            now += min(seconds - before, LONGEST_WAIT) / SPEED
            before = seconds
            events.append((now, text))
    return Recording(COLUMNS, ROWS, [*events, (now + LONGEST_WAIT, "\x1b[32m$\x1b[0m ")], 0)


def write_cast(recording: Recording, path: Path) -> None:
    """The recording as asciinema plays it (asciicast v2)."""
    head = {"version": 2, "width": recording.columns, "height": recording.rows}
    lines = [head, *([round(seconds, 3), "o", text] for seconds, text in recording.events)]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), "utf-8")


def frames(recording: Recording) -> Iterator[tuple[float, tuple[Line, ...]]]:
    """Every screen that stands for long enough, and when it begins."""
    shown: tuple[float, tuple[Line, ...]] | None = None
    for seconds, screen in recording.screens():
        lines = tuple(_runs(screen.buffer[row], recording.columns) for row in range(recording.rows))
        if shown is not None and seconds - shown[0] >= SHORTEST_FRAME and lines != shown[1]:
            yield shown
            shown = (seconds, lines)
        else:
            shown = (seconds if shown is None else shown[0], lines)
    if shown is not None:
        yield shown


def _runs(characters: Any, columns: int) -> Line:
    """A line of the screen without what is blank."""
    runs: list[Run] = []
    for column in range(columns):
        character = characters[column]
        look = (COLOURS.get(character.fg, f"#{character.fg}"), character.bold)
        if runs and (runs[-1].colour, runs[-1].bold) == look and runs[-1].column + len(runs[-1].text) == column:
            runs[-1] = runs[-1]._replace(text=runs[-1].text + character.data)
        else:
            runs.append(Run(column, character.data, *look))
    return tuple(run._replace(text=run.text.rstrip()) for run in runs if run.text.strip())


def render_svg(recording: Recording, title: str) -> str:
    """An SVG that shows the frames one after the other, for ever; the last one alone where less motion is asked for.

    All frames stand below one another on a strip that jumps. A line that stands in several frames is there once.
    """
    film = list(frames(recording))
    width = recording.columns * CELL_WIDTH + 2 * MARGIN
    height = recording.rows * LINE_HEIGHT + 2 * MARGIN
    end = film[-1][0] + HOLD
    names = {line: f"l{number}" for number, line in enumerate({line: None for _, lines in film for line in lines})}
    steps = [f"{100 * begin / end:.2f}%{{transform:translateY({-n * height}px)}}" for n, (begin, _) in enumerate(film)]
    last = f"transform:translateY({-(len(film) - 1) * height}px)"
    strip = [
        f'<use href="#{names[line]}" y="{number * height + MARGIN + row * LINE_HEIGHT}"/>'
        for number, (_, lines) in enumerate(film)
        for row, line in enumerate(lines)
        if line
    ]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" width="{width:g}" role="img"'
        f' xml:space="preserve">'
        f"<title>{html.escape(title)}</title><style>text{{font:{FONT_SIZE}px ui-monospace,Menlo,Consolas,"
        f"'DejaVu Sans Mono',monospace;fill:{INK};white-space:pre}}.b{{font-weight:700}}"
        f".f{{animation:f {end:.2f}s step-end infinite}}@keyframes f{{{''.join(steps)}}}"
        f"@media(prefers-reduced-motion:reduce){{.f{{animation:none;{last}}}}}"
        f'</style><rect width="100%" height="100%" rx="8" fill="{PAPER}"/><defs>'
        f"{''.join(_symbol(name, line) for line, name in names.items() if line)}</defs>"
        f'<g class="f">{"".join(strip)}</g></svg>\n'
    )


def _symbol(name: str, line: Line) -> str:
    texts = []
    for run in line:
        start = len(run.text) - len(run.text.lstrip())
        text = run.text[start:]
        x = MARGIN + (run.column + start) * CELL_WIDTH
        look = (f' fill="{run.colour}" style="fill:{run.colour}"' if run.colour != INK else "") + (
            ' class="b"' if run.bold else ""
        )
        length = len(text) * CELL_WIDTH
        texts.append(
            f'<text x="{x:.1f}" y="{FONT_SIZE}" textLength="{length:.1f}"{look}>{html.escape(text, quote=False)}</text>'
        )
    return f'<g id="{name}">{"".join(texts)}</g>'


def write_recording(path: Path, cast: Path) -> None:
    """Record the commands on the demo corpus in an empty folder, and write the SVG and the asciicast."""
    with tempfile.TemporaryDirectory() as folder:
        recording = record_session(COMMANDS, Path(folder))
    write_cast(recording, cast)
    path.write_text(render_svg(recording, "sentiment trains on the demo corpus, then judges two sentences"), "utf-8")
