"""Where an endpoint is: what a base URL means, however it was written."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

import msgspec

from hotloop.errors import UsageError

_CHAT = "/chat/completions"
_VERSION = re.compile(r"/v\d+[a-z0-9]*(/|$)")


class Endpoint(msgspec.Struct, frozen=True, kw_only=True):
    """The parts of a base URL. `api_path` ends in `/v1` or what the URL named instead of it.

    `root_path` is where the paths beside the API (`/slots`, `/health`) begin.
    """

    scheme: str
    host: str
    port: int
    api_path: str
    root_path: str

    @property
    def secure(self) -> bool:
        """Whether the connection is encrypted."""
        return self.scheme == "https"

    @property
    def authority(self) -> str:
        """Return host and port as the `Host` header has them."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        usual = 443 if self.secure else 80
        return host if self.port == usual else f"{host}:{self.port}"

    @property
    def origin(self) -> str:
        """Return the URL without a path."""
        return f"{self.scheme}://{self.authority}"

    @property
    def base_url(self) -> str:
        """Return the normalised URL of the API."""
        return self.origin + self.api_path


def parse_base_url(url: str) -> Endpoint:
    """Read a base URL with or without `/v1`, or with `/chat/completions` at its end.

    A path that names a version (`/v1beta/openai`) or ends in `/chat/completions` is taken as it
    is; any other gets `/v1`. Raises UsageError for a URL that has no scheme, carries a user name
    or password, or a query.
    """
    try:
        parts = urlsplit(url.strip())
        port = parts.port
        host = (parts.hostname or "").encode("idna" if not url.isascii() else "ascii").decode()
    except ValueError as exc:
        raise UsageError("the base URL cannot be read", "write it as http://host:8080/v1") from exc
    if parts.scheme not in ("http", "https") or not host:
        raise UsageError(
            "the base URL is not an http or https URL", "write it as http://host:8080/v1"
        )
    if parts.username or parts.password or parts.query or parts.fragment:
        raise UsageError(
            "the base URL carries a user name, a password, a query or a fragment",
            "leave it out; a key belongs into OPENAI_API_KEY",
        )
    api_path = _api_path(parts.path)
    return Endpoint(
        scheme=parts.scheme,
        host=host,
        port=port or (443 if parts.scheme == "https" else 80),
        api_path=api_path,
        root_path=api_path.removesuffix("/v1"),
    )


def _api_path(path: str) -> str:
    bare = path.rstrip("/")
    if bare.endswith(_CHAT):
        return bare.removesuffix(_CHAT)
    return bare if _VERSION.search(bare) else f"{bare}/v1"
