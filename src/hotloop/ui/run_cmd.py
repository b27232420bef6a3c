"""`hotloop run`: one goal, shown as it is met, or told as JSON lines."""

from __future__ import annotations

from collections.abc import Sequence

import click


@click.command()
@click.argument("goal")
@click.option("--repo", default=".", show_default=True, help="The repository to work in.")
@click.option("--test", help="The test command; found by itself where not given.")
@click.option("--budget", type=float, help="Seconds the session may take (default 20).")
@click.option("--backend", help="Base URL of an OpenAI-compatible endpoint, or `embedded`.")
@click.option("--model", help="The model's name; for the embedded one an id, a path or hf:….")
@click.option("--json", "as_json", is_flag=True, help="One JSON object per line on stdout.")
@click.option("--yes", is_flag=True, help="Run commands even where there is no sandbox.")
@click.option("--dialect", help="auto, native, schema, terse or fenced.")
@click.option("--think", help="Think and act in one call (with) or in two (apart).")
@click.option("--without", multiple=True, metavar="LEVER", help="Switch a lever off.")
def run(
    goal: str,
    repo: str,
    test: str | None,
    budget: float | None,
    backend: str | None,
    model: str | None,
    as_json: bool,
    yes: bool,
    dialect: str | None,
    think: str | None,
    without: Sequence[str],
) -> int:
    """Meet GOAL in a repository: read, edit, run tests, until they pass."""
    if not goal.strip():
        raise click.UsageError("the goal is empty")
    overrides: dict[str, object] = {
        "test": test,
        "budget_s": budget,
        "backend": backend,
        "model": model,
        "yes": yes or None,
        "dialect": dialect,
        "think": think,
        "without": list(without) or None,
    }
    from hotloop.ui.execution import Execution

    return Execution(goal, repo, overrides, as_json=as_json).run()
