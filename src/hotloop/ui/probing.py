"""One `hotloop probe` from its arguments to its exit status."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

from hotloop.config import EMBEDDED, Config, load_config
from hotloop.errors import EnvironmentFault, UsageError
from hotloop.probe.settings import Prices, Settings, Target, plan
from hotloop.probe.shapes import article, total_tokens
from hotloop.sim.article import TESTS_S
from hotloop.ui.interrupts import INTERRUPTED, Interrupts
from hotloop.ui.probe_progress import Display

if TYPE_CHECKING:
    from hotloop.backend.retry import Retry
    from hotloop.loop.opening import LocalModel
    from hotloop.probe.result import Result

_STDOUT = "-"


class Wanted(msgspec.Struct, kw_only=True):
    """The arguments of the command; prices are per million tokens."""

    url: str | None = None
    model: str | None = None
    time_s: float = 60.0
    requests: int = 300
    tokens_in: int = 600_000
    tokens_out: int = 12_000
    parallel: int = 8
    max_tokens: int = 16_000
    idle: tuple[float, ...] = ()
    price_in: float | None = None
    price_cached: float | None = None
    price_out: float | None = None
    budget: float = 20.0
    seed: int | None = None
    json_file: str | None = None
    html_file: str | None = None
    profile_file: str | None = None
    dry_run: bool = False
    run_loop: bool = False
    run_limit_s: float = 120.0

    def settings(self) -> Settings:
        """Return the settings of the measurement."""
        prices = None
        if self.price_in is not None or self.price_out is not None:
            prices = Prices(
                input_per_million=self.price_in or 0.0,
                cached_per_million=self.price_cached,
                output_per_million=self.price_out or 0.0,
            )
        return Settings(
            time_s=self.time_s,
            requests=self.requests,
            input_tokens=self.tokens_in,
            output_tokens=self.tokens_out,
            max_width=self.parallel,
            most_tokens=self.max_tokens,
            idle_s=self.idle,
            seed=self.seed,
            prices=prices,
            budget_s=self.budget,
        )

    def files(self) -> list[str]:
        """Return the files to write."""
        named = (self.json_file, self.html_file, self.profile_file)
        return [name for name in named if name and name != _STDOUT]


class Probing:
    """Says what a probe costs, makes it, shows and keeps what it found."""

    def __init__(self, wanted: Wanted) -> None:
        self._wanted = wanted
        self._settings = wanted.settings()
        self._interrupts = Interrupts()

    def run(self) -> int:
        """Run to the end and return the exit status. Raises HotloopError."""
        for name in self._wanted.files():
            _check_writable(Path(name))
        overrides = {"backend": self._wanted.url or EMBEDDED, "model": self._wanted.model}
        config = load_config(None, os.environ, overrides)
        where = config.backend or "the embedded engine"
        if config.backend:
            from hotloop.backend.endpoint import parse_base_url

            where = parse_base_url(config.backend).base_url
        _say(f"{where}: {cost_text(self._settings, self._wanted.run_loop)}")
        if self._wanted.dry_run:
            return 0
        with self._interrupts.caught():
            result = self._result(config)
            self._interrupts.hold()
        return self._told(result)

    def _result(self, config: Config) -> Result:
        model = None if config.backend else _fetched(config)
        return asyncio.run(self._measured(config, model))

    async def _measured(self, config: Config, model: LocalModel | None) -> Result:
        found: list[Result] = []

        async def measure() -> int:
            found.append(await self._probed(config, model))
            return 0

        task = asyncio.ensure_future(measure())
        with self._interrupts.cancelling(task):
            await asyncio.wait({task})
        if task.cancelled():  # before the measurement had begun
            raise KeyboardInterrupt
        task.result()
        return found[0]

    async def _probed(self, config: Config, model: LocalModel | None) -> Result:
        if model is None:
            return await self._on(_target(config))
        from hotloop.loop.opening import open_backend

        opened = await open_backend(config, model, _say, _say_retry)
        try:
            engine = opened.engine
            key = engine.api_key if engine is not None else ""
            target = Target(base_url=opened.client.base_url, model=opened.client.model, api_key=key)
            return await self._on(target)
        finally:
            await opened.close()

    async def _on(self, target: Target) -> Result:
        from hotloop.probe.api import probe

        with Display() as display:
            result = await probe(target, self._settings, display.show)
        if not (self._wanted.run_loop and result.loop) or result.cost.stopped == "interrupted":
            return result
        from hotloop.probe.looprun import with_loop_run

        limit_s = self._wanted.run_limit_s
        seconds = min(limit_s, result.loop[0].p50_s - TESTS_S)
        _say(f"now the article's loop for real, some {seconds:.0f} s")
        try:
            return await with_loop_run(result, target, limit_s)
        except asyncio.CancelledError:  # what the probe found is there all the same
            if (task := asyncio.current_task()) is not None:
                task.uncancel()
            result.cost.stopped = "interrupted"
            missing = result.missing | {"loop_run": "interrupted"}
            return msgspec.structs.replace(result, missing=missing)

    def _told(self, result: Result) -> int:
        wanted = self._wanted
        if wanted.json_file == _STDOUT:
            click.echo(json_of(result).decode())
        else:
            from hotloop.probe.terminal import print_result
            from hotloop.ui.terminal import make_console

            print_result(make_console(), result)
        self._write(result)
        if result.verdict is not None and result.cost.stopped != "interrupted":
            from hotloop.probe.cached import store

            store(result)
        match result.cost.stopped:
            case "interrupted":
                return INTERRUPTED
            case "unreachable":
                return EnvironmentFault.exit_status
            case _:
                return 0

    def _write(self, result: Result) -> None:
        wanted = self._wanted
        if wanted.json_file and wanted.json_file != _STDOUT:
            _write(wanted.json_file, json_of(result) + b"\n")
        if wanted.html_file:
            from hotloop.probe.html import page

            _write(wanted.html_file, page(result).encode("utf-8", "replace"))
        if wanted.profile_file:
            from hotloop.probe.profile_out import profile_toml

            if result.profile is None:
                _say(f"no profile: {result.missing.get('profile', 'nothing was measured')}")
            else:
                _write(wanted.profile_file, profile_toml(result.profile, result.endpoint).encode())


def cost_text(settings: Settings, run_loop: bool) -> str:
    """Return in words what a probe takes at most, and the loop after it if it is run."""
    most, money = plan(settings), ""
    text = (
        f"at most {most.time_s:g} s, {most.requests} requests, "
        f"{most.input_tokens:,} tokens in and {most.output_tokens:,} out"
    )
    sent, written = total_tokens(article()) if run_loop else (0, 0)
    if run_loop:
        text += f"; then the loop, {sent:,} in and {written:,} out"
    if most.money is not None and settings.prices is not None:
        money = f"; that costs {most.money + settings.prices.of(sent, 0, written):.2f}"
    return text + money


def json_of(result: Result) -> bytes:
    """Return a result as indented JSON."""
    return msgspec.json.format(msgspec.json.encode(result), indent=1)


def _target(config: Config) -> Target:
    return Target(
        base_url=config.backend or "",
        model=config.model or "",
        api_key=config.api_key,
        api_key_env=config.api_key_env,
    )


def _fetched(config: Config) -> LocalModel | None:
    """Return the embedded model's file, downloaded where need be."""
    from hotloop.loop.opening import LocalModel, local_model

    ref = local_model(config)
    if ref is None:
        return None
    from hotloop.engine.download import ensure
    from hotloop.ui.models_cmd import show_progress

    with show_progress(ref.id) as report:
        return LocalModel(ref.id, ensure(ref, report))


def _check_writable(path: Path) -> None:
    """Find out before the measurement that its result could not be written."""
    folder = path.parent
    step = "name another file"
    if path.is_dir():
        raise UsageError(f"{path} is a folder", step)
    if not folder.is_dir():
        raise UsageError(f"there is no folder {folder}", step)
    if not os.access(path if path.exists() else folder, os.W_OK):
        raise UsageError(f"{path} cannot be written", step)


def _write(name: str, data: bytes) -> None:
    path = Path(name)
    try:
        path.write_bytes(data)
    except OSError as error:
        raise EnvironmentFault(f"cannot write {path}: {error.strerror}", "free it") from error
    _say(f"wrote {path}")


def _say_retry(retry: Retry) -> None:
    _say(f"{retry.cause}; again in {retry.wait_s:.1f} s")


def _say(text: str) -> None:
    click.echo(f"hotloop: {text}", err=True)
