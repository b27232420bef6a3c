"""Run commands where they can do no harm: bubblewrap, or else with the user's consent."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterable, Sequence
from pathlib import Path
from typing import Literal

import msgspec

from hotloop import paths
from hotloop.errors import EnvironmentFault, ToolError

Origin = Literal["user", "model"]
"""Who asks for a command: the user on the command line, or the model."""

_INSTALL = "install bubblewrap (`apt install bubblewrap`, `dnf install bubblewrap`)"
_TRIAL_S = 5.0
# Every capability is dropped but those that let root write files of other owners: bubblewrap
# started by root keeps all of them, and CAP_SYS_ADMIN can mount the read-only parts writable.
_CONTAIN = (
    *("--unshare-net", "--unshare-pid", "--unshare-ipc", "--unshare-uts", "--die-with-parent"),
    *("--cap-drop", "ALL", "--cap-add", "CAP_DAC_OVERRIDE"),
    *("--cap-add", "CAP_FOWNER", "--cap-add", "CAP_CHOWN"),
)
_SECRET_FOLDERS = (
    *(".ssh", ".aws", ".azure", ".gnupg", ".kube", ".docker", ".password-store", ".mozilla"),
    *(".config/gcloud", ".config/gh", ".config/hotloop", ".config/op"),
    *(".local/share/keyrings", ".local/state/hotloop"),
)
_SECRET_FILES = (
    *(".netrc", ".git-credentials", ".config/git/credentials", ".npmrc", ".pypirc"),
    *(".pgpass", ".my.cnf"),
    *(".bash_history", ".zsh_history", ".python_history"),
    *(".cargo/credentials", ".cargo/credentials.toml"),
)
_HIDDEN_SYSTEM = ("/tmp", "/var/tmp", "/run")  # sockets of daemons live there


class Consent(msgspec.Struct, frozen=True):
    """Whether commands may run outside a sandbox: `yes`, `deny`, or `ask` by calling `ask`."""

    policy: Literal["yes", "ask", "deny"] = "deny"
    ask: Callable[[str], Awaitable[bool]] | None = None

    async def require(self, command: str, origin: Origin, reason: str) -> None:
        """Return if `command` may run unsandboxed.

        A command the user gave on the command line is consent for itself. Raises ToolError when
        the user declines, EnvironmentFault when there is nobody to ask.
        """
        if self.policy == "yes" or origin == "user":
            return
        if self.policy == "deny" or self.ask is None:
            raise EnvironmentFault(
                f"no sandbox for the command `{command}`: {reason}",
                f"{_INSTALL}, or pass --yes to run commands without a sandbox",
            )
        if not await self.ask(command):
            raise ToolError(f"the user declined to run `{command}`", "go on without it")


class Sandbox(msgspec.Struct, frozen=True):
    """How commands are contained. `bwrap` is "" where that is not possible, for `reason`."""

    bwrap: str = ""
    reason: str = ""

    @property
    def available(self) -> bool:
        """Whether commands can be contained."""
        return bool(self.bwrap)

    @classmethod
    def detect(cls) -> Sandbox:
        """Find bubblewrap and try it once; a success is cached until binary or kernel change."""
        binary = shutil.which("bwrap")
        if sys.platform != "linux" or binary is None:
            return cls(reason="bubblewrap (bwrap) is not installed")
        cache = paths.cache_dir() / "sandbox"
        key = _cache_key(binary)
        if key == _cached(cache):
            return cls(bwrap=binary)
        fault = _try_out(binary)
        if fault:
            return cls(reason=f"bubblewrap does not work here: {fault}")
        _remember(cache, key)
        return cls(bwrap=binary)

    def wrap(
        self, argv: Sequence[str], *, root: Path, scratch: Path, extra_writable: Iterable[Path] = ()
    ) -> list[str]:
        """Return the bubblewrap call that runs `argv` in `root`.

        Writable are `root` (but not its `.git`), `scratch` (made if missing; caches go there)
        and `extra_writable`; /tmp is private, the rest read-only, credentials and hotloop's own
        files are hidden, and there is no network. Raises EnvironmentFault without bubblewrap.
        """
        if not self.bwrap:
            raise EnvironmentFault(self.reason or "no sandbox", _INSTALL)
        root, scratch = root.resolve(), scratch.resolve()
        scratch.mkdir(parents=True, exist_ok=True)
        writable = [root, scratch, *(path.resolve() for path in extra_writable)]
        return [
            *(self.bwrap, "--ro-bind", "/", "/", "--dev", "/dev", "--proc", "/proc"),
            *_mounts(root, writable),
            *_CONTAIN,
            *_environment(root, scratch),
            *("--chdir", str(root), "--", *argv),
        ]

    async def prepare(
        self,
        argv: Sequence[str],
        *,
        root: Path,
        scratch: Path,
        consent: Consent,
        origin: Origin = "model",
        extra_writable: Iterable[Path] = (),
    ) -> list[str]:
        """Return what to execute: `argv` in the sandbox, or as it is where consent allows it.

        Raises EnvironmentFault or ToolError as `Consent.require` does.
        """
        if self.available:
            return self.wrap(argv, root=root, scratch=scratch, extra_writable=extra_writable)
        command = argv[2] if tuple(argv[:2]) == ("/bin/sh", "-c") else shlex.join(argv)
        await consent.require(command, origin, self.reason or "bubblewrap is not installed")
        return list(argv)


def scratch_dir(root: Path) -> Path:
    """Return the folder that keeps tool caches (Go, Cargo, npm) of one workspace between runs."""
    import hashlib

    name = hashlib.sha256(os.fsencode(root.resolve())).hexdigest()[:16]
    return paths.cache_dir() / "scratch" / name


def _cache_key(binary: str) -> str:
    stat = Path(binary).stat()
    return f"{binary} {stat.st_mtime_ns} {stat.st_size} {os.uname().release} {os.getuid()}"


def _cached(cache: Path) -> str:
    try:
        return cache.read_text()
    except (OSError, UnicodeDecodeError):
        return ""


def _remember(cache: Path, key: str) -> None:
    try:
        cache.parent.mkdir(parents=True, exist_ok=True)
        cache.write_text(key)
    except OSError:
        return  # only a cache: the next start tries bubblewrap again


def _try_out(binary: str) -> str:
    """Run `true` in a sandbox; return what went wrong, or "" if nothing did."""
    argv = [binary, "--ro-bind", "/", "/", "--dev", "/dev", "--proc", "/proc", *_CONTAIN]
    argv += ["--tmpfs", "/tmp", "--", "true"]
    try:
        trial = subprocess.run(argv, capture_output=True, timeout=_TRIAL_S, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    if trial.returncode == 0:
        return ""
    return trial.stderr.decode(errors="replace").strip() or f"exit status {trial.returncode}"


def _mounts(root: Path, writable: Iterable[Path]) -> list[str]:
    """Return mount options, parents before children, so that the innermost path decides."""
    mounts: dict[Path, tuple[str, ...]] = {}
    hidden = _hidden_folders()
    for path in hidden:
        mounts[path] = ("--tmpfs", str(path))
    for path in _hidden_files():
        mounts[path] = ("--ro-bind", "/dev/null", str(path))
    for path in _programs_in(hidden):
        mounts[path] = ("--ro-bind", str(path), str(path))
    for path in writable:
        mounts[path] = ("--bind", str(path), str(path))
    git = (root / ".git").resolve()
    if git.exists():
        mounts[git] = ("--ro-bind", str(git), str(git))
    ordered = sorted(mounts, key=lambda path: len(path.parts))
    return [option for path in ordered for option in mounts[path]]


def _hidden_folders() -> list[Path]:
    home = Path.home()
    own = (paths.config_dir(), paths.state_dir(), paths.data_dir(), paths.cache_dir())
    named = (*map(Path, _HIDDEN_SYSTEM), *(home / name for name in _SECRET_FOLDERS), *own)
    return [path.resolve() for path in named if path.is_dir()]


def _hidden_files() -> list[Path]:
    home = Path.home()
    return [(home / name).resolve() for name in _SECRET_FILES if (home / name).is_file()]


def _programs_in(hidden: Sequence[Path]) -> list[Path]:
    """Return folders inside hidden ones that programs need, as a venv under /tmp."""
    on_path = [Path(entry) for entry in os.get_exec_path() if Path(entry).is_absolute()]
    prefixes = [entry.parent for entry in on_path if entry.name == "bin"]
    package = Path(__file__).parents[1]
    needed = [Path(sys.prefix), Path(sys.base_prefix), package, *prefixes, *on_path]
    nix = Path("/run/current-system")
    resolved = {path.resolve() for path in needed if path.is_dir()} - set(hidden)
    inside = [path for path in resolved if any(parent in hidden for parent in path.parents)]
    return [*inside, nix] if nix.exists() else inside


def _environment(root: Path, scratch: Path) -> list[str]:
    variables = {
        "TMPDIR": "/tmp",
        "XDG_CACHE_HOME": str(scratch / "xdg"),
        "GOCACHE": str(scratch / "go-build"),
        "npm_config_cache": str(scratch / "npm"),
    }
    if not (root / "target").is_dir():
        variables["CARGO_TARGET_DIR"] = str(scratch / "cargo-target")
    return [part for item in variables.items() for part in ("--setenv", *item)]
