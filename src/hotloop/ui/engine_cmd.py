"""`hotloop engine` and `hotloop doctor`."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import click

from hotloop.errors import EnvironmentFault

if TYPE_CHECKING:
    from hotloop.engine.doctor import Check, CheckFn
    from hotloop.engine.state import EngineState

_COLOURS = {"ok": "green", "warn": "yellow", "fail": "red"}


def _check_model() -> list[Check]:
    """Say what is here of the default model, without reading its file."""
    from hotloop.engine.catalog import default_id, resolve
    from hotloop.engine.doctor import Check
    from hotloop.engine.models_store import status

    found = status(resolve(default_id()))
    size = f"{found.size_bytes / 1e9:.2f} GB"
    match found.state:
        case "verified":
            return [Check("model", "ok", f"{found.id} at {found.path}, verified")]
        case "unverified":
            detail = f"{found.id} at {found.path}, not verified yet"
            return [Check("model", "warn", detail, f"hotloop models verify {found.id}")]
        case "corrupt":
            detail = f"{found.id} at {found.path} is corrupt: it has the wrong size"
            return [Check("model", "fail", detail, f"hotloop models pull --force {found.id}")]
        case _:
            detail = f"{found.id} ({size}) is {found.state}; the first run fetches it"
            return [Check("model", "warn", detail, f"hotloop models pull {found.id}")]


MODEL_CHECKS: list[CheckFn] = [_check_model]
"""Checks for `doctor` beside those of the machine."""


@click.group()
def engine() -> None:
    """Look at the embedded model server, or stop it."""


@engine.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON array on stdout.")
def status(as_json: bool) -> None:
    """List the engines that run."""
    import msgspec

    from hotloop.engine.manager import list_engines

    found = [_public(state) for state in list_engines()]
    if as_json:
        click.echo(msgspec.json.encode(found))
        return
    for row in found:
        click.echo(
            "{model}: {status} at {url}, {build}, up {up_s:.0f} s, pid {pid}, "
            "{restarts} restarts, ends after {idle_s:.0f} s idle".format_map(row)
        )
    if not found:
        click.echo("no engine runs; the first command that needs one starts it")


def _public(state: EngineState) -> dict[str, object]:
    """Return what may be shown: all but the token."""
    return {
        "model": state.model_id,
        "status": state.status,
        "url": f"http://127.0.0.1:{state.port}/v1",
        "pid": state.pid,
        "server_pid": state.server_pid,
        "kind": state.kind,
        "build": state.build,
        "path": state.model.path,
        "up_s": max(0.0, time.time() - state.started_at),
        "idle_s": state.settings.idle_s,
        "restarts": state.restarts,
        "version": state.version,
    }


@engine.command()
@click.argument("models", nargs=-1)
def stop(models: tuple[str, ...]) -> None:
    """Stop the engines of MODELS, by default all of them."""
    from hotloop.engine.manager import list_engines, stop_engine

    names = models or tuple(state.model_id for state in list_engines())
    for name in names:
        click.echo(f"{name}: {'stopped' if stop_engine(name) else 'was not running'}")
    if not names:
        click.echo("no engine runs")


@engine.command()
@click.argument("model", required=False)
@click.option("-n", "--lines", default=40, show_default=True, help="How many lines from the end.")
@click.option("-f", "--follow", is_flag=True, help="Go on with what is written from now on.")
def logs(model: str | None, lines: int, follow: bool) -> None:
    """Show the log of MODEL's engine, by default of the engine that wrote last."""
    from hotloop.engine.state import EngineFiles, engine_dir, log_tail

    found = sorted(engine_dir().glob("*.log"), key=lambda path: path.stat().st_mtime)
    path = EngineFiles(model).log if model else next(reversed(found), None)
    if path is None or not path.exists():
        raise EnvironmentFault(
            f"no engine log of {model or 'any model'}", "a log begins with the first engine start"
        )
    click.echo(log_tail(path, lines))
    if not follow:
        return
    with path.open(errors="replace") as file:
        file.seek(0, 2)
        while True:
            click.echo(file.read(), nl=False)
            time.sleep(0.2)


@click.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON array on stdout.")
@click.pass_context
def doctor(context: click.Context, as_json: bool) -> None:
    """Check this machine and say what to do; status 3 if something must be mended."""
    import msgspec

    from hotloop.engine.doctor import machine_checks, run_checks

    found = run_checks([*machine_checks(), *MODEL_CHECKS])
    if as_json:
        click.echo(msgspec.json.encode(found))
    else:
        for check in found:
            _show(check)
    context.exit(3 if any(check.status == "fail" for check in found) else 0)


def _show(check: Check) -> None:
    mark = click.style(f"{check.status:<4}", fg=_COLOURS[check.status])
    click.echo(f"{mark}  {check.name:<13} {check.detail}")
    if check.next_step:
        click.echo(f"      {'':<13} next: {check.next_step}")
