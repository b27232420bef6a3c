"""Say why a server ended, from its exit status and the end of its log."""

from __future__ import annotations

import re
import signal

import msgspec

from hotloop.engine.native import VARIABLE
from hotloop.engine.serve import LOAD_FAILED_STATUS
from hotloop.engine.state import SupervisorLaunch

_BAD_MODEL = re.compile(
    r"error loading model|failed to load model|invalid magic|not within the file bounds"
)
_NO_MEMORY = re.compile(
    r"bad_alloc|failed to allocate|cannot allocate|out of memory|unable to allocate", re.IGNORECASE
)


class Failure(msgspec.Struct, frozen=True):
    """Why the engine gave up. A `permanent` one is not worth another try."""

    cause: str
    next_step: str
    permanent: bool = False


def explain(launch: SupervisorLaunch, returncode: int, tail: str) -> Failure:
    """Return the failure of a server that ended with `returncode` (negative: by a signal)."""
    model = launch.model_id
    if _NO_MEMORY.search(tail):
        return Failure(
            f"not enough memory to load {launch.model.path}\n{tail}",
            "end other programs, take a smaller model or fewer context tokens",
            permanent=True,
        )
    if returncode == LOAD_FAILED_STATUS or _BAD_MODEL.search(tail):
        return Failure(
            f"the engine cannot load {launch.model.path}: "
            f"the file is damaged or of a kind this engine does not know\n{tail}",
            f"run `hotloop models verify {model}`, then `hotloop models pull --force {model}`",
            permanent=True,
        )
    if returncode == -signal.SIGILL:
        return Failure(
            "the engine's build needs CPU instructions (AVX2) that this machine lacks",
            f"build llama.cpp here and name its llama-server in {VARIABLE}",
            permanent=True,
        )
    return Failure(
        f"the engine for {model} ended again and again ({_ending(returncode)})\n{tail}",
        f"read `hotloop engine logs {model}` and run `hotloop doctor`",
    )


def _ending(returncode: int) -> str:
    if returncode == -signal.SIGKILL:
        return "killed, perhaps because memory ran out"
    if returncode < 0:
        return f"by signal {signal.Signals(-returncode).name}"
    return f"exit status {returncode}"
