"""A stand-in for llama-server: its options, health, slots, slot files and a chat answer.

`FAKE_ENGINE` names a folder: every start leaves a file `start-PID` there, and files in it steer
the server: `corrupt` fails at load, `dies` ends it at once, `busy` shows a slot at work.
"""

import json
import os
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

HELP = """--model F --host H --port N --alias S --ctx-size N --parallel N --slots
--kv-unified, --no-kv-unified  --slot-save-path PATH
--spec-type none,ngram-mod --spec-ngram-mod-n-match N"""
FOLDER = Path(os.environ["FAKE_ENGINE"])
KEY = os.environ.get("LLAMA_API_KEY", "")


class Handler(BaseHTTPRequestHandler):
    slot_tokens = 0

    def do_GET(self) -> None:
        if self.path == "/health":
            self.answer(200, {"status": "ok"})
        elif not self.allowed():
            self.answer(401, {})
        else:
            self.answer(200, [{"id": 0, "is_processing": (FOLDER / "busy").exists()}])

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if not self.allowed():
            self.answer(401, {})
            return
        path = Path(option("--slot-save-path")) / body["filename"]
        if self.path.endswith("=save"):
            path.write_bytes(b"state of 400 tokens")
            self.answer(200, {"n_saved": 400})
        elif path.exists():
            self.answer(200, {"n_restored": 400})
        else:
            self.answer(400, {"error": {"message": "invalid slot save file"}})

    def allowed(self) -> bool:
        return self.headers["Authorization"] == f"Bearer {KEY}"

    def answer(self, status: int, content: object) -> None:
        data = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


def option(name: str) -> str:
    return sys.argv[sys.argv.index(name) + 1]


def main() -> int:
    if "--help" in sys.argv:
        print(HELP)
        return 0
    if "--version" in sys.argv:
        print("version: 1 (fake)")
        return 0
    (FOLDER / f"start-{os.getpid()}").write_text(json.dumps(sys.argv))
    if (FOLDER / "corrupt").exists():
        print("llama_model_load: error loading model: tensor is not within the file bounds")
        return 1
    if (FOLDER / "dies").exists():
        print("the fake is out of order")
        return 7
    ThreadingHTTPServer(("127.0.0.1", int(option("--port"))), Handler).serve_forever()
    return 0


if __name__ == "__main__":
    sys.exit(main())
