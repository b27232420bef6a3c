import json

import pytest
from click.testing import CliRunner

from engine_bench import MODEL, Bench
from hotloop.engine import doctor
from hotloop.engine.doctor import Check, memory_check, run_checks
from hotloop.errors import EnvironmentFault
from hotloop.ui import engine_cmd


def test_status_logs_and_stop_commands(machine: Bench) -> None:
    handle = machine.ensure()
    run = CliRunner().invoke
    rows = json.loads(run(engine_cmd.engine, ["status", "--json"]).output)
    assert [(row["model"], row["status"], row["pid"]) for row in rows] == [
        (MODEL, "ready", handle.state.pid)
    ]
    text = run(engine_cmd.engine, ["status"]).output
    assert handle.base_url in text
    assert handle.api_key not in text + json.dumps(rows)
    assert "supervisor" in run(engine_cmd.engine, ["logs", MODEL]).output
    assert run(engine_cmd.engine, ["stop"]).output == "tiny: stopped\n"
    assert run(engine_cmd.engine, ["stop", MODEL]).output == "tiny: was not running\n"
    assert "no engine runs" in run(engine_cmd.engine, ["status"]).output
    assert isinstance(run(engine_cmd.engine, ["logs", "other"]).exception, EnvironmentFault)


def test_doctor_reports_every_part(machine: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    monkeypatch.setattr(engine_cmd, "MODEL_CHECKS", [lambda: [Check("model", "ok", "here")]])
    result = CliRunner().invoke(engine_cmd.doctor, ["--json"])
    rows = {row["name"]: row for row in json.loads(result.output)}
    assert {"python", "cores", "memory", "disk", "ledger", "engine", "llama-server"} <= set(rows)
    assert {"sandbox", "ripgrep", "git", "endpoint", "model"} <= set(rows)
    assert "version" in rows["llama-server"]["detail"] or "fake" in rows["llama-server"]["detail"]
    bad = [row for row in rows.values() if row["status"] == "fail"]
    assert result.exit_code == (3 if bad else 0)


def test_doctor_ends_with_3_and_says_what_to_do(
    machine: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOTLOOP_LLAMA_SERVER", "/nowhere")
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/v1")
    result = CliRunner().invoke(engine_cmd.doctor)
    assert result.exit_code == 3
    assert "HOTLOOP_LLAMA_SERVER is /nowhere" in result.output
    assert "next: correct or unset OPENAI_BASE_URL" in result.output


def test_doctor_asks_the_endpoint(machine: Bench) -> None:
    handle = machine.ensure()
    assert doctor.endpoint_check(handle.base_url, handle.api_key).status == "ok"
    refused = doctor.endpoint_check(handle.base_url, "wrong")
    assert (refused.status, "OPENAI_API_KEY" in refused.next_step) == ("fail", True)
    assert doctor.endpoint_check("no url", "").status == "fail"


@pytest.mark.parametrize(
    ("available_gib", "status"), [(4.0, "ok"), (1.5, "warn"), (0.5, "fail"), (0.0, "warn")]
)
def test_doctor_weighs_memory_against_the_model(available_gib: float, status: str) -> None:
    check = memory_check(int(available_gib * (1 << 30)), 1 << 30)
    assert check.status == status
    assert bool(check.next_step) == (status != "ok")


def test_doctor_survives_a_check_that_fails_itself() -> None:
    def check_odd_thing() -> list[Check]:
        raise EnvironmentFault("it is odd", "make it even")

    assert run_checks([check_odd_thing]) == [
        Check("odd thing", "fail", "it is odd", "make it even")
    ]
