"""A closed-loop load as other tools make it, measured with the probe's own client and marks."""

from __future__ import annotations

import asyncio
import statistics
import time
from collections import deque

import msgspec

from hotloop.backend.client import Client
from hotloop.probe.contact import list_models
from hotloop.probe.decode import token_s
from hotloop.probe.prompts import Prompts
from hotloop.probe.sample import Sample
from hotloop.probe.session import Session
from hotloop.probe.settings import Settings

CHARS_PER_TOKEN = 4
ENDLESS = 1 << 40


class Load(msgspec.Struct, frozen=True, kw_only=True):
    """So many requests with new prompts, `concurrency` of them under way at any time.

    `prompt_tokens` are about those of a prompt: text is cut by characters, not by a tokenizer.
    """

    prompt_tokens: int = 256
    output_tokens: int = 32
    requests: int = 16
    concurrency: int = 1


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """What a tool says of a load; None is what it does not say.

    `ttft_s` and `gap_s` are medians, the latter over all gaps between two pieces of an answer.
    `token_s` is the time per token after the first of each answer, `tok_s` all output tokens by
    the seconds that the whole load took.
    """

    ttft_s: float | None = None
    gap_s: float | None = None
    token_s: float | None = None
    tok_s: float | None = None


def new_prompts(load: Load, seed: int) -> list[str]:
    """Return prompts that no server has in its cache, each with a task whose answer is long."""
    prompts = Prompts(seed)
    characters = load.prompt_tokens * CHARS_PER_TOKEN
    texts: list[str] = []
    for _ in range(load.requests):
        head, task = prompts.nonce(), prompts.story()
        body = prompts.code(max(0, characters - len(head) - len(task) - 2))
        texts.append(f"{head}\n{body}\n{task}")
    return texts


async def first_model(base_url: str) -> str:
    """Return the first model that an endpoint lists. Raises BackendError where there is none."""
    client = Client(base_url, "", "", session_start_s=0.0)
    try:
        return (await list_models(client))[0].id
    finally:
        await client.aclose()


async def run_load(base_url: str, model: str, load: Load, texts: list[str]) -> Seen:
    """Send all prompts and return what the probe's client measures.

    Raises RuntimeError where a call fails: the tools would not compare.
    """
    client = Client(base_url, model, "", session_start_s=0.0)
    limits = Settings(
        time_s=3_600,
        requests=ENDLESS,
        input_tokens=ENDLESS,
        output_tokens=ENDLESS,
        answer_s=600.0,
    )
    session = Session(client, limits, Prompts(0), None)
    waiting = deque(texts)
    samples: list[Sample] = []

    async def work() -> None:
        while waiting:
            message: dict[str, object] = {"role": "user", "content": waiting.popleft()}
            asked = session.ask([message], load.output_tokens, "load", ignore_eos=True)
            samples.append(sample := await asked)
            if sample.error:
                raise RuntimeError(f"a call of the load failed: {sample.error}")

    start_s = time.monotonic()
    try:
        await asyncio.gather(*(work() for _ in range(load.concurrency)))
    finally:
        took_s = time.monotonic() - start_s
        await client.aclose()
    return summary(session, samples, took_s)


def summary(session: Session, samples: list[Sample], took_s: float) -> Seen:
    """Return the figures of a load of at least one call."""
    counter = session.counter
    paces = [pace for sample in samples if (pace := token_s(sample, counter))]
    gaps = [gap for sample in samples for gap in sample.gaps_s()]
    return Seen(
        ttft_s=statistics.median(sample.ttft_s for sample in samples),
        gap_s=statistics.median(gaps) if gaps else None,
        token_s=statistics.median(paces) if paces else None,
        tok_s=sum(counter.output(sample) for sample in samples) / took_s,
    )
