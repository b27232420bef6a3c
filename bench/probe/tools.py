"""Other tools that load an endpoint: how each is called, and where its result holds what."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Literal

import msgspec

from bench.probe.load import Load, Seen

Name = Literal["vllm", "guidellm"]
COMMANDS: dict[Name, str] = {"vllm": "vllm bench serve", "guidellm": "guidellm run"}
RESULT = "result.json"


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """A load for one tool: prompts and result are files in `folder`."""

    base_url: str
    model: str
    tokenizer: str
    load: Load
    folder: Path

    @property
    def server(self) -> str:
        """The server's address, without the API's path."""
        return self.base_url.removesuffix("/").removesuffix("/v1")

    @property
    def prompts(self) -> Path:
        """The file with the prompts, as JSON lines."""
        return self.folder / "prompts.jsonl"

    def write_prompts(self, texts: list[str]) -> None:
        """Write the prompts in the form that both tools read."""
        tokens = self.load.output_tokens
        rows = [{"prompt": text, "output_tokens_count": tokens} for text in texts]
        self.prompts.write_bytes(b"\n".join(map(msgspec.json.encode, rows)) + b"\n")


def command_line(name: Name, command: str, job: Job) -> list[str]:
    """Return the words of a command; `command` is how the tool is started here."""
    words = shlex.split(command or COMMANDS[name])
    return [*words, *(_vllm(job) if name == "vllm" else _guidellm(job))]


def read_result(name: Name, folder: Path) -> Seen:
    """Return what a tool measured. Raises RuntimeError where calls failed or none were made."""
    data = (folder / RESULT).read_bytes()
    if name == "vllm":
        return _of_vllm(msgspec.json.decode(data, type=_Vllm))
    return _of_guidellm(msgspec.json.decode(data, type=_Guidellm))


def _vllm(job: Job) -> list[str]:
    load = job.load
    options = {
        "backend": "openai-chat",
        "base-url": job.server,
        "endpoint": "/v1/chat/completions",
        "model": job.model,
        "tokenizer": job.tokenizer,
        "dataset-name": "custom",
        "dataset-path": str(job.prompts),
        "custom-output-len": load.output_tokens,
        "num-prompts": load.requests,
        "max-concurrency": load.concurrency,
        "temperature": 0,
        "ready-check-timeout-sec": 0,  # a check would send a prompt that is measured later
        "result-dir": str(job.folder),
        "result-filename": RESULT,
    }
    pairs = [word for name, value in options.items() for word in (f"--{name}", str(value))]
    flags = ("skip-chat-template", "disable-shuffle", "ignore-eos", "save-result", "save-detailed")
    return [*pairs, *(f"--{flag}" for flag in flags)]


def _guidellm(job: Job) -> list[str]:
    backend = f"kind=openai_http,target={job.server},model={job.model},validate_backend=false"
    options = {
        "backend": f"{backend},http2=false",
        "profile": f"kind=concurrent,streams={job.load.concurrency}",
        "constraint": f"kind=max_requests,count={job.load.requests}",
        "data": f"kind=json_file,path={job.prompts}",
        "output": f"kind=json,path={job.folder / RESULT}",
    }
    pairs = [word for name, value in options.items() for word in (f"--{name}", value)]
    return [*pairs, "--disable-console"]


class _Vllm(msgspec.Struct):
    completed: int
    failed: int
    median_ttft_ms: float
    median_itl_ms: float
    median_tpot_ms: float
    output_throughput: float
    errors: list[str] = []


def _of_vllm(found: _Vllm) -> Seen:
    _check(found.completed, found.failed, "".join(found.errors)[-500:])
    return Seen(
        ttft_s=found.median_ttft_ms / 1e3,
        gap_s=found.median_itl_ms / 1e3,
        token_s=found.median_tpot_ms / 1e3,
        tok_s=found.output_throughput,
    )


class _Spread(msgspec.Struct):
    median: float
    mean: float


class _Successful(msgspec.Struct):
    successful: _Spread


class _Totals(msgspec.Struct):
    successful: int
    errored: int


class _Metrics(msgspec.Struct):
    request_totals: _Totals
    time_to_first_token_ms: _Successful
    inter_token_latency_ms: _Successful
    output_tokens_per_second: _Successful


class _Benchmark(msgspec.Struct):
    metrics: _Metrics


class _Guidellm(msgspec.Struct):
    benchmarks: list[_Benchmark]


def _of_guidellm(found: _Guidellm) -> Seen:
    metrics = found.benchmarks[0].metrics
    _check(metrics.request_totals.successful, metrics.request_totals.errored)
    return Seen(
        ttft_s=metrics.time_to_first_token_ms.successful.median / 1e3,
        token_s=metrics.inter_token_latency_ms.successful.median / 1e3,
        tok_s=metrics.output_tokens_per_second.successful.mean,
    )


def _check(completed: int, failed: int, why: str = "") -> None:
    if failed or not completed:
        raise RuntimeError(f"{failed} calls failed, {completed} came back: {why}")
