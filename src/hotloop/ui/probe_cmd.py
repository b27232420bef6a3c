"""`hotloop probe`: measure an endpoint, show what was found, put results side by side."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|)")
_UNITS_S = {"ms": 0.001, "s": 1.0, "": 1.0, "m": 60.0}
_LONGEST_S = 86_400.0


class _WithCompare(click.Command):
    """A command whose first argument may be `compare`, which is a command of its own."""

    def make_context(
        self,
        info_name: str | None,
        args: list[str],
        parent: click.Context | None = None,
        **extra: Any,
    ) -> click.Context:
        """Return the context of the command that is meant."""
        if args[:1] == ["compare"]:
            return compare.make_context(f"{info_name} compare", args[1:], parent, **extra)
        return super().make_context(info_name, args, parent, **extra)


def duration_s(text: str) -> float:
    """Return seconds from `60`, `60s`, `1.5m` or `500ms`. Raises click.BadParameter."""
    found = _DURATION.fullmatch(text.strip())
    seconds = float(found[1]) * _UNITS_S[found[2]] if found else 0.0
    if not 0 < seconds <= _LONGEST_S:
        raise click.BadParameter(f"{text!r} is no time; write 60s, 500ms or 2m")
    return seconds


def _time(_: click.Context, __: click.Parameter, value: str) -> float:
    return duration_s(value)


def _times(_: click.Context, __: click.Parameter, value: str | None) -> tuple[float, ...]:
    return tuple(duration_s(one) for one in value.split(",")) if value else ()


@click.command(cls=_WithCompare)
@click.argument("url", required=False)
@click.option("--model", help="The model's name; without one, the first that is listed.")
@click.option("--time", "time_s", default="60s", show_default=True, callback=_time, help="At most.")
@click.option("--requests", default=300, show_default=True, type=click.IntRange(1), help="At most.")
@click.option(
    "--tokens-in", default=600_000, show_default=True, type=click.IntRange(1), help="At most."
)
@click.option(
    "--tokens-out", default=12_000, show_default=True, type=click.IntRange(1), help="At most."
)
@click.option("--parallel", default=8, show_default=True, type=click.IntRange(1), help="Fan-out.")
@click.option(
    "--max-tokens",
    default=16_000,
    show_default=True,
    type=click.IntRange(256),
    help="Of the longest prompt.",
)
@click.option("--idle", callback=_times, metavar="TIME,…", help="Look for the cache after these.")
@click.option("--price-in", type=click.FloatRange(0), help="Money per million input tokens.")
@click.option("--price-cached", type=click.FloatRange(0), help="The same, of cached ones.")
@click.option("--price-out", type=click.FloatRange(0), help="The same, of output tokens.")
@click.option(
    "--budget",
    default=20.0,
    show_default=True,
    type=click.FloatRange(0, min_open=True),
    help="Seconds of a task.",
)
@click.option("--seed", type=int, help="Send the same prompts again.")
@click.option("--json", "json_file", metavar="FILE", help="The result as JSON; - for stdout.")
@click.option("--html", "html_file", metavar="FILE", help="The report as a page.")
@click.option("--profile", "profile_file", metavar="FILE", help="A profile for `hotloop sim`.")
@click.option("--run-loop", is_flag=True, help="Then run the loop for real: is it as projected?")
@click.option(
    "--run-limit",
    "run_limit_s",
    default="120s",
    show_default=True,
    callback=_time,
    help="The loop is run with fewer tokens where its calls would take longer.",
)
@click.option("--dry-run", is_flag=True, help="Say what it would take, and send nothing.")
def probe(url: str | None, **given: Any) -> int:
    """Measure an endpoint under an agent's load, and say which step breaks the budget.

    URL is an OpenAI-compatible endpoint; without one it is the embedded engine. Ctrl-C ends the
    measurement and shows what there is by then.

    \b
    hotloop probe compare A.json B.json …   puts results side by side.
    """
    from hotloop.ui.probing import Probing, Wanted

    wanted = Wanted(url=url, **given)
    return Probing(wanted).run()


@click.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="FILE…")
@click.option("--json", "as_json", is_flag=True, help="One JSON object, for scripts.")
def compare(files: Sequence[Path], as_json: bool) -> None:
    """Put two or more results of `hotloop probe --json FILE` side by side."""
    from hotloop.probe.compare import compare as compared
    from hotloop.probe.compare import load_result

    found = compared([load_result(file) for file in files])
    if as_json:
        import msgspec

        click.echo(msgspec.json.encode(found).decode())
        return
    from hotloop.probe.terminal import print_comparison
    from hotloop.ui.terminal import make_console

    print_comparison(make_console(), found)
