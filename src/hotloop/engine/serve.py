"""The server child: hosts llama.cpp's HTTP server in this process, by way of xllamacpp.

Started by the supervisor as `python -m hotloop.engine.serve`; reads one line of JSON
(`ServerLaunch`) from standard input, so that the token stands on no command line, and ends when
standard input closes. A process of its own, because `Server` takes over the signal handlers,
cannot be stopped, and its direct calls cannot be cancelled.
"""

from __future__ import annotations

import importlib
import os
import signal
import sys
from pathlib import Path
from types import FrameType
from typing import Any

import msgspec

from hotloop.engine.state import HOST, ServerLaunch

LOAD_FAILED_STATUS = 65
_FLASH_ATTENTION = {"auto": "AUTO", "on": "ENABLED", "off": "DISABLED"}


def usable_cores(limit: int = 16) -> int:
    """Return the physical cores this process may use, by affinity, siblings and CPU quota.

    Decoding is bound by memory bandwidth, hence no more than `limit`.
    """
    if not hasattr(os, "sched_getaffinity"):
        return max(1, min((os.cpu_count() or 2) // 2, limit))
    cores = {_first_sibling(cpu) for cpu in os.sched_getaffinity(0)}
    return max(1, min(len(cores), _quota_cores(), limit))


def _first_sibling(cpu: int) -> str:
    siblings = Path(f"/sys/devices/system/cpu/cpu{cpu}/topology/thread_siblings_list")
    try:
        return siblings.read_text().strip()
    except OSError:
        return str(cpu)


def _quota_cores() -> int:
    try:
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text().split()
        return max(1, round(int(quota) / int(period)))
    except (OSError, ValueError):
        return sys.maxsize


def configure(llama: Any, launch: ServerLaunch) -> Any:
    """Return xllamacpp's parameters for the launch. What this build lacks is named in the log."""
    settings = launch.settings
    params = llama.CommonParams()
    params.model.path = launch.model_path
    params.cpuparams.n_threads = launch.threads
    params.cpuparams_batch.n_threads = launch.threads
    flash = f"LLAMA_FLASH_ATTN_TYPE_{_FLASH_ATTENTION[settings.flash_attention]}"
    cache_type = getattr(llama.ggml_type, f"GGML_TYPE_{settings.kv_type.upper()}")
    wanted: dict[str, object] = {
        "hostnames": [HOST],
        "port": launch.port,
        "api_keys": [launch.token],
        "model_alias": {launch.model_id},
        "n_ctx": settings.context_tokens,
        "n_parallel": settings.slots,
        "kv_unified": True,
        "n_batch": settings.batch_tokens,
        "n_ubatch": settings.micro_batch_tokens,
        "flash_attn_type": getattr(llama.llama_flash_attn_type, flash),
        "cache_type_k": cache_type,
        "cache_type_v": cache_type,
        "cache_ram_mib": settings.prompt_cache_mib,
        "slot_save_path": f"{launch.slot_folder}/",
        "endpoint_slots": True,
        "ui": False,
    }
    for name, value in wanted.items():
        _set(params, name, value)
    if settings.speculate:
        _speculate(llama, params, launch)
    return params


def _set(params: Any, name: str, value: object) -> None:
    if not hasattr(params, name):
        _log(f"this xllamacpp has no setting {name}; left out")
        return
    setattr(params, name, value)


def _speculate(llama: Any, params: Any, launch: ServerLaunch) -> None:
    types: Any = getattr(llama, "common_speculative_type", None)
    mode: Any = getattr(types, "COMMON_SPECULATIVE_TYPE_NGRAM_MOD", None)
    ngram: Any = getattr(params.speculative, "ngram_mod", None)
    if mode is None or ngram is None or not hasattr(params.speculative, "types"):
        _log("this xllamacpp has no ngram-mod speculation; left out")
        return
    params.speculative.types = [mode]
    ngram.n_match = launch.settings.ngram_match
    ngram.n_min = launch.settings.ngram_min
    ngram.n_max = launch.settings.ngram_max


def _log(text: str) -> None:
    sys.stderr.write(f"hotloop: {text}\n")
    sys.stderr.flush()


def _end(signum: int, frame: FrameType | None) -> None:
    os._exit(0)


def main() -> None:
    """Load the model, serve until standard input closes or SIGTERM comes."""
    launch = msgspec.json.decode(sys.stdin.buffer.readline(), type=ServerLaunch)
    llama: Any = importlib.import_module("xllamacpp")
    try:
        server: Any = llama.Server(configure(llama, launch))
    except RuntimeError as error:
        _log(str(error))
        sys.exit(LOAD_FAILED_STATUS)
    signal.signal(signal.SIGTERM, _end)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _log(f"serving {launch.model_id} at {server.listening_address}")
    sys.stdin.buffer.read()
    os._exit(0)


if __name__ == "__main__":
    main()
