"""`python -m bench.edits`: ask a model for stated edits in each form, and count what came of it."""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from statistics import mean, median

import msgspec

from bench.edits.edits import FORMS, Asked, ask, requests
from bench.edits.tokens import Counter as TokenCounter
from bench.edits.tokens import rows
from hotloop.config import Config, load_config
from hotloop.engine.download import ensure
from hotloop.errors import HotloopError
from hotloop.loop.opening import LocalModel, Opened, local_model, open_backend

_HEAD = (
    f"{'form':<13} {'asked':>5} {'exact':>5} {'mended':>6} {'missed':>6} {'other':>5} "
    f"{'none':>5} {'applied':>7} {'as asked':>8} {'tokens':>6} {'wall s':>6}"
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Ask, and print a table; with `--out` keep every answer."""
    args = _parser().parse_args(arguments)
    try:
        return asyncio.run(_tokens(args) if args.tokens else _edits(args))
    except HotloopError as error:
        print(f"bench.edits: {error}", file=sys.stderr)
        return error.exit_status


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("python -m bench.edits", description=__doc__)
    add = parser.add_argument
    add("--model", default="", help="an embedded model, or the name at --backend")
    add("--backend", default="", metavar="URL")
    add("--form", action="append", choices=FORMS, help="only this form; may be repeated")
    add("--every", type=int, default=1, metavar="N", help="every Nth request only")
    add("--most", type=int, default=None, metavar="N", help="at most so many requests")
    add("--out", default="", metavar="FILE", help="keep the answers as JSON lines")
    add("--tokens", action="store_true", help="ask nothing: count the tokens of each form")
    return parser


async def _open(args: argparse.Namespace) -> Opened:
    flags = {name: value for name in ("model", "backend") if (value := getattr(args, name))}
    config = load_config(None, os.environ, flags)
    return await open_backend(config, _local(config), print, lambda _: None)


def _local(config: Config) -> LocalModel | None:
    ref = local_model(config)
    return None if ref is None else LocalModel(ref.id, ensure(ref))


async def _edits(args: argparse.Namespace) -> int:
    """Ask for each change in all forms, one after the other, so that load hits all alike."""
    forms = args.form or list(FORMS)
    done: list[Asked] = []
    opened = await _open(args)
    try:
        for request in requests()[:: args.every][: args.most]:
            for form in forms:
                done.append(await ask(opened.client, form, request))
                _tell(done[-1], args.out)
    finally:
        await opened.close()
    print(f"\n{_HEAD}")
    for form in forms:
        print(_row(form, [one for one in done if one.form == form]))
    return 0


def _tell(asked: Asked, out: str) -> None:
    verdict = "as asked" if asked.as_asked else "applied" if asked.applied else asked.why
    said = f"{asked.form:<13} {asked.found:<8} {asked.output_tokens:>4} {asked.file}: {verdict}"
    print(said, flush=True)
    if out:
        with Path(out).open("ab") as file:
            file.write(msgspec.json.encode(asked) + b"\n")


def _row(form: str, done: Sequence[Asked]) -> str:
    found = Counter(one.found for one in done)
    tokens = median(one.output_tokens for one in done)
    return (
        f"{form:<13} {len(done):>5} {found['exact']:>5} {found['repaired']:>6} "
        f"{found['missed']:>6} {found['other']:>5} {found['none']:>5} "
        f"{sum(one.applied for one in done):>7} {sum(one.as_asked for one in done):>8} "
        f"{tokens:>6.0f} {mean(one.wall_s for one in done):>6.1f}"
    )


async def _tokens(args: argparse.Namespace) -> int:
    opened = await _open(args)
    try:
        counter = TokenCounter(opened.client)
        for row in await rows(counter):
            print(row)
    finally:
        await opened.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
