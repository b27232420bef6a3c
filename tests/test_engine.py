import asyncio
import http.client
import json
import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Generator
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner

from hotloop.engine import doctor, failures, native, serve
from hotloop.engine.doctor import Check, memory_check, run_checks
from hotloop.engine.manager import (
    EngineHandle,
    ensure_engine,
    find_engine,
    list_engines,
    stop_engine,
)
from hotloop.engine.slots import PrefixStore
from hotloop.engine.state import (
    EngineFiles,
    EngineSettings,
    EngineState,
    ModelFile,
    ServerLaunch,
    SupervisorLaunch,
)
from hotloop.errors import BackendError, EnvironmentFault, UsageError
from hotloop.ledger.events import ServerTimings
from hotloop.ui import engine_cmd

MODEL = "tiny"
FAST = EngineSettings(threads=1, backoff_s=0.01, start_timeout_s=20, stable_s=60)


class Bench:
    """A machine of its own: home, model file, fake server and the processes it started."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.marks = folder / "marks"
        self.marks.mkdir()
        self.model = folder / "tiny.gguf"
        self.model.write_bytes(b"GGUF")
        self.supervisors: set[int] = set()

    def ensure(self, settings: EngineSettings = FAST) -> EngineHandle:
        handle = asyncio.run(ensure_engine(self.model, MODEL, settings))
        self.supervisors.add(handle.state.pid)
        return handle

    def servers(self) -> list[int]:
        return [int(path.name.split("-")[1]) for path in self.marks.glob("start-*")]


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Generator[Bench]:
    bench = Bench(tmp_path)
    program = tmp_path / "llama-server"
    fake = Path(__file__).with_name("fake_llama_server.py")
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -S {fake} "$@"\n')
    program.chmod(0o755)
    monkeypatch.setenv("HOTLOOP_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("HOTLOOP_LLAMA_SERVER", str(program))
    monkeypatch.setenv("FAKE_ENGINE", str(bench.marks))
    yield bench
    for state in list_engines():
        stop_engine(state.model_id)
    until(lambda: not [pid for pid in bench.servers() if runs(pid)])
    until(lambda: not [pid for pid in bench.supervisors if runs(pid)])


def until(condition: Callable[[], object], patience_s: float = 15) -> None:
    deadline_s = time.monotonic() + patience_s
    while not condition():
        assert time.monotonic() < deadline_s, "did not come about in time"
        time.sleep(0.01)


def runs(pid: int) -> bool:
    """Say whether a process runs; one that only waits to be reaped does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def ask(handle: EngineHandle, path: str, token: str) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", handle.state.port, timeout=5)
    connection.request("GET", path, headers={"Authorization": f"Bearer {token}"})
    return connection.getresponse().status


class Http:
    """The least of a Backend: posts JSON to the engine."""

    def __init__(self, handle: EngineHandle) -> None:
        self._handle = handle

    async def post(self, path: str, body: bytes) -> bytes:
        connection = http.client.HTTPConnection("127.0.0.1", self._handle.state.port, timeout=60)
        headers = {
            "Authorization": f"Bearer {self._handle.api_key}",
            "Content-Type": "application/json",
        }
        connection.request("POST", path, body, headers)
        answer = connection.getresponse()
        data = answer.read()
        if answer.status != 200:
            raise BackendError(data.decode(), status=answer.status)
        return data


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


def launch(settings: EngineSettings) -> ServerLaunch:
    return ServerLaunch(
        model_path="/m.gguf",
        model_id=MODEL,
        port=1,
        token="secret",
        threads=2,
        slot_folder="/kv",
        settings=settings,
    )


def test_native_command_has_only_options_the_server_knows() -> None:
    known = native.command("srv", launch(FAST), "--kv-unified --no-slots --ctx-size N")
    assert known[:3] == ["srv", "--model", "/m.gguf"]
    assert "--kv-unified" in known
    assert known[known.index("--ctx-size") + 1] == "16384"
    assert "--slots" not in known
    assert "--cache-ram" not in known
    assert "secret" not in known


def test_native_can_be_switched_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOTLOOP_LLAMA_SERVER", "off")
    assert native.find_native() == ""


@pytest.mark.parametrize(
    ("returncode", "tail", "cause", "permanent"),
    [
        (1, "ggml: failed to allocate buffer", "not enough memory", True),
        (65, "", "damaged", True),
        (-4, "", "AVX2", True),
        (-9, "", "memory ran out", False),
        (-11, "", "SIGSEGV", False),
    ],
)
def test_endings_are_explained(returncode: int, tail: str, cause: str, permanent: bool) -> None:
    model = ModelFile(path="/m.gguf", size_bytes=1, mtime_ns=1)
    spec = SupervisorLaunch(model=model, model_id=MODEL, settings=FAST, program="")
    failure = failures.explain(spec, returncode, tail)
    assert cause in failure.cause
    assert failure.permanent is permanent
    assert failure.next_step


def test_usable_cores_follow_the_affinity() -> None:
    code = (
        "import os; os.sched_setaffinity(0, {min(os.sched_getaffinity(0))});"
        "from hotloop.engine.serve import usable_cores; print(usable_cores())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)
    assert done.stdout.strip() == "1"
    assert serve.usable_cores(limit=1) == 1


def test_prefix_state_is_saved_once_and_restored_into_a_new_server_only(machine: Bench) -> None:
    handle = machine.ensure()
    store = PrefixStore(Http(handle), handle.state, b"prefix")
    assert store.worth_saving()
    assert asyncio.run(store.restore()) == 0
    assert asyncio.run(store.save()) == 400
    assert not store.worth_saving()
    assert asyncio.run(store.restore()) == 0, "this server has it already"
    handle.close()
    stop_engine(MODEL)
    handle = machine.ensure()
    store = PrefixStore(Http(handle), handle.state, b"prefix")
    assert asyncio.run(store.restore()) == 400
    assert store.confirm(ServerTimings(cache_n=399))
    other = PrefixStore(Http(handle), handle.state, b"another prefix")
    assert other.path != store.path


def saved_by(machine: Bench, token: str) -> tuple[PrefixStore, EngineState]:
    handle = machine.ensure()
    store = PrefixStore(Http(handle), handle.state, b"prefix")
    assert asyncio.run(store.save()) == 400
    later = msgspec.structs.replace(handle.state, token=token)
    return PrefixStore(Http(handle), later, b"prefix"), later


def test_damaged_state_file_is_never_given_to_the_server(machine: Bench) -> None:
    store, _ = saved_by(machine, "later")
    store.path.write_bytes(store.path.read_bytes()[:5])
    assert asyncio.run(store.restore()) == 0
    assert not store.path.exists()
    assert store.worth_saving()


def test_restore_that_does_not_hold_falls_back_to_prefill(machine: Bench) -> None:
    store, _ = saved_by(machine, "later")
    assert not store.confirm(ServerTimings())
    assert store.path.exists(), "a call without timings proves nothing"
    assert not store.confirm(ServerTimings(cache_n=20))
    assert not store.path.exists()
    assert store.worth_saving(), "once may be chance"
    asyncio.run(store.save())
    assert not store.confirm(ServerTimings(cache_n=0))
    assert not store.worth_saving()


def test_prefix_store_bears_a_server_that_cannot_save(machine: Bench) -> None:
    class Refuses:
        async def post(self, path: str, body: bytes) -> bytes:
            raise BackendError("slots are switched off", status=501)

    store, state = saved_by(machine, "later")
    refused = PrefixStore(Refuses(), state, b"prefix")
    assert asyncio.run(refused.save()) == 0
    assert asyncio.run(refused.restore()) == 0
    assert not store.path.exists()


def test_status_logs_and_stop_commands(machine: Bench) -> None:
    handle = machine.ensure()
    run = CliRunner().invoke
    rows = json.loads(run(engine_cmd.engine, ["status", "--json"]).output)
    assert [(row["model"], row["status"], row["pid"]) for row in rows] == [
        (MODEL, "ready", handle.state.pid)
    ]
    text = run(engine_cmd.engine, ["status"]).output
    assert handle.base_url in text
    assert handle.api_key not in text + json.dumps(rows)
    assert "supervisor" in run(engine_cmd.engine, ["logs", MODEL]).output
    assert run(engine_cmd.engine, ["stop"]).output == "tiny: stopped\n"
    assert run(engine_cmd.engine, ["stop", MODEL]).output == "tiny: was not running\n"
    assert "no engine runs" in run(engine_cmd.engine, ["status"]).output
    assert isinstance(run(engine_cmd.engine, ["logs", "other"]).exception, EnvironmentFault)


def test_doctor_reports_every_part(machine: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    monkeypatch.setattr(engine_cmd, "MODEL_CHECKS", [lambda: [Check("model", "ok", "here")]])
    result = CliRunner().invoke(engine_cmd.doctor, ["--json"])
    rows = {row["name"]: row for row in json.loads(result.output)}
    assert {"python", "cores", "memory", "disk", "ledger", "engine", "llama-server"} <= set(rows)
    assert {"sandbox", "ripgrep", "git", "endpoint", "model"} <= set(rows)
    assert "version" in rows["llama-server"]["detail"] or "fake" in rows["llama-server"]["detail"]
    bad = [row for row in rows.values() if row["status"] == "fail"]
    assert result.exit_code == (3 if bad else 0)


def test_doctor_ends_with_3_and_says_what_to_do(
    machine: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOTLOOP_LLAMA_SERVER", "/nowhere")
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/v1")
    result = CliRunner().invoke(engine_cmd.doctor)
    assert result.exit_code == 3
    assert "HOTLOOP_LLAMA_SERVER is /nowhere" in result.output
    assert "next: correct or unset OPENAI_BASE_URL" in result.output


def test_doctor_asks_the_endpoint(machine: Bench) -> None:
    handle = machine.ensure()
    assert doctor.endpoint_check(handle.base_url, handle.api_key).status == "ok"
    refused = doctor.endpoint_check(handle.base_url, "wrong")
    assert (refused.status, "OPENAI_API_KEY" in refused.next_step) == ("fail", True)
    assert doctor.endpoint_check("no url", "").status == "fail"


@pytest.mark.parametrize(
    ("available_gib", "status"), [(4.0, "ok"), (1.5, "warn"), (0.5, "fail"), (0.0, "warn")]
)
def test_doctor_weighs_memory_against_the_model(available_gib: float, status: str) -> None:
    check = memory_check(int(available_gib * (1 << 30)), 1 << 30)
    assert check.status == status
    assert bool(check.next_step) == (status != "ok")


def test_doctor_survives_a_check_that_fails_itself() -> None:
    def check_odd_thing() -> list[Check]:
        raise EnvironmentFault("it is odd", "make it even")

    assert run_checks([check_odd_thing]) == [
        Check("odd thing", "fail", "it is odd", "make it even")
    ]


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
