from __future__ import annotations

import itertools
import json
import sqlite3
import stat
from contextlib import closing
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from article_session import session_start
from hotloop.ledger.events import ActionParsed, CallDelta, Event
from hotloop.ledger.redact import Redactor, split_open
from hotloop.ledger.store import Ledger
from hotloop.ledger.wire import DeltaBuffer, encode
from ledger_kit import note, store

KEY = "sk-" + "proj-Zx81" * 5


PEM = "-----BEGIN RSA PRIVATE KEY-----\nMIIE1x+Q/\nab0=\n-----END RSA PRIVATE KEY-----"


SECRETS = {
    "openai": KEY,
    "bearer": "Bearer abcdefghijklmnop.qrst",
    "aws": "AKIA" + "ABCDEFGHIJKLMNOP",
    "aws secret": "aws_secret_access_key = " + "wJalrXUtnFEMI/K7MDENG" + "bPxRfiCYzEXAMPLEKEY",
    "github": "ghp_" + "a1" * 18,
    "pem": PEM,
    "jwt": "eyJhbGciOiJIUzI1.eyJzdWIiOiIxMjM0.SflKxwRJSM",
    "url": "https://user:hunter2@example.org/x",
    "assigned": "api_key='0123456789abcdef0123'",
}


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOTLOOP_HOME", str(tmp_path))
    return tmp_path


def raw(path: Path) -> str:
    with closing(sqlite3.connect(path)) as database:
        rows = database.execute("SELECT json FROM events").fetchall()
        rows += database.execute("SELECT goal FROM sessions").fetchall()
    return "\n".join(row[0] for row in rows)


def test_only_the_user_can_read_the_ledger() -> None:
    store([note(0)])
    assert stat.S_IMODE(Ledger().path.stat().st_mode) == 0o600


@pytest.mark.parametrize("secret", SECRETS.values(), ids=SECRETS.keys())
def test_secrets_are_not_stored(secret: str) -> None:
    args = json.dumps({"path": "x", "content": f"first\n{secret}\nlast"})
    store(
        [
            session_start(goal=f"use {secret} now"),
            note(1, f"got {secret}."),
            ActionParsed(t_s=2, call=0, action="a", tool="write", args=args),
        ]
    )
    stored = raw(Ledger().path)
    assert "[redacted:" in stored
    words = [word for word in secret.replace("\n", " ").split() if len(word) > 24]
    for word in words:
        assert word not in stored
    assert "hunter2" not in stored
    assert "MIIE1x" not in stored
    first, *_ = Ledger().load()
    assert str(getattr(first, "goal", "")).startswith("use ")


@pytest.mark.parametrize(
    "text",
    [
        "task-force, sk-learn, sk-fading-circle-container-element",
        "the bearer of bad news",
        "sha256 cc324af070c2ecbfd324a30884d2f951a7ff756aba85cb811a6ec436933bb046",
        "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----",
        "api_key = os.environ['OPENAI_API_KEY']",
        "https://example.org:8080/a@b",
    ],
)
def test_ordinary_text_is_left_as_it_is(text: str) -> None:
    assert Redactor().text(text) == text


def test_values_of_variables_named_like_secrets_are_secrets() -> None:
    redactor = Redactor.from_environment(
        {"MY_API_KEY": "correct-horse-battery", "HOME": "/home/me"}
    )
    event = note(0, "it is correct-horse-battery in /home/me")
    assert msgspec.json.decode(encode(event, redactor))["text"] == (
        "it is [redacted:environment] in /home/me"
    )


@given(
    st.sampled_from(sorted(SECRETS)),
    st.lists(st.integers(0, 120), max_size=8),
    st.lists(st.booleans(), min_size=9, max_size=9),
)
def test_no_cut_of_a_stream_lets_a_secret_through(
    name: str, cuts: list[int], release: list[bool]
) -> None:
    secret = SECRETS[name]
    text = f"so the key is {secret} and that was it"
    edges = [0, *sorted(min(cut, len(text)) for cut in cuts), len(text)]
    buffer = DeltaBuffer()
    kept: list[Event] = []
    for number, (start, end) in enumerate(itertools.pairwise(edges)):
        buffer.add(CallDelta(t_s=number, call=0, channel="text", text=text[start:end]))
        if release[min(number, 8)]:
            kept += buffer.release(all_of_it=False)
    kept += buffer.release(all_of_it=True)
    stored = "".join(msgspec.json.decode(encode(event, Redactor()))["text"] for event in kept)
    assert stored == Redactor().text(text)
    assert stored.startswith("so the key is ")
    assert stored.endswith(" and that was it")


@given(st.text(alphabet=" ab-\n", max_size=60))
def test_splitting_before_an_open_secret_loses_nothing(text: str) -> None:
    ready, held = split_open(text)
    assert ready + held == text


def test_half_a_surrogate_pair_is_stored_as_a_question_mark() -> None:
    assert store([note(0, "bad \ud800 name")]) == []
    assert Ledger().load() == [note(0, "bad ? name")]
