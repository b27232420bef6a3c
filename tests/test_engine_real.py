import asyncio
import json
import os
import signal
from collections.abc import Generator
from pathlib import Path

import msgspec
import pytest

from engine_bench import MODEL, Http, runs, until
from hotloop.engine import native
from hotloop.engine.manager import (
    EngineHandle,
    ensure_engine,
    list_engines,
    stop_engine,
)
from hotloop.engine.slots import PrefixStore
from hotloop.engine.state import (
    EngineSettings,
)
from hotloop.errors import EnvironmentFault
from hotloop.ledger.events import ServerTimings

PREFIX = {
    "role": "system",
    "content": "You are a careful programmer.\n"
    + "\n".join(f"Rule {n}: keep function number {n} short and give it a name." for n in range(30)),
}


@pytest.fixture(scope="module")
def real_model() -> Path:
    from hotloop.engine import catalog, download

    return download.ensure(catalog.resolve("qwen2.5-coder-0.5b"))


@pytest.fixture(params=["xllamacpp", "native"])
def real_settings(
    request: pytest.FixtureRequest,
    real_model: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Generator[EngineSettings]:
    if request.param == "native" and not native.find_native():
        pytest.skip("no native llama-server here")
    monkeypatch.setenv("HOTLOOP_HOME", str(tmp_path))
    yield EngineSettings(kind=request.param, context_tokens=4096)
    pids = [pid for state in list_engines() for pid in (state.pid, state.server_pid)]
    for state in list_engines():
        stop_engine(state.model_id)
    until(lambda: not any(map(runs, pids)))


def chat(handle: EngineHandle, *messages: dict[str, str], **more: object) -> ServerTimings:
    body = {"messages": messages, "max_tokens": 1, "temperature": 0, **more}
    answer = asyncio.run(Http(handle).post("/v1/chat/completions", msgspec.json.encode(body)))
    return msgspec.convert(json.loads(answer)["timings"], ServerTimings)


@pytest.mark.model
def test_real_engine_uses_the_restored_prefix_after_a_restart(
    real_model: Path, real_settings: EngineSettings
) -> None:
    handle = asyncio.run(ensure_engine(real_model, MODEL, real_settings))
    assert handle.kind == real_settings.kind
    cold = chat(handle, PREFIX, id_slot=0)
    store = PrefixStore(Http(handle), handle.state, msgspec.json.encode(PREFIX))
    saved = asyncio.run(store.save())
    assert cold.cache_n == 0
    assert saved >= 400
    handle.close()
    stop_engine(MODEL)
    handle = asyncio.run(ensure_engine(real_model, MODEL, real_settings))
    store = PrefixStore(Http(handle), handle.state, msgspec.json.encode(PREFIX))
    assert asyncio.run(store.restore()) == saved
    question = {"role": "user", "content": "Say yes."}
    timings = chat(handle, PREFIX, question)
    assert timings.cache_n is not None
    assert timings.cache_n >= 0.95 * saved
    assert store.confirm(timings)


@pytest.mark.model
def test_real_engine_is_restarted_after_a_crash(
    real_model: Path, real_settings: EngineSettings
) -> None:
    handle = asyncio.run(ensure_engine(real_model, MODEL, real_settings))
    os.kill(handle.state.server_pid, signal.SIGKILL)
    until(lambda: list_engines()[0].restarts == 1)
    until(handle.alive, patience_s=60)
    again = asyncio.run(ensure_engine(real_model, MODEL, real_settings))
    assert again.base_url == handle.base_url
    assert chat(again, PREFIX).predicted_n == 1


@pytest.mark.model
def test_real_engine_names_a_truncated_model(
    real_model: Path, real_settings: EngineSettings, tmp_path: Path
) -> None:
    cut = tmp_path / "cut.gguf"
    with real_model.open("rb") as whole:
        cut.write_bytes(whole.read(50_000_000))
    with pytest.raises(EnvironmentFault) as caught:
        asyncio.run(ensure_engine(cut, MODEL, real_settings))
    assert str(cut) in caught.value.cause
    assert "models verify" in caught.value.next_step
    assert not list_engines()
