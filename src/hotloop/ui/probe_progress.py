"""How far a probe is, on stderr."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from hotloop.probe.settings import Progress

if TYPE_CHECKING:
    from rich.progress import Progress as Bar
    from rich.progress import TaskID


class Display:
    """Shows on stderr how far a probe is: a bar on a terminal, else a line per part."""

    def __init__(self) -> None:
        self._bar: Bar | None = None
        self._task: TaskID | None = None
        self._part = ""

    def __enter__(self) -> Display:
        """Show nothing yet."""
        return self

    def __exit__(self, *_: object) -> None:
        """Take the bar away."""
        if self._bar is not None:
            self._bar.stop()

    def show(self, progress: Progress) -> None:
        """Show a state."""
        if not sys.stderr.isatty():
            if progress.part != self._part:
                self._part = progress.part
                click.echo(
                    f"hotloop: {progress.elapsed_s:5.1f} s  {progress.part.replace('_', ' ')}",
                    err=True,
                )
            return
        self._draw(progress)

    def _draw(self, progress: Progress) -> None:
        if self._bar is None or self._task is None:
            self._bar = _open_bar()
            self._task = self._bar.add_task("", total=progress.time_s, requests="")
        self._bar.update(
            self._task,
            completed=min(progress.elapsed_s, progress.time_s),
            description=f"{progress.part.replace('_', ' ')}: {progress.text}"[:44],
            requests=f"{progress.requests} requests, {progress.input_tokens:,} tokens in",
        )


def _open_bar() -> Bar:
    from rich import progress
    from rich.console import Console

    bar = progress.Progress(
        progress.TextColumn("{task.description:<44}", markup=False),
        progress.BarColumn(bar_width=16),
        progress.TextColumn("{task.fields[requests]}", markup=False),
        progress.TimeElapsedColumn(),
        console=Console(stderr=True),
        transient=True,
    )
    bar.start()
    return bar
