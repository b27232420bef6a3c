"""The lever `roles`: which endpoint is asked for what, and what changing places costs."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent_session import FIX, FIXED, INSTANT, READ, READ_CHECK, call, says
from endpoints import Served, probed, session
from hotloop import paths
from hotloop.backend.client import Client
from hotloop.backend.types import TextDelta, ToolDelta
from hotloop.config import Config, RoleConfig, Roles, load_config
from hotloop.errors import UsageError
from hotloop.ledger.events import CallEnd, LeverAccount, Note
from hotloop.levers.roles import CodeWatch, Leg, RoleAccount, pays, spared_s
from hotloop.levers.speed import Rates, Speed
from hotloop.loop.others import quickest_model, role_clients
from hotloop.sim.profile import Profile

STRONG = msgspec.structs.replace(INSTANT, model="strong", ttft_base_s=0.1, decode_tok_s=150)
QUICK = msgspec.structs.replace(INSTANT, model="quick", ttft_base_s=0.005, decode_tok_s=3000)
CODER = msgspec.structs.replace(INSTANT, model="coder")
WRONG = call("edit", path="calc.py", old="return a - b", new="return a * b")
MEND = call("edit", path="calc.py", old="return a * b", new="return a + b")
REPLIES = [says(READ, text="I read the file first."), says(READ_CHECK), says(FIX)]
CHECK = f"{sys.executable} check.py"
KEY = "sk-very-secret-0123456789"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOTLOOP_HOME", str(tmp_path / "home"))
    paths.config_dir().mkdir(parents=True)
    return paths.config_dir()


# settings ---------------------------------------------------------------------------------

FILE = """\
backend = "http://big/v1"
model = "big"
replicas = ["http://big2/v1"]

[roles.select]
backend = "http://small/v1"
model = "small"

[roles.generate]
model = "coder"
"""


def test_roles_and_replicas_of_the_users_file(home: Path, tmp_path: Path) -> None:
    (home / "config.toml").write_text(FILE)
    (tmp_path / ".hotloop.toml").write_text('[roles.reason]\nmodel = "thinker"\n')
    config = load_config(tmp_path, {})
    assert config.replicas == ("http://big2/v1",)
    assert config.roles == Roles(
        select=RoleConfig(backend="http://small/v1", model="small"),
        generate=RoleConfig(model="coder"),
        reason=RoleConfig(model="thinker"),
    )


def test_the_settings_that_the_docs_show_are_read(home: Path) -> None:
    docs = (Path(__file__).parents[1] / "docs" / "levers.md").read_text()
    blocks = [one.partition("```")[0] for one in docs.split("```toml\n")[1:]]
    (home / "config.toml").write_text(next(one for one in blocks if "replicas" in one))
    config = load_config(None, {"OPENAI_API_KEY": KEY, "SMALL_KEY": "other"})
    assert config.replicas == ("http://gpu2:8000/v1",)
    assert config.roles.reason == RoleConfig(model="thinker")
    assert config.role_keys == {"select": "other", "generate": KEY, "reason": KEY}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[roles.select]\nbackend = "http://evil/v1"', "must not set `roles.select.backend`"),
        ('[roles.select]\napi_key_env = "AWS"', "must not set `roles.select.api_key_env`"),
        ('[roles.select]\nmodel = "/tmp/x.gguf"', "must not name a model file"),
        ('replicas = ["http://evil/v1"]', "must not set `replicas`"),
        ("[roles]\nprobed = true", "must not set `roles.probed`"),
        ('[roles.write]\nmodel = "x"', "unknown key `roles.write`"),
        ('[roles]\nselect = "x"', r"`roles.select` must be a table: write \[roles.select\]"),
        ('[roles.select]\nmodels = "x"', "did you mean `roles.select.model`"),
    ],
)
def test_a_repository_chooses_models_and_no_endpoints(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / ".hotloop.toml").write_text(text)
    with pytest.raises(UsageError, match=said):
        load_config(tmp_path, {})


def test_a_key_goes_to_a_roles_endpoint_only_where_it_is_named(home: Path) -> None:
    (home / "config.toml").write_text(FILE)
    config = load_config(None, {"OPENAI_API_KEY": KEY})
    assert config.role_keys == {"generate": KEY, "reason": KEY}, "those are at the session's own"
    (home / "config.toml").write_text(
        FILE.replace('model = "small"', 'model = "small"\napi_key_env = "S"')
    )
    config = load_config(None, {"OPENAI_API_KEY": KEY, "S": "other"})
    assert config.role_keys["select"] == "other"
    assert KEY not in repr(config)
    assert "other" not in repr(config)


def test_another_backend_for_once_is_meant_for_all_calls(home: Path) -> None:
    (home / "config.toml").write_text(FILE)
    config = load_config(None, {}, {"backend": "http://mine/v1"})
    assert (config.replicas, config.roles) == ((), Roles())
    same = load_config(None, {}, {"backend": "http://big/v1"})
    assert same.roles.select.model == "small"


def make(base_url: str, model: str, api_key: str, api_key_env: str) -> Client:
    return Client(base_url, model, api_key, api_key_env=api_key_env)


def test_what_makes_no_sense_is_said() -> None:
    big = Client("http://big/v1", "big", "")
    for role, said in (
        (RoleConfig(backend="embedded"), "only whole sessions"),
        (RoleConfig(backend="http://small/v1"), "names a backend without a model"),
    ):
        with pytest.raises(UsageError, match=said):
            role_clients(Config(roles=Roles(select=role)), big, make)


def test_nothing_is_imported_for_a_session_with_one_endpoint() -> None:
    names = [f"hotloop.levers.{name}" for name in ("hedge", "roles", "speed")]
    names += [f"hotloop.loop.{name}" for name in ("others", "routes")]
    used = "import sys, hotloop.loop.agent, hotloop.ui.execution"
    code = f"{used}\nprint({{*{names!r}}} & {{*sys.modules}})"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "set()"


# what a change of places costs --------------------------------------------------------------


def leg(cold_tokens: int, base_s: float, prefill: float | None, decode: float) -> Leg:
    return Leg(Speed(Rates(base_s=base_s, prefill_tok_s=prefill, decode_tok_s=decode)), cold_tokens)


def test_what_home_does_not_read_now_it_reads_later() -> None:
    assert spared_s(leg(1000, 0.3, 2000, 80), 80) == pytest.approx(0.3 + 1.0 - 80 / 2000)
    assert spared_s(Leg(Speed(), 0), 80) is None


def test_a_long_conversation_to_be_read_first_does_not_pay() -> None:
    home = leg(500, 0.3, 4000, 40)
    account = RoleAccount()
    assert pays(account, "select", home, leg(500, 0.1, 4000, 200)) is True
    assert pays(account, "select", home, leg(60_000, 0.1, 4000, 200)) is False
    assert pays(account, "select", home, Leg(Speed(), 500)) is None


def test_calls_that_end_in_code_make_it_stay() -> None:
    home, away = leg(0, 0.3, None, 80), leg(0, 0.2, None, 400)
    account = RoleAccount()
    assert pays(account, "select", home, away) is True
    for _ in range(12):
        account.handed_over(0.2)
    assert pays(account, "select", home, away) is False
    assert pays(account, "generate", home, away) is True
    assert account.lost_s == pytest.approx(2.4)


@given(st.sampled_from(["edit", "write", "define"]), st.data())
def test_code_is_noticed_however_the_answer_is_cut(tool: str, data: Any) -> None:
    text = f'{{"actions":[{{"tool":"read","path":"a"}},{{"tool": "{tool}","path":"a.py"}}]}}'
    code, begun, rest = CodeWatch(), False, text
    while rest:
        size = data.draw(st.integers(1, len(rest)))
        begun = code.begins(TextDelta(rest[:size])) or begun
        rest = rest[size:]
    assert begun


def test_looking_is_not_writing() -> None:
    code = CodeWatch()
    assert not code.begins(TextDelta('{"tool":"read","path":"edit.py"} I edit it next.'))
    assert not code.begins(ToolDelta(0, name="read"))
    assert code.begins(ToolDelta(0, name="edit"))


# in a session -------------------------------------------------------------------------------


def sessions(
    root: Path,
    others: dict[str, tuple[Profile, list[Any]]],
    *,
    strong: Profile = STRONG,
    replies: list[Any] = REPLIES,
    **more: Any,
) -> Served:
    """Run a session at the strong model, with `others` as the endpoints of roles."""

    def configure(urls: list[str]) -> dict[str, Any]:
        named = zip(others.items(), urls[1:], strict=True)
        roles = {
            role: {"backend": url, "model": profile.model} for (role, (profile, _)), url in named
        }
        return {"roles": roles}

    more = {"test": CHECK, "without": ["prefetch"], **more}
    return session(root, [(strong, replies), *others.values()], configure, **more)


def told(served: Served) -> list[tuple[str, str, str]]:
    return [(one.role, one.model, one.error[:8]) for one in served.run.of(CallEnd)]


def account(served: Served) -> LeverAccount | None:
    found = [one for one in served.run.of(LeverAccount) if one.lever == "roles"]
    return found[0] if found else None


def test_the_quick_model_looks_up_and_the_strong_one_writes(tmp_path: Path) -> None:
    served = sessions(tmp_path, {"select": (QUICK, REPLIES)}, without=[])
    assert served.run.outcome == "solved"
    assert served.run.calc == FIXED
    assert told(served) == [
        ("reason", "", ""),
        ("select", "quick", ""),
        ("select", "quick", "it began"),
        ("generate", "", ""),
    ]
    found = account(served)
    assert found is not None
    assert found.detail == "1 select calls elsewhere, 1 handed over to write code"
    assert found.saved_s > 0.05
    assert 0 < found.wasted_s < 0.1


def test_both_are_asked_the_same_but_for_the_models_name(tmp_path: Path) -> None:
    served = sessions(tmp_path, {"select": (QUICK, REPLIES)})
    strong, quick = ([one.body for one in asked] for asked in served.asked)
    assert (
        quick[1].replace(b'"quick"', b'"strong"', 1).split(b',"max_tokens"')[0]
        == (strong[1].split(b',"max_tokens"')[0])
    )
    assert quick[1].split(b"]")[0].startswith(quick[0].split(b"]")[0])


def test_code_goes_to_its_own_model(tmp_path: Path) -> None:
    others = {"select": (QUICK, REPLIES), "generate": (CODER, REPLIES)}
    served = sessions(tmp_path, others)
    assert served.run.calc == FIXED
    assert told(served)[3] == ("generate", "coder", "")


def test_what_to_mend_after_red_tests_is_asked_of_the_coder(tmp_path: Path) -> None:
    replies = [says(WRONG), says(MEND)]
    served = sessions(tmp_path, {"generate": (CODER, replies)}, replies=replies, without=[])
    assert served.run.calc == FIXED
    assert told(served) == [("reason", "", ""), ("generate", "coder", "")]


def test_thinking_apart_is_reasoning(tmp_path: Path) -> None:
    thinker = msgspec.structs.replace(QUICK, model="thinker")
    replies = [says(text="Hm."), says(FIX)]
    served = sessions(
        tmp_path, {"reason": (thinker, replies)}, replies=replies, think="apart", without=[]
    )
    assert served.run.outcome == "solved"
    assert told(served) == [("reason", "thinker", ""), ("select", "", "")]


def test_a_slower_endpoint_is_not_asked_what_to_do_next(tmp_path: Path) -> None:
    slow = msgspec.structs.replace(QUICK, ttft_base_s=0.5)
    served = sessions(tmp_path, {"select": (slow, REPLIES)})
    assert served.asked[1] == []
    found = account(served)
    assert found is not None
    assert "stayed: it would not have paid" in found.detail
    assert (found.saved_s, found.wasted_s) == (0, 0)


def test_a_better_model_is_asked_for_code_as_long_as_the_budget_allows(tmp_path: Path) -> None:
    better = msgspec.structs.replace(CODER, decode_tok_s=40)
    replies = [says(WRONG), says(MEND)]
    for budget_s, model in ((20.0, "coder"), (0.7, "")):
        root = tmp_path / model
        root.mkdir(exist_ok=True)
        served = sessions(
            root, {"generate": (better, replies)}, replies=replies, budget_s=budget_s, test="false"
        )
        assert told(served)[1][:2] == ("generate", model)
        found = account(served)
        assert found is not None
        if model:
            assert found.wasted_s > 0.3, "slower than home would have been"


def test_endpoints_that_nobody_probed_are_measured_by_using_them(tmp_path: Path) -> None:
    slow = msgspec.structs.replace(QUICK, ttft_base_s=0.6, decode_tok_s=1000)
    words = "What I see here is one more file to be read before anything can be said. " * 2
    looks = [says(READ, text=f"{number}: {words}") for number in range(8)]
    served = sessions(
        tmp_path,
        {"select": (slow, looks)},
        strong=msgspec.structs.replace(STRONG, decode_tok_s=500),
        replies=looks,
        late=None,
        goal="Look around.",
        max_steps=5,
    )
    models = [model for role, model, _ in told(served) if role == "select"]
    assert models[0] == "quick", "nothing is known: as it is configured"
    assert models[-1] == "", "it was slower than home"


def test_an_endpoint_that_fails_is_not_asked_again(tmp_path: Path) -> None:
    wants_key = msgspec.structs.replace(QUICK, api_key="secret")
    served = sessions(tmp_path, {"select": (wants_key, REPLIES)}, without=[])
    assert served.run.outcome == "solved"
    assert len(served.asked[1]) == 1
    [warning] = [one for one in served.run.of(Note) if one.level == "warning"]
    assert "quick at http://" in warning.text
    assert "is not asked again" in warning.text


def test_where_no_dialect_is_known_the_sessions_own_backend_answers_first(tmp_path: Path) -> None:
    thinker = msgspec.structs.replace(QUICK, model="thinker")
    for dialect, first in (("auto", ""), ("native", "thinker")):
        root = tmp_path / dialect
        root.mkdir()
        served = sessions(root, {"reason": (thinker, REPLIES)}, late=None, dialect=dialect)
        assert told(served)[0][:2] == ("reason", first)


def test_without_the_lever_all_is_asked_at_home(tmp_path: Path) -> None:
    served = sessions(tmp_path, {"select": (QUICK, REPLIES)}, without=["roles"])
    assert served.asked[1] == []
    assert account(served) is None
    assert served.run.calc == FIXED


def test_the_quickest_model_that_was_probed_at_the_endpoint_selects(tmp_path: Path) -> None:
    here, there = "http://here/v1", "http://there/v1"
    home = Client(here, "strong", "")
    assert quickest_model(home) == "strong", "nothing was probed"
    probed(STRONG, here)
    probed(QUICK, there)
    assert quickest_model(home) == "strong", "another endpoint is not given the code unasked"
    probed(msgspec.structs.replace(STRONG, model="same"), here)
    assert quickest_model(home) == "strong"
    probed(QUICK, here)
    assert quickest_model(home) == "quick"
    asked = role_clients(Config(roles=Roles(probed=True)), home, make)
    assert {role: client.model for role, client in asked.items()} == {"select": "quick"}
    assert role_clients(Config(), home, make) == {}
