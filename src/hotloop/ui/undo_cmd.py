"""`hotloop undo`: give files back what they held before a session."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from hotloop.workspace.undo import UndoReport


@click.command()
@click.argument("session", required=False, metavar="[ID]")
@click.option("--repo", default=".", metavar="DIR", help="The repository; default: this folder.")
@click.option("--force", is_flag=True, help="Also overwrite files you changed since.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object, for scripts.")
@click.pass_context
def undo(
    context: click.Context, session: str | None, repo: str, force: bool, as_json: bool
) -> None:
    """Take back what a session changed: ID, default the last one in the repository.

    Files you changed since are left alone, and named; the status is then 1.
    """
    from hotloop.workspace import undo as workspace_undo

    workspace_undo.recover(repo)
    report = workspace_undo.undo(repo, session, force=force)
    if as_json:
        import msgspec

        click.echo(msgspec.json.encode(report).decode())
    else:
        _print(report)
    if report.conflicts:
        context.exit(1)


def _print(report: UndoReport) -> None:
    for verb, names in (("restored", report.restored), ("removed", report.removed)):
        for name in names:
            click.echo(f"{verb} {name}")
    for name in report.conflicts:
        click.echo(f"left alone, changed since: {name}")
    if report.conflicts:
        click.echo(f"to overwrite these too: hotloop undo {report.session} --force")
    if not (report.restored or report.removed or report.conflicts):
        click.echo(f"session {report.session}: its files are as they were before it")
    if report.undo_session:
        click.echo(f"to take this back: hotloop undo {report.undo_session}")
