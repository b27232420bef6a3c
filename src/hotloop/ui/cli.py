"""The command line: its commands are imported when they are used."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Sequence

import click

from hotloop import __version__
from hotloop.errors import HotloopError

_COMMANDS = {
    "doctor": ("hotloop.ui.engine_cmd", "doctor", "Say what is wrong with this machine."),
    "engine": ("hotloop.ui.engine_cmd", "engine", "The embedded engine: status, stop, logs."),
    "models": ("hotloop.ui.models_cmd", "models", "Models: list, pull, verify, rm."),
    "probe": ("hotloop.ui.probe_cmd", "probe", "Measure an endpoint; say what breaks the budget."),
    "run": ("hotloop.ui.run_cmd", "run", "Meet a goal in a repository."),
    "sim": ("hotloop.ui.sim_cmd", "sim", "Serve a simulated backend."),
    "trace": ("hotloop.ui.trace_cmd", "trace", "What sessions did and where the time went."),
    "undo": ("hotloop.ui.undo_cmd", "undo", "Take back what a session changed."),
}
_INTERRUPTED = 130


class _LazyGroup(click.Group):
    """A group that imports a command's module when it is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of all commands."""
        return sorted(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a command, imported now."""
        if cmd_name not in _COMMANDS:
            return None
        module, name, _ = _COMMANDS[cmd_name]
        command = getattr(importlib.import_module(module), name)
        return command if isinstance(command, click.Command) else None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands without importing any."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, _, text) in sorted(_COMMANDS.items())])


@click.group(cls=_LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="hotloop", message="%(prog)s %(version)s")
def cli() -> None:
    """Meet a goal in a repository, with every step of the way budgeted and measured."""


def run_cli(arguments: Sequence[str]) -> int:
    """Run a command and return the process's exit status; errors are printed to stderr."""
    try:
        status = cli.main(list(arguments), prog_name="hotloop", standalone_mode=False)
    except click.exceptions.Exit as error:
        return error.exit_code
    except click.Abort:
        return _INTERRUPTED
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except HotloopError as error:
        click.echo(f"hotloop: {error}", err=True)
        return error.exit_status
    except KeyboardInterrupt:
        return _INTERRUPTED
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except Exception as error:
        from hotloop.ui.crash import describe_crash

        click.echo(f"hotloop: {describe_crash(error)}", err=True)
        return 1
    return status if isinstance(status, int) else 0
