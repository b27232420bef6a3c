"""What went wrong with an endpoint, as errors that name the cause and the next step.

Every error is made here, so that no error text can hold the API key.
"""

from __future__ import annotations

import h11
import msgspec

from hotloop.backend.chunks import ErrorChunk, ErrorObject
from hotloop.backend.deadline import PhaseTimeout
from hotloop.backend.dial import LookupFailed
from hotloop.backend.endpoint import Endpoint
from hotloop.errors import BackendError

RETRYABLE_STATUS = frozenset({429, 500, 502, 503, 504})
SAID_CHARACTERS = 400
NETWORK_ERRORS = (OSError, h11.RemoteProtocolError, PhaseTimeout, LookupFailed)
"""What an exchange can raise that `Faults.network` explains."""


class TransientError(BackendError):
    """A failure that may be gone at the next try."""


class Faults:
    """Makes the errors of one endpoint."""

    def __init__(self, endpoint: Endpoint, api_key: str, api_key_env: str) -> None:
        self._url = endpoint.base_url
        self._api_path = endpoint.api_path
        self._host = endpoint.host
        self._key = api_key
        self._key_env = api_key_env

    def clean(self, text: str) -> str:
        """Return the text without the API key, should a server have echoed it."""
        return text.replace(self._key, "***") if self._key else text

    def error(
        self, cause: str, next_step: str, status: int = 0, *, transient: bool = False
    ) -> BackendError:
        """Return an error; a transient one may be tried again before the first token."""
        make = TransientError if transient else BackendError
        return make(self.clean(cause), self.clean(next_step), status)

    def network(self, exc: BaseException) -> BackendError:
        """Explain a failure to reach the endpoint, or to get bytes from it."""
        import ssl

        match exc:
            case PhaseTimeout():
                return self._timeout(exc)
            case LookupFailed():
                cause = f"the host {self._host} is not known ({exc})"
                return self.error(cause, f"check the name in {self._url}, and the network")
            case ssl.SSLCertVerificationError():
                cause = f"the certificate of {self._url} is not trusted: {exc.verify_message}"
                return self.error(cause, "name the authority's file in SSL_CERT_FILE")
            case ssl.SSLError():
                cause = f"no TLS connection to {self._url}: {exc.reason or exc}"
                return self.error(cause, "if the server speaks plain HTTP, write http://")
            case ConnectionRefusedError():
                cause = f"nothing listens at {self._url} (connection refused)"
                step = "start the server, or check the address (URL, --backend, OPENAI_BASE_URL)"
                return self.error(cause, step, transient=True)
            case ConnectionError():
                cause = f"{self._url} closed the connection before it answered"
                return self.error(cause, "look at the server's log", transient=True)
            case h11.RemoteProtocolError():
                cause = f"{self._url} broke off or does not speak HTTP ({exc})"
                return self.error(cause, "look at the server's log", transient=True)
            case _:
                cause = f"{self._url} cannot be reached: {exc}"
                return self.error(cause, "check the address and the network")

    def _timeout(self, exc: PhaseTimeout) -> BackendError:
        steps = {
            "DNS lookup": ("check the network; a slow resolver needs more", "dns_s"),
            "connect": ("check host and port; a far host needs more", "connect_s"),
            "TLS handshake": ("check that the port speaks TLS; a slow one needs more", "tls_s"),
            "send": ("look at the server's log; a slow link needs more", "send_s"),
            "first byte": ("a slow prefill needs a shorter prompt or more", "first_byte_s"),
            "between chunks": ("look at the server's log; a slow model needs more", "chunk_s"),
            "total": ("ask for fewer tokens; a slow model needs more", "total_s"),
        }
        advice, setting = steps[exc.phase]
        cause = f"{self._url} timed out: {exc.phase} took more than {exc.seconds:g} s"
        return self.error(cause, f"{advice} `timeouts.{setting}`")

    def cut(self, detail: str, *, transient: bool = False) -> BackendError:
        """Explain an answer that ended before the model had finished."""
        cause = f"the answer of {self._url} was cut off: {detail}"
        step = "run it again; if it recurs, look at the server's log"
        return self.error(cause, step, transient=transient)

    def broken_chunk(self, data: bytes, why: object) -> BackendError:
        """Explain a piece of the answer that is not what it should be."""
        cause = f"{self._url} sent a chunk that is not a chat completion ({why}): {self.said(data)}"
        return self.error(cause, "check that it is an OpenAI-compatible endpoint")

    def html(self, status: int) -> BackendError:
        """Explain a web page where a chat completion should be."""
        cause = f"{self._url} answered with a web page (HTTP {status}), not with JSON"
        return self.error(cause, "check the base URL: most end in /v1", status)

    def in_answer(self, exc: ErrorChunk) -> BackendError:
        """Explain an error that the server put into its answer."""
        cause = f"{self._url} reports an error in its answer: {self.said(exc.message)}"
        step = "look at the server's log; a smaller context may help"
        return self.error(cause, step, exc.status, transient=exc.status in RETRYABLE_STATUS)

    def status(self, status: int, body: bytes, path: str, location: str = "") -> BackendError:
        """Explain an HTTP status other than 2xx."""
        said = self.said(server_message(body))
        tail = f"HTTP {status}" + (f": {said}" if said else "")
        match status:
            case 401 | 403:
                step = "check the value of" if self._key else "the endpoint wants a key: set"
                cause = f"{self._url} refuses the key, {tail}"
                return self.error(cause, f"{step} {self._key_env}", status)
            case 404:
                step = "the server does not offer it, or was started without it"
                if path.startswith(f"{self._api_path}/"):
                    step = "check the base URL: most end in /v1"
                return self.error(f"{path} is not there, {tail}", step, status)
            case _ if location:
                step = f"use the address it redirects to: {location}"
                return self.error(f"{self._url} redirects, {tail}", step, status)
            case 429:
                step = "wait, or use another endpoint or key: its rate limit is reached"
                return self.error(f"{self._url} is busy, {tail}", step, status, transient=True)
            case _ if status in RETRYABLE_STATUS:
                step = "look at the server's log"
                return self.error(f"{self._url} failed, {tail}", step, status, transient=True)
            case _:
                step = "the server's words say what it wants; another `dialect` may suit it"
                return self.error(f"{self._url} rejects the request, {tail}", step, status)

    def no_model(self, model: str, models: list[str], body: bytes) -> BackendError:
        """Explain a 404 of an endpoint that does list its models."""
        said = self.said(server_message(body))
        cause = f"{self._url} has no model {model!r} (HTTP 404{said and ': '}{said})"
        listed = ", ".join(models[:20])
        return self.error(cause, f"choose one with --model: {listed}", 404)

    def said(self, text: str | bytes) -> str:
        """Return a server's words: one line, cut short, and without the key before it is cut."""
        if isinstance(text, bytes):
            text = text.decode("utf-8", "replace")
        line = " ".join(self.clean(text).split())
        return line if len(line) <= SAID_CHARACTERS else line[:SAID_CHARACTERS] + " …"


class _ErrorBody(msgspec.Struct):
    error: ErrorObject | str | None = None
    message: str | None = None
    detail: object = None


def server_message(body: bytes) -> str:
    """Return the words for people in the body of an error answer."""
    if body.lstrip()[:1] == b"<":
        return "(a web page)"
    try:
        found = msgspec.json.decode(body, type=_ErrorBody)
    except msgspec.DecodeError:
        return body.decode("utf-8", "replace")
    error = found.error.message if isinstance(found.error, ErrorObject) else found.error
    detail = found.detail if isinstance(found.detail, str) else ""
    return error or found.message or detail or body.decode("utf-8", "replace")
