import asyncio

import msgspec

from engine_bench import MODEL, Bench, Http
from hotloop.engine.manager import (
    stop_engine,
)
from hotloop.engine.slots import PrefixStore
from hotloop.engine.state import (
    EngineState,
)
from hotloop.errors import BackendError
from hotloop.ledger.events import ServerTimings


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
