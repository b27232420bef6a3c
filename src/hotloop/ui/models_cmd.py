"""`hotloop models`: list, pull, verify and rm."""

from __future__ import annotations

import sys
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click
import msgspec

from hotloop.engine import models_store as store
from hotloop.engine.catalog import default_id, resolve
from hotloop.engine.models_store import ModelStatus, Progress
from hotloop.errors import EnvironmentFault

if TYPE_CHECKING:
    from rich.progress import Progress as RichProgress
    from rich.progress import TaskID

_SPARSE_LINES = 5


@click.group()
def models() -> None:
    """Fetch, check and delete the models that run on this machine."""


@models.command("list")
@click.option("--json", "as_json", is_flag=True, help="One JSON array on stdout.")
def list_models(as_json: bool) -> None:
    """List the models of the catalog and what is here of them."""
    rows = [store.status(ref) for ref in store.known()]
    if as_json:
        click.echo(msgspec.json.encode(rows))
        return
    for line in _table(rows):
        click.echo(line)


@models.command()
@click.argument("name", required=False)
@click.option("--force", is_flag=True, help="Fetch it anew, whatever is here.")
def pull(name: str | None, force: bool) -> None:
    """Fetch a model: a catalog id or hf:ORG/REPO/FILE.gguf (by default the default model)."""
    from hotloop.engine import download

    ref = resolve(name or default_id())
    with show_progress(ref.id) as report:
        path = download.pull(ref, report, force)
    click.echo(f"{ref.id}: {path}")


@models.command()
@click.argument("names", nargs=-1)
def verify(names: tuple[str, ...]) -> None:
    """Read models again and compare their checksums (by default of all that are here)."""
    refs = [resolve(name) for name in names] or [
        ref for ref in store.known() if store.present_path(ref) or store.verified_path(ref)
    ]
    if not refs:
        raise EnvironmentFault("no model is here", "hotloop models pull")
    faults: list[EnvironmentFault] = []
    for ref in refs:
        try:
            with show_progress(ref.id) as report:
                path = store.verify(ref, report)
            click.echo(f"{ref.id}: ok, {path}")
        except EnvironmentFault as fault:
            faults.append(fault)
    if faults:
        raise _all_of(faults)


@models.command()
@click.argument("names", nargs=-1, required=True)
def rm(names: tuple[str, ...]) -> None:
    """Delete models. A file in your own folder (HOTLOOP_MODELS) is left alone."""
    for ref in [resolve(name) for name in names]:
        click.echo(f"{ref.id}: {_size(store.remove(ref))} freed")


@contextmanager
def show_progress(title: str) -> Generator[Progress]:
    """Yield a callback that shows a download on stderr: a bar on a terminal, else few lines.

    Costs nothing until it is called for the first time.
    """
    if not sys.stderr.isatty():
        yield _sparse_lines(title)
        return
    bar = _Bar(title)
    try:
        yield bar.show
    finally:
        bar.close()


class _Bar:
    def __init__(self, title: str) -> None:
        self._title = title
        self._tasks: dict[str, TaskID] = {}
        self._progress: RichProgress | None = None

    def show(self, phase: str, done_bytes: int, total_bytes: int) -> None:
        progress = self._progress = self._progress or _rich_progress(self._title)
        if phase not in self._tasks:
            self._tasks[phase] = progress.add_task(phase, total=None)
        progress.update(self._tasks[phase], completed=done_bytes, total=total_bytes or None)

    def close(self) -> None:
        if self._progress:
            self._progress.stop()


def _rich_progress(title: str) -> RichProgress:
    from rich import progress
    from rich.console import Console

    bar = progress.Progress(
        progress.TextColumn("{task.description}"),
        progress.BarColumn(bar_width=20),
        progress.DownloadColumn(),
        progress.TransferSpeedColumn(),
        progress.TimeRemainingColumn(),
        console=Console(stderr=True),
    )
    bar.start()
    bar.console.print(title, highlight=False)
    return bar


def _sparse_lines(title: str) -> Progress:
    shown: set[tuple[str, int]] = set()

    def report(phase: str, done_bytes: int, total_bytes: int) -> None:
        step = done_bytes * _SPARSE_LINES // total_bytes if total_bytes else 0
        if (phase, step) in shown:
            return
        shown.add((phase, step))
        share = f", {_size(done_bytes)} of {_size(total_bytes)}" if total_bytes else ""
        click.echo(f"{title}: {phase}{share}", err=True)

    return report


def _table(rows: Sequence[ModelStatus]) -> list[str]:
    width = max(len(row.id) for row in rows)
    default = default_id()
    return [
        f"{'*' if row.id == default else ' '} {row.id:<{width}}  {_size(row.size_bytes):>8}  "
        f"{row.licence or '?':<10}  {row.state:<10}  {row.path or '-'}"
        for row in rows
    ] + ["* used when none is named"]


def _size(size_bytes: int) -> str:
    return f"{size_bytes / 1e9:.2f} GB" if size_bytes >= 1e9 else f"{size_bytes / 1e6:.1f} MB"


def _all_of(faults: Sequence[EnvironmentFault]) -> EnvironmentFault:
    causes = "\n".join(fault.cause for fault in faults)
    return EnvironmentFault(causes, "; ".join(fault.next_step for fault in faults))
