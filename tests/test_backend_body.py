"""Bodies of answers, however they are framed and wherever they are cut."""

from __future__ import annotations

from itertools import pairwise

import h11
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hotloop.backend.body import Body, body_of, keeps_connection

CONTENT = st.lists(st.binary(min_size=1, max_size=40), max_size=6)
EXTENSIONS = st.sampled_from([b"", b";name=value", b" ", b'; a="b"'])
TRAILERS = st.sampled_from([b"", b"Expires: never\r\n", b"A: b\r\nC: d\r\n"])


@st.composite
def chunked_bodies(draw: st.DrawFn) -> tuple[bytes, bytes, list[int]]:
    """A body, as it is chunked, and where the network cuts it."""
    pieces = draw(CONTENT)
    wire = b"".join(b"%x%s\r\n%s\r\n" % (len(piece), draw(EXTENSIONS), piece) for piece in pieces)
    wire += b"0\r\n" + draw(TRAILERS) + b"\r\n"
    cuts = sorted(draw(st.lists(st.integers(0, len(wire)), max_size=8)))
    return b"".join(pieces), wire, [0, *cuts, len(wire)]


@given(chunked_bodies())
def test_chunks_cut_anywhere_give_the_same_content(case: tuple[bytes, bytes, list[int]]) -> None:
    content, wire, cuts = case
    body = Body(None, chunked=True)
    got = b""
    for start, end in pairwise(cuts):
        assert not body.complete or start == len(wire)
        got += body.feed(wire[start:end])
    assert got == content
    assert body.complete


@given(chunked_bodies())
def test_a_chunked_body_is_read_as_h11_reads_it(case: tuple[bytes, bytes, list[int]]) -> None:
    content, wire, _ = case
    peer = h11.Connection(h11.CLIENT)
    peer.send(h11.Request(method="GET", target="/", headers=[("Host", "x")]))
    peer.send(h11.EndOfMessage())
    peer.receive_data(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + wire)
    events: list[object] = []
    while not isinstance(event := peer.next_event(), h11.EndOfMessage):
        events.append(event)
    assert b"".join(bytes(e.data) for e in events if isinstance(e, h11.Data)) == content


@pytest.mark.parametrize(
    "wire", [b"x\r\n", b"-1\r\n", b"+5\r\nhello\r\n", b"5\r\nhelloXX", b"0x5\r\nhello\r\n", b"\r\n"]
)
def test_what_is_no_chunk_is_refused(wire: bytes) -> None:
    body = Body(None, chunked=True)
    with pytest.raises(h11.RemoteProtocolError):
        body.feed(wire + b"\n")


def test_an_endless_chunk_head_is_refused() -> None:
    body = Body(None, chunked=True)
    body.feed(b"5;" + b"a" * 60_000)
    with pytest.raises(h11.RemoteProtocolError, match="too long"):
        body.feed(b"a" * 10_000)


def test_a_length_ends_a_body_and_what_follows_is_none_of_it() -> None:
    body = Body(5)
    assert body.feed(b"hel") == b"hel"
    assert not body.complete
    assert body.feed(b"lo!") == b"lo"
    assert body.complete


@pytest.mark.parametrize("body", [Body(5), Body(None, chunked=True)])
def test_a_body_that_breaks_off_is_told(body: Body) -> None:
    body.feed(b"")
    with pytest.raises(h11.RemoteProtocolError, match="before the end"):
        body.close()


def test_a_body_without_length_ends_with_the_connection() -> None:
    body = Body(None)
    assert body.feed(b"all of it") == b"all of it"
    assert not body.complete
    body.close()
    assert body.complete


def head(status: int = 200, version: bytes = b"1.1", **headers: str) -> h11.Response:
    named = [(name.replace("_", "-"), value) for name, value in headers.items()]
    return h11.Response(status_code=status, headers=named, http_version=version)


def test_a_head_says_how_its_body_ends_and_whether_the_connection_stays() -> None:
    assert body_of(head(content_length="0")).complete
    assert body_of(head(204)).complete
    assert body_of(head(transfer_encoding="chunked")).feed(b"1\r\nx\r\n") == b"x"
    assert keeps_connection(head())
    assert not keeps_connection(head(connection="keep-alive, Close"))
    assert not keeps_connection(head(version=b"1.0"))
