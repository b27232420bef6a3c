import subprocess
import sys
from pathlib import Path

import pytest

from engine_bench import FAST, MODEL
from hotloop.engine import failures, native, serve
from hotloop.engine.state import (
    EngineSettings,
    ModelFile,
    ServerLaunch,
    SupervisorLaunch,
)


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


def test_native_is_found_beside_this_python(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("HOTLOOP_LLAMA_SERVER", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path / "elsewhere"))
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    assert native.find_native() == ""
    server = tmp_path / "llama-server"
    server.write_text("#!/bin/sh\n")
    server.chmod(0o755)
    assert native.find_native() == str(server.resolve())


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
