"""A real pseudo-terminal for a command: what it wrote with its times, and the screen that a terminal shows of it."""

import fcntl
import os
import pty
import struct
import termios
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyte

KEPT_LINES = 5_000


@dataclass(frozen=True)
class Recording:
    """What a command wrote to its terminal: pairs of seconds from its start and text, and its exit code."""

    columns: int
    rows: int
    events: list[tuple[float, str]]
    exit_code: int

    def screens(self) -> Iterator[tuple[float, pyte.HistoryScreen]]:
        """The screen after every event; it is one object, which changes."""
        screen = pyte.HistoryScreen(self.columns, self.rows, history=KEPT_LINES)
        stream = pyte.Stream(screen)
        for seconds, text in self.events:
            stream.feed(text)
            yield seconds, screen

    def lines(self) -> list[str]:
        """All lines in the end, those that were scrolled away first."""
        *_, (_, screen) = self.screens()
        above = ["".join(line[column].data for column in range(self.columns)) for line in screen.history.top]
        return [line.rstrip() for line in [*above, *screen.display]]

    def ever_showed(self, text: str) -> bool:
        """Whether a line held a text at some moment."""
        return any(text in line for _, screen in self.screens() for line in screen.display)


def record(
    command: Sequence[str], *, columns: int, rows: int = 40, folder: Path, environment: Mapping[str, str]
) -> Recording:
    """Run a command on a pseudo-terminal to its end."""
    process, terminal = pty.fork()
    if process == 0:
        os.chdir(folder)
        fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        plain = {name: value for name, value in environment.items() if name not in ("COLUMNS", "LINES", "NO_COLOR")}
        os.execvpe(command[0], list(command), {**plain, "TERM": "xterm-256color"})
    started, events, rest = time.monotonic(), [], b""
    while chunk := _read(terminal):
        text, rest = _decoded(rest + chunk)
        events.append((time.monotonic() - started, text))
    os.close(terminal)
    _, status = os.waitpid(process, 0)
    return Recording(columns, rows, events, os.waitstatus_to_exitcode(status))


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65_536)
    except OSError:  # what Linux says when the other side is closed
        return b""


def _decoded(content: bytes) -> tuple[str, bytes]:
    """The text, and the bytes of a character that is not whole yet."""
    try:
        return content.decode(), b""
    except UnicodeDecodeError as error:
        return content[: error.start].decode(), content[error.start :]
