"""One background thread that works off a queue in batches, for sinks that may not block."""

from __future__ import annotations

import queue
import threading
from typing import Generic, Protocol, TypeVar

T = TypeVar("T")

BATCH_ITEMS = 4096
GATHER_S = 0.01
"""So long a batch gathers: a worker that runs at each item takes the interpreter's lock from the
loop that made it, in the middle of a step."""


class Worker(Protocol[T]):
    """What a drain's thread does with the items."""

    def work(self, batch: list[T], flush: bool) -> float | None:
        """Take what has gathered, nothing where it only asked to be woken.

        With `flush` it must hold nothing back. Return the seconds after which to run again
        though nothing came, or None.
        """
        ...

    def finish(self) -> None:
        """Run once, after the last batch."""
        ...


class _Flush:
    """A place in the queue: all before it must be worked off when `done` is set."""

    def __init__(self, *, last: bool) -> None:
        self.done = threading.Event()
        self.last = last


class Drain(Generic[T]):
    """A queue and the one thread that empties it; its worker runs on that thread only.

    An exception in the worker ends its work for good: it is kept in `failure`, what comes later
    is dropped, and callers never see it.
    """

    def __init__(self, name: str, worker: Worker[T]) -> None:
        self.failure: BaseException | None = None
        self._worker = worker
        self._last: _Flush | None = None
        self._queue: queue.SimpleQueue[T | _Flush] = queue.SimpleQueue()
        self._hurry = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def put(self, item: T) -> None:
        """Queue an item and return at once. Safe from any thread and from signal handlers."""
        self._queue.put(item)

    def flush(self, timeout_s: float) -> bool:
        """Wait until all that was put before is worked off; False if that took too long."""
        mark = self._last or self._mark(last=False)
        return mark.done.wait(timeout_s)

    def close(self, timeout_s: float) -> bool:
        """Work off the rest and end the thread; False if that took too long. Safe to call twice."""
        self._last = self._last or self._mark(last=True)
        return self._last.done.wait(timeout_s)

    def _mark(self, *, last: bool) -> _Flush:
        mark = _Flush(last=last)
        self._queue.put(mark)
        self._hurry.set()
        return mark

    def _run(self) -> None:
        wait_s: float | None = None
        while True:
            batch, mark = self._take(wait_s)
            wait_s = self._guarded(batch, mark)
            if mark is None:
                continue
            mark.done.set()
            if mark.last:
                return

    def _take(self, wait_s: float | None) -> tuple[list[T], _Flush | None]:
        batch: list[T] = []
        try:
            item = self._queue.get(timeout=wait_s)
            self._hurry.wait(GATHER_S)
            while not isinstance(item, _Flush):
                batch.append(item)
                if len(batch) >= BATCH_ITEMS:
                    return batch, None
                item = self._queue.get_nowait()
        except queue.Empty:
            return batch, None
        self._hurry.clear()
        return batch, item

    def _guarded(self, batch: list[T], mark: _Flush | None) -> float | None:
        if self.failure is not None:
            return None
        try:
            wait_s = self._worker.work(batch, mark is not None)
            if mark is not None and mark.last:
                self._worker.finish()
        except BaseException as error:  # also SystemExit, which would end the thread unseen
            self.failure = error
            return None
        return wait_s
