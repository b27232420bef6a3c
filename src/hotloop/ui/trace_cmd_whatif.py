"""`hotloop trace what-if`: a recorded session on another backend, or without a lever."""

from __future__ import annotations

import click


@click.command("what-if")
@click.argument("session", required=False, metavar="[ID]")
@click.option("--profile", help="fast, slow, tracelab, a TOML or JSON file, or a probe's result.")
@click.option("--without", default="", metavar="LEVER", help="Say what a lever was worth in it.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object, for scripts.")
def what_if(session: str | None, profile: str | None, without: str, as_json: bool) -> None:
    """Compute what a session would take on another backend: ID, default the latest.

    Calls are computed from their token counts; tools take what they took, and what overlapped
    still does.
    """
    from hotloop.errors import UsageError
    from hotloop.ledger.store import Ledger
    from hotloop.ledger.whatif import what_if as project

    if profile is None and not without:
        raise UsageError(
            "nothing to change", "give --profile slow|fast|FILE, --without LEVER, or both"
        )
    _check_lever(without)
    pace = None
    if profile is not None:
        from hotloop.sim.profile import load_profile
        from hotloop.sim.profile_pace import ProfilePace

        pace = ProfilePace(load_profile(profile))
    ledger = Ledger()
    row = ledger.session(session)
    projection = project(ledger.load(row.session), pace, without)
    where = pace.profile.name if pace else ""
    if as_json:
        from hotloop.ui.trace_cmd import print_json
        from hotloop.ui.trace_whatif import as_parts

        print_json(as_parts(row, projection, where))
        return
    from hotloop.ui.terminal import make_console
    from hotloop.ui.trace_whatif import print_projection

    print_projection(make_console(), row, projection, where)


def _check_lever(name: str) -> None:
    if not name:
        return
    from hotloop.errors import UsageError
    from hotloop.levers import NAMES

    known = sorted(NAMES)
    if name not in known:
        raise UsageError(f"no lever {name}", f"there are: {', '.join(known)}")
