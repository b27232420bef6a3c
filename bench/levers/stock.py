"""A plain sequential agent, the stock comparison: what hotloop's levers are measured against.

One call per message, not streamed, the whole prompt re-sent, one action per message: a look at a
file, or a whole file anew. Tests run after each, their output goes back, until they pass or the
time is over. What a plain agent for a small model would have, it has: no tool schema, the failing
tests at once, no rewrite of a file it has not seen, the likely file where it is at a loss.
"""

from __future__ import annotations

import http.client
import re
import time
from collections.abc import Collection, Iterator
from pathlib import Path

import msgspec

from bench.loops.session import Result, Tokens
from bench.loops.suite import LEFT_BEHIND, Task, is_guarded, run_tests
from hotloop.engine.state import HOST

SYSTEM = """\
You repair code. You get a goal, the output of failing tests, and the files that you ask for.
To see a file, answer with one line: READ path/of/file
To change a file, answer with the whole new file in one code block, its path on the line before.
The tests run after each change, and you get their output. Do not change tests."""
LOOK = "You have seen no source file yet. Answer with one line: READ and the path of a file."
REWRITE = "Answer with the whole corrected file in one code block."
MAX_TOKENS = 1024
SOURCES = {".py", ".js", ".mjs", ".cjs", ".c", ".h"}
_OUTPUT_CHARS = 3_000
_LEAST_S = 0.5
_BLOCK = re.compile(r"```[^\n]*\n(.*?)^```", re.DOTALL | re.MULTILINE)
_READ = re.compile(r"^\W*READ\W+([\w./-]+)", re.MULTILINE)

Message = dict[str, str]


class Write(msgspec.Struct, frozen=True):
    """A file to be written anew; `path` is empty where the answer names none."""

    path: str
    content: str


class Read(msgspec.Struct, frozen=True):
    """A file to be shown."""

    path: str


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What came back of one call, and how long it was waited for."""

    text: str
    wait_s: float
    input_tokens: int
    cached_tokens: int
    output_tokens: int


class _Text(msgspec.Struct):
    content: str | None = None


class _Choice(msgspec.Struct):
    message: _Text


class _Details(msgspec.Struct):
    cached_tokens: int = 0


class _Usage(msgspec.Struct):
    prompt_tokens: int = 0
    completion_tokens: int = 0
    prompt_tokens_details: _Details | None = None


class _Completion(msgspec.Struct):
    choices: list[_Choice]
    usage: _Usage


class Endpoint(msgspec.Struct, frozen=True):
    """Where the model is served, on loopback."""

    port: int
    token: str = ""

    def ask(self, messages: list[Message], timeout_s: float, **params: object) -> Answer:
        """Make one call. Raises OSError (TimeoutError when time is over) and DecodeError."""
        body = msgspec.json.encode({"messages": messages, "max_tokens": MAX_TOKENS, **params})
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {self.token}"}
        start_s = time.monotonic()
        connection = http.client.HTTPConnection(HOST, self.port, timeout=timeout_s)
        try:
            connection.request("POST", "/v1/chat/completions", body, headers)
            response = connection.getresponse()
            said = response.read()
        finally:
            connection.close()
        if response.status != 200:
            raise ConnectionError(f"HTTP {response.status}: {said[:300].decode(errors='replace')}")
        read = msgspec.json.decode(said, type=_Completion)
        details = read.usage.prompt_tokens_details
        return Answer(
            text=read.choices[0].message.content or "",
            wait_s=time.monotonic() - start_s,
            input_tokens=read.usage.prompt_tokens,
            cached_tokens=details.cached_tokens if details else 0,
            output_tokens=read.usage.completion_tokens,
        )


def parse(text: str, known: Collection[str] = ()) -> Write | Read | None:
    """Return the action of an answer; a code block is for the last file named before it.

    `known` are files that there are; another one is named by a path to source. A block that does
    not close was cut off: no action.
    """
    if block := _BLOCK.search(text):
        words = [one.rstrip(".") for one in re.findall(r"[\w./-]+", text[: block.start(1)])]
        named = [one for one in words if one in known or Path(one).suffix in SOURCES]
        return Write(named[-1].removeprefix("./") if named else "", block.group(1))
    if read := _READ.search(text):
        return Read(read.group(1).removeprefix("./"))
    return None


class Stock:
    """One task being worked on, in a copy of its repository."""

    def __init__(self, task: Task, repo: Path, endpoint: Endpoint, budget_s: float) -> None:
        self._task = task
        self._repo = repo
        self._endpoint = endpoint
        self._start_s = time.monotonic()
        self._deadline_s = self._start_s + budget_s
        self._shown: dict[str, str] = {}
        self._written: set[Write] = set()
        self._repeats = 0
        self._output = ""
        self._calls = 0
        self.messages: list[Message] = []
        self.answers: list[Answer] = []
        self.waited_s = 0.0
        self.error = ""

    def run(self) -> bool:
        """Work until the tests pass or the time is over; return whether they do."""
        if self._test():
            return True
        listed = "\n".join(str(path) for path in _files(self._repo))
        goal = (
            f"Goal: {self._task.manifest.goal}\n\nFiles:\n{listed}\n\n{self._failing()}\n\n{LOOK}"
        )
        self.messages = [{"role": "system", "content": SYSTEM}, {"role": "user", "content": goal}]
        try:
            while self._left_s > _LEAST_S:
                if self._act(self._ask()):
                    return True
        except TimeoutError:
            pass  # the budget is over
        except (OSError, http.client.HTTPException, msgspec.DecodeError) as error:
            self.error = f"{type(error).__name__}: {error}"
        return False

    @property
    def _left_s(self) -> float:
        return self._deadline_s - time.monotonic()

    def _ask(self) -> str:
        """Ask with temperature 0; once an answer was of no use, as the engine samples by default.

        A model that is shown its own answer tends to give it again.
        """
        params = {"seed": self._repeats} if self._repeats else {"temperature": 0}
        start_s = time.monotonic()
        self._calls += 1
        try:
            answer = self._endpoint.ask(self.messages, max(_LEAST_S, self._left_s), **params)
        finally:
            self.waited_s += time.monotonic() - start_s
        self.answers.append(answer)
        self.messages.append({"role": "assistant", "content": answer.text})
        return answer.text

    def _act(self, text: str) -> bool:
        """Do what an answer says and add what came of it; return whether the tests pass."""
        action = parse(text, [str(path) for path in _files(self._repo)])
        match action:
            case Read(path):
                said = self._show(path)
            case Write("", content):
                return self._act_write(Write(self._last_seen() or self._likely(), content))
            case Write():
                return self._act_write(action)
            case None:
                said = f"That is no action.\n\n{self._show(self._likely())}"
        self._say(said)
        return False

    def _act_write(self, action: Write) -> bool:
        refused = self._refusal(action)
        if refused:
            self._say(refused)
            return False
        target = self._repo / action.path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(action.content)
        self._shown[action.path] = action.content
        if self._test():
            return True
        self._say(f"{action.path} is written.\n\n{self._failing()}\n\n{REWRITE}")
        return False

    def _refusal(self, action: Write) -> str:
        """Return why a file is not written, and what to do instead; empty where it is."""
        target = (self._repo / action.path).resolve()
        if not target.is_relative_to(self._repo.resolve()) or target.is_dir():
            return f"{action.path} is no file of this repository. {REWRITE}"
        if is_guarded(Path(action.path)):
            return f"{action.path} is a test and must not be changed.\n\n{self._likely_text()}"
        if target.is_file() and action.path not in self._shown:
            return self._show(action.path)
        if action in self._written or (target.is_file() and _text(target) == action.content):
            self._repeats += 1
            return f"That is what {action.path} was already. Tests fail.\n\n{self._likely_text()}"
        self._written.add(action)
        return ""

    def _show(self, path: str) -> str:
        target = (self._repo / path).resolve()
        if not target.is_relative_to(self._repo.resolve()) or not target.is_file():
            return f"There is no file {path}.\n\n{self._likely_text()}"
        if path in self._shown:
            self._repeats += 1
            return self._likely_text() if path != self._likely() else f"You have seen it. {REWRITE}"
        self._shown[path] = _text(target)
        if not self._shown[path].strip():
            return f"{path} is empty.\n\n{self._likely_text()}"
        wanted = REWRITE if path == self._likely() else f"READ another file, or: {REWRITE}"
        return f"{path}:\n```\n{self._shown[path].rstrip()}\n```\n\n{wanted}"

    def _likely_text(self) -> str:
        path = self._likely()
        return REWRITE if not path or path in self._shown else self._show(path)

    def _last_seen(self) -> str:
        sources = [path for path in self._shown if not is_guarded(Path(path))]
        return sources[-1] if sources else ""

    def _likely(self) -> str:
        """Return the source file that the output names most, else the tests, else the longest."""
        files = list(_files(self._repo))
        tests = "".join(_text(self._repo / path) for path in files if is_guarded(path))
        sources = [path for path in files if path.suffix in SOURCES and not is_guarded(path)]

        def rank(path: Path) -> tuple[int, int, int]:
            in_tests = len(re.findall(rf"\b{re.escape(path.stem)}\b", tests))
            return self._output.count(path.name), in_tests, len(_text(self._repo / path))

        return str(max(sources, key=rank)) if sources else ""

    def _test(self) -> bool:
        green, self._output = run_tests(self._task, self._repo, max(_LEAST_S, self._left_s))
        return green

    def _failing(self) -> str:
        return f"The tests fail:\n```\n{self._output.strip()[-_OUTPUT_CHARS:]}\n```"

    def _say(self, text: str) -> None:
        self.messages.append({"role": "user", "content": text})

    def add_figures(self, result: Result) -> None:
        """Put the calls' figures into a result; one that ran out of time was a call, too."""
        answers = self.answers
        result.model_calls = self._calls
        result.model_wait_s = self.waited_s
        result.mean_wait_s = self.waited_s / self._calls if self._calls else None
        result.input_tokens = sum(one.input_tokens for one in answers)
        result.cached_tokens = sum(one.cached_tokens for one in answers)
        result.output_tokens = sum(one.output_tokens for one in answers)
        later = (Tokens(one.input_tokens, one.cached_tokens) for one in answers[1:])
        result.later_all = sum(later, Tokens())
        result.later_steps = result.later_all
        result.error = self.error


def _files(repo: Path) -> Iterator[Path]:
    for path in sorted(repo.rglob("*")):
        relative = path.relative_to(repo)
        if path.is_file() and not set(LEFT_BEHIND) & set(relative.parts):
            yield relative


def _text(path: Path) -> str:
    return path.read_text(errors="replace")
