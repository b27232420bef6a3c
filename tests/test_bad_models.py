from __future__ import annotations

import os
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from bad_input import assert_fails, assert_interrupted
from e2e_helpers import (
    CHECK,
    Ended,
    Home,
    finish,
)


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    home = Home(tmp_path)
    yield home
    home.assert_alone()


NO_NETWORK = {
    "HF_ENDPOINT": "http://127.0.0.1:9",
    "PIP_INDEX_URL": "http://127.0.0.1:9/simple",
    "PIP_RETRIES": "0",
    "PIP_CONFIG_FILE": os.devnull,
}


def embedded(home: Home, *args: str, env: dict[str, str] | None = None) -> Ended:
    return home.call(
        *("run", "Mend add", "--json", "--repo", str(home.repo), "--backend", "embedded"),
        *("--test", CHECK, *args),
        env={**NO_NETWORK, **(env or {})},
    )


def test_a_corrupt_model_file(home: Home, tmp_path: Path) -> None:
    file = tmp_path / "broken.gguf"
    file.write_bytes(b"<html>not found</html>")
    ended = embedded(home, "--model", str(file))
    assert_fails(home, ended, 3, "is not a GGUF file", str(file))


def test_a_corrupt_model_in_the_users_folder(home: Home, tmp_path: Path) -> None:
    folder = tmp_path / "models"
    folder.mkdir()
    name = "qwen2.5-coder-0.5b-instruct-q4_k_m.gguf"
    (folder / name).write_bytes(b"GGUF but no model")
    ended = embedded(home, "--model", "qwen2.5-coder-0.5b", env={"HOTLOOP_MODELS": str(folder)})
    assert_fails(home, ended, 3, str(folder), "instead of")
    assert (folder / name).read_bytes() == b"GGUF but no model"


def test_a_model_file_that_is_gguf_by_name_only(home: Home, tmp_path: Path) -> None:
    file = tmp_path / "broken.gguf"
    file.write_bytes(b"GGUF" + bytes(4096))
    ended = embedded(home, "--model", str(file))
    assert_fails(home, ended, 3)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_while_the_model_is_fetched(home: Home, number: signal.Signals) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        process = home.start(
            *("run", "Mend add", "--json", "--repo", str(home.repo), "--backend", "embedded"),
            *("--model", "qwen2.5-coder-0.5b"),
            env={**NO_NETWORK, "HF_ENDPOINT": url},
        )
        connection, _ = silent.accept()
        connection.recv(1)
        process.send_signal(number)
        ended = finish(process, 10)
        connection.close()
    assert_interrupted(home, ended)
