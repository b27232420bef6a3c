"""Find a native `llama-server` and write its command line.

A build for this very CPU is about twice as fast at prefill as the portable wheel.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from hotloop.engine.state import HOST, ServerLaunch
from hotloop.errors import EnvironmentFault

VARIABLE = "HOTLOOP_LLAMA_SERVER"
_NAME = "llama-server"
_ASK_TIMEOUT_S = 20.0


def find_native() -> str:
    """Return the path of the native server, or "" where there is none or it is switched off.

    `HOTLOOP_LLAMA_SERVER` names it or is `off`; else it is looked for on PATH, then beside this
    Python, where `make engine` puts it.
    Raises EnvironmentFault if the variable names something that cannot be run.
    """
    named = os.environ.get(VARIABLE, "")
    if named.lower() in ("off", "0", "no"):
        return ""
    beside = str(Path(sys.executable).parent)
    found = shutil.which(named or _NAME) or (None if named else shutil.which(_NAME, path=beside))
    if found:
        return str(Path(found).resolve())
    if named:
        raise EnvironmentFault(
            f"{VARIABLE} is {named}, which is no program that can be run",
            f"correct it, or set {VARIABLE}=off to use the built-in engine",
        )
    return ""


def ask(program: str, option: str) -> str:
    """Return what the program prints for `--help` or `--version`.

    Raises EnvironmentFault if it does not run.
    """
    try:
        done = subprocess.run(
            [program, option],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=_ASK_TIMEOUT_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise _broken(program, str(error)) from error
    text = done.stdout.decode(errors="replace")
    if done.returncode != 0:
        raise _broken(program, text.strip()[-200:] or f"exit status {done.returncode}")
    return text


def _broken(program: str, why: str) -> EnvironmentFault:
    return EnvironmentFault(
        f"the native server {program} does not run: {why}",
        f"repair it, or set {VARIABLE}=off to use the built-in engine",
    )


def build_name(program: str) -> str:
    """Return a name of this very build: KV states of another one must not be read."""
    stat = Path(program).stat()
    found = re.search(r"version: *(.+)", ask(program, "--version"))
    version = found.group(1).strip() if found else "unknown"
    return f"native {version} {stat.st_size}-{stat.st_mtime_ns}"


def command(program: str, launch: ServerLaunch, help_text: str) -> list[str]:
    """Return the command line. Options that `help_text` does not name are left out.

    The token is not on it: it goes by the variable `LLAMA_API_KEY`.
    """
    settings = launch.settings
    must = ["--model", launch.model_path, "--host", HOST, "--port", str(launch.port)]
    may = [
        ["--alias", launch.model_id],
        ["--ctx-size", str(settings.context_tokens)],
        ["--parallel", str(settings.slots)],
        ["--kv-unified"],
        ["--threads", str(launch.threads)],
        ["--threads-batch", str(launch.threads)],
        ["--batch-size", str(settings.batch_tokens)],
        ["--ubatch-size", str(settings.micro_batch_tokens)],
        ["--flash-attn", settings.flash_attention],
        ["--cache-type-k", settings.kv_type],
        ["--cache-type-v", settings.kv_type],
        ["--cache-ram", str(settings.prompt_cache_mib)],
        ["--slot-save-path", launch.slot_folder],
        ["--slots"],
        ["--jinja"],
        ["--no-ui"],
        *_speculation(launch, help_text),
    ]
    known = [option for option in may if _names(help_text, option[0])]
    return [program, *must, *(word for option in known for word in option)]


def _speculation(launch: ServerLaunch, help_text: str) -> list[list[str]]:
    settings = launch.settings
    if not settings.speculate or "ngram-mod" not in help_text:
        return []
    return [
        ["--spec-type", "ngram-mod"],
        ["--spec-ngram-mod-n-match", str(settings.ngram_match)],
        ["--spec-ngram-mod-n-min", str(settings.ngram_min)],
        ["--spec-ngram-mod-n-max", str(settings.ngram_max)],
    ]


def _names(help_text: str, option: str) -> bool:
    return re.search(rf"(?<![\w-]){re.escape(option)}(?![\w-])", help_text) is not None
