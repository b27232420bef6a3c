from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from hotloop import paths
from hotloop.config import Config, load_config
from hotloop.errors import UsageError

KEY = "sk-very-secret-0123456789"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOTLOOP_HOME", str(tmp_path / "home"))
    paths.config_dir().mkdir(parents=True)
    return paths.config_dir()


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    (tmp_path / "repo").mkdir()
    return tmp_path / "repo"


def user(home: Path, text: str) -> None:
    (home / "config.toml").write_text(text)


def own(repo: Path, text: str) -> None:
    (repo / ".hotloop.toml").write_text(text)


def test_defaults() -> None:
    config = load_config(None, {})
    assert config == Config()
    assert config.backend is None
    assert config.budget_s == 20.0
    assert config.dialect == "auto"


def test_a_later_layer_wins_key_by_key(home: Path, repo: Path) -> None:
    user(home, 'budget_s = 1\nmodel = "user"\nmax_steps = 1\ncontext_tokens = 1\nthink = "apart"\n')
    own(repo, 'budget_s = 2\nmodel = "repo"\nmax_steps = 2\n')
    env = {"HOTLOOP_BUDGET": "3", "HOTLOOP_MODEL": "env"}
    config = load_config(repo, env, {"budget_s": 4.5, "test": None})
    assert (config.budget_s, config.model, config.max_steps) == (4.5, "env", 2)
    assert (config.context_tokens, config.think, config.test) == (1, "apart", None)
    assert config.origins == {
        "budget_s": "command line",
        "model": "HOTLOOP_MODEL",
        "max_steps": str(repo / ".hotloop.toml"),
        "context_tokens": str(home / "config.toml"),
        "think": str(home / "config.toml"),
    }


def test_tables_merge_with_their_defaults(home: Path) -> None:
    user(home, "[engine]\nthreads = 3\nspeculation = true\n[timeouts]\nfirst_byte_s = 900\n")
    config = load_config(None, {}, {"engine.idle_s": 60.0})
    assert (config.engine.threads, config.engine.speculation) == (3, True)
    assert config.engine.idle_s == 60.0
    assert (config.timeouts.first_byte_s, config.timeouts.chunk_s) == (900.0, 60.0)


@pytest.mark.parametrize(
    ("given", "env", "backend"),
    [
        (None, {}, None),
        (None, {"OPENAI_BASE_URL": "http://env/v1"}, "http://env/v1"),
        (None, {"OPENAI_BASE_URL": " "}, None),
        ("http://flag/v1", {"OPENAI_BASE_URL": "http://env/v1"}, "http://flag/v1"),
        ("embedded", {"OPENAI_BASE_URL": "http://env/v1"}, None),
    ],
)
def test_which_backend(given: str | None, env: dict[str, str], backend: str | None) -> None:
    assert load_config(None, env, {"backend": given}).backend == backend


@pytest.mark.parametrize(
    ("file", "flag", "env", "key"),
    [
        ("", None, {}, ""),
        ("", "http://x", {}, KEY),
        ('api_key_env = "OTHER"', "http://x", {}, "other"),
        ('backend = "http://u"', None, {}, KEY),
        ('backend = "http://u"\napi_key_env = "OTHER"', None, {}, "other"),
        ('backend = "http://u"\napi_key_env = "OTHER"', "http://x", {}, KEY),
        (
            'backend = "http://u"\napi_key_env = "OTHER"',
            None,
            {"OPENAI_BASE_URL": "http://env"},
            KEY,
        ),
        ('backend = "http://u"\napi_key_env = "UNSET"', None, {}, ""),
    ],
)
def test_a_key_goes_only_to_the_endpoint_it_is_for(
    home: Path, file: str, flag: str | None, env: dict[str, str], key: str
) -> None:
    user(home, file)
    keys = {"OPENAI_API_KEY": KEY, "OTHER": "other"}
    assert load_config(None, env | keys, {"backend": flag}).api_key == key


def test_the_key_is_never_shown() -> None:
    config = load_config(None, {"OPENAI_API_KEY": KEY}, {"backend": "http://x"})
    assert config.api_key == KEY
    assert KEY not in repr(config)
    assert KEY not in str(config)
    assert KEY not in repr(list(config.__rich_repr__()))
    assert "budget_s=20.0" in repr(config)


# --- what a repository may do


def test_a_test_command_from_a_repository_needs_consent(home: Path, repo: Path) -> None:
    own(repo, 'test = "make check"\n')
    assert load_config(repo, {}).test_needs_consent
    assert load_config(repo, {}).test == "make check"
    assert not load_config(repo, {}, {"test": "make check"}).test_needs_consent
    own(repo, "")
    user(home, 'test = "make check"\n')
    assert not load_config(repo, {}).test_needs_consent


def test_harmless_keys_of_a_repository(repo: Path) -> None:
    own(
        repo,
        'model = "Org/Name"\ndialect = "fenced"\nthink = "apart"\nwithout = ["eager", "race"]\n',
    )
    config = load_config(repo, {})
    assert (config.model, config.dialect, config.think) == ("Org/Name", "fenced", "apart")
    assert config.without == ("eager", "race")


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ('backend = "http://evil"', "backend"),
        ('api_key = "sk-evil"', "api_key"),
        ('api_key_env = "AWS_SECRET"', "api_key_env"),
        ("yes = true", "yes"),
        ("[engine]\nthreads = 64", "engine.threads"),
        ("[timeouts]\ntotal_s = 1", "timeouts.total_s"),
        ("context_tokens = 1", "context_tokens"),
        ('model = "hf:evil/repo/file.gguf"', "model"),
        ('model = "./evil.gguf"', "model"),
    ],
)
def test_what_a_repository_must_not_set(repo: Path, text: str, key: str) -> None:
    own(repo, text)
    with pytest.raises(UsageError) as caught:
        load_config(repo, {})
    assert str(repo / ".hotloop.toml") in str(caught.value)
    assert f"`{key}`" in str(caught.value)
    assert "sk-evil" not in str(caught.value)
    assert caught.value.next_step


# --- bad input


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("budget = 5", "unknown key `budget`; did you mean `budget_s`?"),
        ("zzz = 5", "unknown key `zzz`"),
        ('budget_s = "5"', "`budget_s` must be a number of seconds above 0, not '5'"),
        ("budget_s = 0", "`budget_s` must be a number of seconds above 0, not 0"),
        ("budget_s = nan", "`budget_s` must be a number of seconds above 0, not nan"),
        ("budget_s = inf", "`budget_s` must be a number of seconds above 0, not inf"),
        ("budget_s = true", "`budget_s` must be a number of seconds above 0, not True"),
        ("max_steps = 1.5", "`max_steps` must be a whole number from 1, not 1.5"),
        ('dialect = "xml"', "`dialect` must be auto, native, schema, fenced or terse, not 'xml'"),
        ('without = "eager"', "`without` must be a list of lever names, not 'eager'"),
        ('test = ""', "`test` must be a command line, not ''"),
        ("engine = 5", "`engine` must be a table: write [engine]"),
        ("[engine]\nidle = 5", "unknown key `engine.idle`; did you mean `engine.idle_s`?"),
        ("[model]\nname = 5", "`model` must be the name of a model, not {'name': 5}"),
        ("a = 1\nb = = 2", "(at line 2, column 5)"),
        ("a = " + "[" * 5000, "nested too deeply"),
        ("#" * 70_000, "64 KiB"),
    ],
)
def test_a_broken_file_is_named_with_its_fault(home: Path, text: str, said: str) -> None:
    user(home, text)
    with pytest.raises(UsageError) as caught:
        load_config(None, {})
    assert said in str(caught.value)
    assert str(home / "config.toml") in str(caught.value)
    assert caught.value.next_step
    assert caught.value.exit_status == 2


def test_files_that_are_no_text(home: Path, repo: Path) -> None:
    (home / "config.toml").write_bytes(b"a = '\xff'")
    with pytest.raises(UsageError, match="not UTF-8"):
        load_config(None, {})
    (home / "config.toml").unlink()
    os.mkfifo(repo / ".hotloop.toml")
    with pytest.raises(UsageError, match="64 KiB"):
        load_config(repo, {})


def test_bad_values_of_environment_and_command_line() -> None:
    with pytest.raises(UsageError, match="HOTLOOP_BUDGET: it must be a number of seconds"):
        load_config(None, {"HOTLOOP_BUDGET": "soon"})
    with pytest.raises(UsageError, match="command line: --budget must be a number of seconds"):
        load_config(None, {}, {"budget_s": -1.0})


def test_tomllib_is_imported_only_for_a_file(home: Path, tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from hotloop.config import load_config;"
        "load_config(Path.cwd(), {}); print('tomllib' in sys.modules)"
    )

    def imported() -> str:
        return subprocess.run(
            [sys.executable, "-c", code], check=True, capture_output=True, text=True, cwd=tmp_path
        ).stdout.strip()

    assert imported() == "False"
    user(home, "budget_s = 3\n")
    assert imported() == "True"
