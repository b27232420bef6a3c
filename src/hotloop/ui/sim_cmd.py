"""`hotloop sim`: serve a simulated backend until stopped."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from hotloop.sim.server import SimServer


@click.command("sim")
@click.option(
    "--profile",
    default="fast",
    show_default=True,
    help="fast, slow, tracelab, instant, or a TOML or JSON file.",
)
@click.option("--script", help="What it says: a TOML or JSON file. Without it, filler text.")
@click.option("--port", default=0, show_default="a free one", type=click.IntRange(0, 65535))
@click.option("--log", is_flag=True, help="One line per request on stderr.")
def sim(profile: str, script: str | None, port: int, log: bool) -> None:
    """Serve a backend that answers on a timetable instead of from a model.

    Prints its address first, then serves until interrupted.
    """
    import asyncio

    from hotloop.sim.clock import punctual_loop
    from hotloop.sim.script import load_script
    from hotloop.sim.server import SimServer

    said = load_script(script) if script else None
    server = SimServer(profile, said, port=port, log=_print_log if log else None)
    with asyncio.Runner(loop_factory=punctual_loop) as runner:
        runner.run(_serve(server))


def _print_log(line: str) -> None:
    click.echo(line, err=True)


async def _serve(server: SimServer) -> None:
    import asyncio
    import signal

    over = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, over.set)
    async with server:
        click.echo(server.base_url)
        await over.wait()
