"""How the loop that is really run is asked for."""

from __future__ import annotations

import asyncio

from hotloop.backend.client import Client
from hotloop.errors import BackendError
from hotloop.probe.looprun import run_loop
from hotloop.probe.result import LoopRun
from hotloop.probe.scale import scaled
from hotloop.probe.shapes import article
from scripted_endpoint import DONE, Call, event, finish, serve, text

SMALL = scaled(article(), 0.01)
CALLS = sum(len(step.parts) for step in SMALL)


def run_on(refused: bytes) -> tuple[LoopRun | BackendError, list[bytes]]:
    """Run the loop on an endpoint that answers HTTP 400 where a request holds `refused`."""
    bodies: list[bytes] = []

    async def answering(call: Call) -> None:
        bodies.append(call.body)
        if refused and refused in call.body:
            await call.answer("400 Bad Request", b'{"error":{"message":"unknown field"}}')
            return
        usage = event(choices=[], usage={"prompt_tokens": 40, "completion_tokens": 2})
        await call.stream(text("a "), text("b"), finish("length"), usage, DONE)

    async def main() -> LoopRun | BackendError:
        async with serve(answering) as (url, _):
            client = Client(url, "m", "")
            try:
                return await run_loop(client, SMALL)
            except BackendError as error:
                return error
            finally:
                await client.aclose()

    return asyncio.run(main()), bodies


def test_answers_are_asked_for_at_their_whole_length() -> None:
    ran, bodies = run_on(b"")
    assert isinstance(ran, LoopRun)
    assert len(ran.calls) == len(bodies) == CALLS
    assert all(b'"ignore_eos":true' in body for body in bodies)


def test_an_endpoint_that_does_not_know_the_field_is_asked_without_it() -> None:
    ran, bodies = run_on(b"ignore_eos")
    assert isinstance(ran, LoopRun)
    assert len(ran.calls) == CALLS
    assert [b"ignore_eos" in body for body in bodies] == [True] + [False] * CALLS


def test_what_is_refused_for_another_reason_is_told() -> None:
    ran, bodies = run_on(b"messages")
    assert isinstance(ran, BackendError)
    assert len(bodies) == 2
