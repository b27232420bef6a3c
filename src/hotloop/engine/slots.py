"""Keep the KV state of a fixed prompt prefix on disk, and put it back into a new server.

llama-server's slot save and restore does the work. It is known to be a no-op in some builds and
for some models, and a damaged file can end the server, so a file is read only if its checksum
holds, and a restore counts only once `cache_n` of the next call says so.

llama-server gives a request to the free slot whose tokens are most like its own, so the request
that follows a restore needs no `id_slot`; naming another slot would lose the restored state.
"""

from __future__ import annotations

import asyncio
import zlib
from pathlib import Path
from typing import Protocol, TypeVar

import msgspec

from hotloop import paths
from hotloop.engine.state import EngineState
from hotloop.errors import BackendError
from hotloop.ledger.events import ServerTimings

HOLDS_SHARE = 0.95
MAX_MISSES = 2
KEPT_FILES = 8
AnswerT = TypeVar("AnswerT")


class Poster(Protocol):
    """The part of a Backend that is needed here."""

    async def post(self, path: str, body: bytes) -> bytes:
        """Send JSON to a path beside the API. Raises BackendError."""
        ...


class _Sidecar(msgspec.Struct):
    """What is known of a state file. `misses` counts restores in a row that did not hold."""

    tokens: int = 0
    size_bytes: int = 0
    crc32: int = 0
    misses: int = 0


class _Saved(msgspec.Struct):
    n_saved: int = 0


class _Restored(msgspec.Struct):
    n_restored: int = 0


class PrefixStore:
    """The KV state of one prefix for one model file and engine build.

    `prefix` is any bytes that determine the prefix's tokens: the request that holds exactly it.
    """

    def __init__(self, backend: Poster, engine: EngineState, prefix: bytes) -> None:
        import hashlib

        bound_to = [engine.model, engine.build, engine.settings.kv_type]
        digest = hashlib.sha256(msgspec.json.encode(bound_to) + b"\0" + prefix).hexdigest()[:32]
        self._backend = backend
        self._server = f"{engine.token}:{engine.restarts}"
        folder = paths.cache_dir() / "kv"
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.path = folder / f"{digest}.bin"
        self._sidecar = folder / f"{digest}.json"
        self._warm = folder / f"{digest}.warm"

    def warm(self) -> bool:
        """Say whether this server read or computed this prefix since it started."""
        try:
            return self._warm.read_text() == self._server
        except FileNotFoundError:
            return False

    def worth_saving(self) -> bool:
        """Say whether no state is kept yet, and restoring it has not failed again and again."""
        return not self.path.exists() and self._read().misses < MAX_MISSES

    async def restore(self, slot: int = 0) -> int:
        """Put the kept state into an idle slot; return its tokens, 0 if there is none to be had.

        A warm server is left alone: the slot could hold another session's conversation.
        """
        if self.warm() or not self.path.exists():
            return 0
        if not await asyncio.to_thread(self._whole):
            self.path.unlink(missing_ok=True)
            return 0
        self._warm.write_text(self._server)
        try:
            restored = await self._act("restore", slot, self.path.name, _Restored)
        except (BackendError, msgspec.DecodeError):
            self._miss()
            return 0
        return restored.n_restored

    async def save(self, slot: int = 0) -> int:
        """Keep the state of a slot, right after a request of exactly the prefix; return tokens.

        That request must carry `"id_slot": slot`. Returns 0 if the server cannot save.
        """
        scratch = self.path.with_suffix(".new")
        try:
            saved = await self._act("save", slot, scratch.name, _Saved)
        except (BackendError, msgspec.DecodeError):
            return 0
        return await asyncio.to_thread(self._keep, scratch, saved.n_saved)

    def confirm(self, timings: ServerTimings | None) -> bool:
        """Say whether a restored state was used, by the timings of the call that followed.

        If not, the file is deleted, and after two times in a row not made again for this build:
        the prefix is prefilled then. (Once may be another session's request in between.)
        """
        if timings is None or timings.cache_n is None:
            return False
        sidecar = self._read()
        if timings.cache_n < HOLDS_SHARE * sidecar.tokens:
            self._miss()
            return False
        if sidecar.misses:
            sidecar.misses = 0
            self._write(sidecar)
        return True

    async def _act(self, action: str, slot: int, name: str, answer: type[AnswerT]) -> AnswerT:
        body = msgspec.json.encode({"filename": name})
        reply = await self._backend.post(f"/slots/{slot}?action={action}", body)
        return msgspec.json.decode(reply, type=answer)

    def _whole(self) -> bool:
        known = self._read()
        data = self.path.read_bytes()
        return (len(data), zlib.crc32(data)) == (known.size_bytes, known.crc32)

    def _keep(self, scratch: Path, tokens: int) -> int:
        try:
            data = scratch.read_bytes()
        except FileNotFoundError:
            return 0
        sidecar = self._read()
        sidecar.tokens, sidecar.size_bytes, sidecar.crc32 = tokens, len(data), zlib.crc32(data)
        scratch.replace(self.path)
        self._write(sidecar)
        self._warm.write_text(self._server)
        self._prune()
        return tokens

    def _miss(self) -> None:
        sidecar = self._read()
        sidecar.misses += 1
        self.path.unlink(missing_ok=True)
        self._write(sidecar)

    def _read(self) -> _Sidecar:
        try:
            return msgspec.json.decode(self._sidecar.read_bytes(), type=_Sidecar)
        except (FileNotFoundError, msgspec.DecodeError):
            return _Sidecar()

    def _write(self, sidecar: _Sidecar) -> None:
        self._sidecar.write_bytes(msgspec.json.encode(sidecar))

    def _prune(self) -> None:
        folder = self.path.parent
        kept = sorted(folder.glob("*.bin"), key=lambda path: path.stat().st_mtime, reverse=True)
        for old in kept[KEPT_FILES:]:
            for suffix in (".bin", ".json", ".warm"):
                old.with_suffix(suffix).unlink(missing_ok=True)
