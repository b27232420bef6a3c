"""Checks of this machine: each says ok, warn or fail, what it saw and what to do."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Literal

import msgspec

from hotloop import paths
from hotloop.engine import native
from hotloop.engine.manager import list_engines
from hotloop.engine.serve import usable_cores
from hotloop.errors import HotloopError

Status = Literal["ok", "warn", "fail"]
DEFAULT_MODEL_BYTES = 1_117_320_768
_MODEL_MEMORY_FACTOR = 2.1
_FREE_DISK_BYTES = 2 << 30
_GIB = 1 << 30


class Check(msgspec.Struct, frozen=True):
    """One line of the report. `next_step` is empty where nothing is to be done."""

    name: str
    status: Status
    detail: str
    next_step: str = ""


CheckFn = Callable[[], Iterable[Check]]


def run_checks(checks: Iterable[CheckFn]) -> list[Check]:
    """Run every check; one that cannot be run becomes a `fail` line of its own."""
    found: list[Check] = []
    for check in checks:
        try:
            found.extend(check())
        except HotloopError as error:
            found.append(Check(_name_of(check), "fail", error.cause, error.next_step))
        except (OSError, subprocess.SubprocessError) as error:
            found.append(Check(_name_of(check), "fail", f"cannot be checked: {error}"))
    return found


def _name_of(check: CheckFn) -> str:
    return getattr(check, "__name__", "check").removeprefix("check_").replace("_", " ")


def machine_checks(model_bytes: int = DEFAULT_MODEL_BYTES) -> list[CheckFn]:
    """Return the checks of this machine for a model file of `model_bytes`."""

    def check_memory() -> Iterable[Check]:
        return [memory_check(available_memory_bytes(), model_bytes)]

    return [
        check_python,
        check_processor,
        check_memory,
        check_disk,
        check_ledger,
        check_engine,
        check_native_server,
        check_sandbox,
        check_programs,
        check_endpoint,
    ]


def check_python() -> Iterable[Check]:
    """Name the interpreter; an older one than 3.11 cannot even import this."""
    return [Check("python", "ok", f"{platform.python_version()} at {sys.executable}")]


def check_processor() -> Iterable[Check]:
    """Check the number of usable cores and, on x86, for AVX2, which the wheel needs."""
    cores = usable_cores()
    yield (
        Check("cores", "ok", f"{cores} usable")
        if cores > 1
        else Check("cores", "warn", "1 usable", "allow this process two cores or more")
    )
    flags = cpu_flags()
    if platform.machine() not in ("x86_64", "AMD64") or not flags:
        return
    if "avx2" in flags:
        yield Check("avx2", "ok", "present")
        return
    yield Check("avx2", "fail", "missing", f"build llama.cpp here and name it in {native.VARIABLE}")


def cpu_flags() -> set[str]:
    """Return the processor's feature flags; empty where the system does not list them."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return set()
    listed = next((line for line in lines if line.startswith("flags")), "")
    return set(listed.split())


def available_memory_bytes() -> int:
    """Return the memory that can be had now, by the system and by the control group; 0: unknown."""
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
    except OSError:
        return 0
    free = next((int(line.split()[1]) << 10 for line in lines if "MemAvailable" in line), 0)
    group = Path("/sys/fs/cgroup")
    try:
        limit = int((group / "memory.max").read_text())
        return min(free, max(limit - int((group / "memory.current").read_text()), 0))
    except (OSError, ValueError):
        return free


def memory_check(available_bytes: int, model_bytes: int) -> Check:
    """Judge the available memory against a model; the factor is measured (see benchmarks)."""
    need = int(model_bytes * _MODEL_MEMORY_FACTOR)
    detail = f"{available_bytes / _GIB:.1f} GiB available, the model needs {need / _GIB:.1f}"
    if not available_bytes:
        return Check("memory", "warn", "unknown on this system", "make sure of 3 GiB")
    if available_bytes >= need:
        return Check("memory", "ok", detail)
    status: Status = "warn" if available_bytes >= model_bytes else "fail"
    return Check("memory", status, detail, "end other programs or take a smaller model")


def check_disk() -> Iterable[Check]:
    """Check the free space where models are kept."""
    free = shutil.disk_usage(_existing(paths.data_dir())).free
    detail = f"{free / _GIB:.1f} GiB free at {paths.data_dir()}"
    if free >= _FREE_DISK_BYTES:
        return [Check("disk", "ok", detail)]
    step = "free 2 GiB, or set HOTLOOP_HOME to a folder on a larger disk"
    return [Check("disk", "warn", detail, step)]


def check_ledger() -> Iterable[Check]:
    """Check that the ledger's folder, or the one it will be made in, can be written."""
    folder = _existing(paths.data_dir())
    if os.access(folder, os.W_OK | os.X_OK):
        return [Check("ledger", "ok", f"{paths.data_dir()} can be written")]
    step = "correct its permissions, or set HOTLOOP_HOME to another folder"
    return [Check("ledger", "fail", f"{folder} cannot be written", step)]


def _existing(folder: Path) -> Path:
    return next(path for path in (folder, *folder.parents) if path.exists())


def check_engine() -> Iterable[Check]:
    """Name the engines that run."""
    engines = list_engines()
    if not engines:
        return [Check("engine", "ok", "not running; starts with the first command that needs it")]
    return [
        Check("engine", "ok", f"{state.model_id}: {state.status}, {state.build}")
        for state in engines
    ]


def check_native_server() -> Iterable[Check]:
    """Check that a native llama-server, where one is found, runs."""
    program = native.find_native()
    if not program:
        wide = ", which AVX-512 would make faster (make engine)" if "avx512f" in cpu_flags() else ""
        return [Check("llama-server", "ok", f"no native one; the built-in engine is used{wide}")]
    return [Check("llama-server", "ok", f"{program} ({native.build_name(program)})")]


def check_sandbox() -> Iterable[Check]:
    """Check that bubblewrap can really make a sandbox here."""
    program = shutil.which("bwrap")
    step = "install the package bubblewrap; until then commands ask, or need --yes"
    if not program:
        return [Check("sandbox", "warn", "bubblewrap is not installed", step)]
    command = [program, "--ro-bind", "/", "/", "--dev", "/dev", "--proc", "/proc"]
    done = subprocess.run(
        [*command, "--unshare-net", "--unshare-pid", "--die-with-parent", "true"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=10,
        check=False,
    )
    if done.returncode == 0:
        return [Check("sandbox", "ok", f"{program} works")]
    why = done.stderr.decode(errors="replace").strip() or f"exit status {done.returncode}"
    step = "allow user namespaces (kernel.unprivileged_userns_clone=1, or an AppArmor profile)"
    return [Check("sandbox", "warn", f"bubblewrap does not work: {why}", step)]


def check_programs() -> Iterable[Check]:
    """Check for ripgrep, also beside this interpreter, and for git."""
    beside = str(Path(sys.executable).parent)
    ripgrep = shutil.which("rg") or shutil.which("rg", path=beside)
    yield (
        Check("ripgrep", "ok", ripgrep)
        if ripgrep
        else Check("ripgrep", "fail", "not found", "install hotloop again: it brings ripgrep")
    )
    git = shutil.which("git")
    yield (
        Check("git", "ok", git)
        if git
        else Check("git", "warn", "not found", "install git; hotloop works without it")
    )


def check_endpoint() -> Iterable[Check]:
    """Ask the endpoint of `OPENAI_BASE_URL`, if it is set, for its models."""
    url = os.environ.get("OPENAI_BASE_URL", "")
    if not url:
        return [Check("endpoint", "ok", "none configured; the embedded model is used")]
    return [endpoint_check(url, os.environ.get("OPENAI_API_KEY", ""))]


def endpoint_check(url: str, key: str, timeout_s: float = 5.0) -> Check:
    """Judge an OpenAI-compatible endpoint by its list of models."""
    import http.client
    import urllib.error
    import urllib.request

    headers = {"Authorization": f"Bearer {key}"} if key else {}
    try:
        ask = urllib.request.Request(f"{url.rstrip('/')}/models", headers=headers)
        with urllib.request.urlopen(ask, timeout=timeout_s):
            return Check("endpoint", "ok", f"{url} answers")
    except urllib.error.HTTPError as error:
        if error.code in (401, 403):
            step = "set OPENAI_API_KEY to a key it accepts"
            return Check("endpoint", "fail", f"{url} refuses the key ({error.code})", step)
        step = "check the URL; most end in /v1"
        return Check("endpoint", "warn", f"{url} answers {error.code} for its models", step)
    except (OSError, ValueError, http.client.HTTPException) as error:
        step = "correct or unset OPENAI_BASE_URL"
        return Check("endpoint", "fail", f"{url} cannot be reached: {error}", step)
