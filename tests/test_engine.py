import asyncio
import http.client
import os
import signal
import stat
import time
from pathlib import Path

import msgspec
import pytest

from engine_bench import FAST, MODEL, Bench, runs, until
from hotloop.engine.manager import (
    EngineHandle,
    ensure_engine,
    find_engine,
    stop_engine,
)
from hotloop.engine.state import (
    EngineFiles,
)
from hotloop.errors import EnvironmentFault, UsageError


def ask(handle: EngineHandle, path: str, token: str) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", handle.state.port, timeout=5)
    connection.request("GET", path, headers={"Authorization": f"Bearer {token}"})
    return connection.getresponse().status


def test_first_caller_starts_it_and_a_second_finds_it(machine: Bench) -> None:
    assert find_engine(MODEL) is None
    first = machine.ensure()
    second = machine.ensure()
    found = find_engine(MODEL, machine.model, FAST)
    assert found is not None
    assert first.base_url == second.base_url == found.base_url
    assert first.kind == "native"
    assert len(machine.servers()) == 1
    assert ask(first, "/slots", first.api_key) == 200
    assert ask(first, "/slots", "wrong") == 401


def test_finding_it_takes_less_than_5_ms(machine: Bench) -> None:
    machine.ensure()
    times_s: list[float] = []
    for _ in range(20):
        began_s = time.perf_counter()
        assert find_engine(MODEL, machine.model, FAST)
        times_s.append(time.perf_counter() - began_s)
    assert sorted(times_s)[10] < 0.005


def test_callers_at_once_share_one_server(machine: Bench) -> None:
    async def all_at_once() -> list[EngineHandle]:
        calls = [ensure_engine(machine.model, MODEL, FAST) for _ in range(6)]
        return await asyncio.gather(*calls)

    handles = asyncio.run(all_at_once())
    assert len({handle.base_url for handle in handles}) == 1
    assert len(machine.servers()) == 1


def test_token_is_kept_from_other_users(machine: Bench) -> None:
    handle = machine.ensure()
    files = EngineFiles(MODEL)
    assert stat.S_IMODE(files.state.stat().st_mode) == 0o600
    assert handle.api_key in files.state.read_text()
    assert handle.api_key not in files.log.read_text()
    for pid in (handle.state.pid, handle.state.server_pid):
        assert handle.api_key.encode() not in Path(f"/proc/{pid}/cmdline").read_bytes()


def test_stop_ends_supervisor_and_server(machine: Bench) -> None:
    handle = machine.ensure()
    assert stop_engine(MODEL)
    until(lambda: not runs(handle.state.pid))
    assert not runs(handle.state.server_pid)
    assert not handle.alive()
    assert find_engine(MODEL) is None
    assert not stop_engine(MODEL)


def test_server_does_not_outlive_a_killed_supervisor(machine: Bench) -> None:
    handle = machine.ensure()
    os.kill(handle.state.pid, signal.SIGKILL)
    until(lambda: not runs(handle.state.server_pid))
    assert find_engine(MODEL) is None
    assert machine.ensure().state.server_pid != handle.state.server_pid


def test_crashed_server_comes_back_at_the_same_address(machine: Bench) -> None:
    handle = machine.ensure()
    os.kill(handle.state.server_pid, signal.SIGKILL)
    until(lambda: len(machine.servers()) == 2 and handle.alive())
    assert ask(handle, "/slots", handle.api_key) == 200


def test_server_that_keeps_dying_is_given_up_with_the_log(machine: Bench) -> None:
    (machine.marks / "dies").touch()
    with pytest.raises(EnvironmentFault) as caught:
        machine.ensure()
    assert "exit status 7" in caught.value.cause
    assert "the fake is out of order" in caught.value.cause
    assert len(machine.servers()) == 3
    (machine.marks / "dies").unlink()
    assert machine.ensure().alive()


def test_damaged_model_file_is_named_at_once_with_the_next_step(machine: Bench) -> None:
    (machine.marks / "corrupt").touch()
    with pytest.raises(EnvironmentFault) as caught:
        machine.ensure()
    assert str(machine.model) in caught.value.cause
    assert "hotloop models verify tiny" in caught.value.next_step
    assert "pull --force" in caught.value.next_step
    assert len(machine.servers()) == 1


def test_ends_when_idle(machine: Bench) -> None:
    handle = machine.ensure(msgspec.structs.replace(FAST, idle_s=0.3))
    until(lambda: not runs(handle.state.pid))
    assert not runs(handle.state.server_pid)
    assert not EngineFiles(MODEL).state.exists()


def test_heartbeats_and_busy_slots_keep_it_alive(machine: Bench) -> None:
    handle = machine.ensure(msgspec.structs.replace(FAST, idle_s=0.4))
    began_s = time.monotonic()

    def beaten_for_long() -> bool:
        handle.touch()
        return time.monotonic() - began_s > 1.0

    until(beaten_for_long)
    assert handle.alive()
    (machine.marks / "busy").touch()
    until(lambda: time.monotonic() - began_s > 2.2)
    assert handle.alive()
    (machine.marks / "busy").unlink()
    until(lambda: not runs(handle.state.pid))


def test_idle_time_comes_from_the_environment(
    machine: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOTLOOP_ENGINE_IDLE_S", "77")
    assert machine.ensure().state.settings.idle_s == 77
    monkeypatch.setenv("HOTLOOP_ENGINE_IDLE_S", "soon")
    with pytest.raises(UsageError, match="HOTLOOP_ENGINE_IDLE_S"):
        machine.ensure()


def test_other_settings_replace_an_engine_that_nobody_uses(machine: Bench) -> None:
    old = machine.ensure()
    other = msgspec.structs.replace(FAST, context_tokens=4096)
    assert find_engine(MODEL, machine.model, other) is None
    old.close()
    new = machine.ensure(other)
    assert new.state.pid != old.state.pid
    assert not old.alive()
    assert new.state.settings.context_tokens == 4096


def test_other_settings_are_borne_while_somebody_uses_it(machine: Bench) -> None:
    old = machine.ensure()
    said: list[str] = []
    other = msgspec.structs.replace(FAST, context_tokens=4096)
    new = asyncio.run(ensure_engine(machine.model, MODEL, other, said.append))
    assert new.base_url == old.base_url
    assert "other settings" in said[-1]


def test_another_model_file_never_answers_for_the_one_asked(machine: Bench) -> None:
    old = machine.ensure()
    machine.model.write_bytes(b"GGUF, downloaded again")
    with pytest.raises(EnvironmentFault, match="another model file"):
        machine.ensure()
    assert old.alive()
    old.close()
    assert machine.ensure().state.model.size_bytes == machine.model.stat().st_size


def test_supervisor_ends_when_its_folder_is_gone(machine: Bench) -> None:
    handle = machine.ensure(msgspec.structs.replace(FAST, idle_s=1.0))
    EngineFiles(MODEL).lock.unlink()
    until(lambda: not runs(handle.state.pid))
    assert not runs(handle.state.server_pid)


def test_missing_model_file_and_missing_program(
    machine: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine.model.unlink()
    with pytest.raises(EnvironmentFault, match=r"tiny\.gguf"):
        machine.ensure()
    machine.model.touch()
    monkeypatch.setenv("HOTLOOP_LLAMA_SERVER", "/nowhere/llama-server")
    with pytest.raises(EnvironmentFault, match="HOTLOOP_LLAMA_SERVER"):
        machine.ensure()


def test_log_is_rotated_at_start(machine: Bench) -> None:
    log = EngineFiles(MODEL).log
    log.write_bytes(b"old\n" * 300_000)
    machine.ensure()
    assert log.stat().st_size < 10_000
    assert log.with_suffix(".log.1").read_bytes().startswith(b"old\n")


@pytest.mark.parametrize("model_id", ["qwen2.5-coder", "hf:org/repo/f.gguf", "../../etc", ".."])
def test_files_stay_in_the_folder_whatever_the_model_is_called(
    machine: Bench, model_id: str
) -> None:
    files = EngineFiles(model_id)
    assert files.state.parent == machine.folder / "home" / "state" / "engine"
    assert files.state.resolve().parent == files.state.parent.resolve()
    assert files.state != EngineFiles(model_id + "_").state
