"""What can go wrong below the protocols: whole answers that are not what was asked, and bad lines.

A fault is a name, or a name and an argument after a colon:

====================  ==========================================================================
``400 403 429 500 503``  that status; the argument is a ``Retry-After``, seconds or an HTTP date
``rate-text html empty`` 200 with "Rate exceeded.", with a page of HTML, with nothing
``html-as-atom``      the same HTML called a feed
``bomb external``     200 with an entity bomb, with an external entity
``deep``              200 with elements ten thousand deep
``big:N``             200 with N bytes
``redirect``          301 to a host that is not there
``hang``              no answer
``reset reset-mid``   the connection is closed at once; reset within the body
``half truncated``    half of the bytes promised; half of the body, with the right length
``drip``              the body a byte at a time
``stale``             the body last sent for the same request, byte by byte
``as:TYPE``           the right body under another content type
====================  ==========================================================================

Each protocol has more of its own: see ``atom.page``, ``oai.answer`` and ``rss.answer``.
"""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from http.server import BaseHTTPRequestHandler

from tests.fake_arxiv.atom import error_feed

STATUSES = ("400", "403", "429", "500", "503")
_ATOM = "application/atom+xml"
_BOMB = (
    b'<?xml version="1.0"?><!DOCTYPE feed [<!ENTITY a "lol"><!ENTITY b "&a;&a;&a;&a;">]>'
    b'<feed xmlns="http://www.w3.org/2005/Atom"><title>&b;</title></feed>'
)
_EXTERNAL = (
    b'<?xml version="1.0"?><!DOCTYPE feed [<!ENTITY x SYSTEM "file:///etc/passwd">]>'
    b'<feed xmlns="http://www.w3.org/2005/Atom"><title>&x;</title></feed>'
)
BODIES: dict[str, tuple[bytes, str]] = {
    "rate-text": (b"Rate exceeded.", "text/plain"),
    "html": (b"<html><body>Access Denied</body></html>", "text/html"),
    "html-as-atom": (b"<html><body>Access Denied</body></html>", _ATOM),
    "empty": (b"", _ATOM),
    "bomb": (_BOMB, _ATOM),
    "external": (_EXTERNAL, _ATOM),
    "deep": (b"<a>" * 10_000 + b"</a>" * 10_000, _ATOM),
    "error-entry": (error_feed("the service is tired"), _ATOM),
}


def misbehave(handler: BaseHTTPRequestHandler, fault: str, closing: threading.Event) -> bool:
    """Do what ``fault`` says instead of answering; False where there is an answer to give."""
    name, _, argument = fault.partition(":")
    if name in STATUSES:
        send(handler, b"Slow down.", "text/plain", int(name), {"Retry-After": argument})
    elif name in BODIES:
        send(handler, *BODIES[name])
    elif name == "big":
        _send_big(handler, int(argument or 400_000))
    elif name == "redirect":
        send(handler, b"", "text/html", 301, {"Location": "http://elsewhere.invalid/"})
    elif name == "hang":
        closing.wait(30)
    elif name == "reset":
        handler.close_connection = True
    else:
        return False
    return True


def answer(
    handler: BaseHTTPRequestHandler,
    body: bytes,
    kind: str,
    fault: str,
    closing: threading.Event,
    headers: dict[str, str],
) -> None:
    """Send ``body``, with what ``fault`` does to it on the way."""
    name, _, argument = fault.partition(":")
    if name == "truncated":
        body = body[: len(body) // 2]
    elif name == "as":
        kind = argument
    if name == "drip":
        _drip(handler, body, kind, closing)
    elif name in ("half", "reset-mid"):
        send(handler, body, kind, headers=headers, sent=len(body) // 2)
        if name == "reset-mid":
            _reset(handler)
    else:
        send(handler, body, kind, headers=headers)


def send(
    handler: BaseHTTPRequestHandler,
    body: bytes,
    kind: str,
    status: int = 200,
    headers: dict[str, str] | None = None,
    sent: int | None = None,
) -> None:
    """One whole response, or its first ``sent`` bytes."""
    handler.send_response(status)
    handler.send_header("Content-Type", kind)
    handler.send_header("Content-Length", str(len(body)))
    for name, value in (headers or {}).items():
        if value:
            handler.send_header(name, value)
    handler.end_headers()
    handler.wfile.write(body[:sent])
    if sent is not None:
        handler.close_connection = True


def _send_big(handler: BaseHTTPRequestHandler, size: int) -> None:
    handler.send_response(200)
    handler.send_header("Content-Type", _ATOM)
    handler.send_header("Content-Length", str(size))
    handler.end_headers()
    blank = b" " * 65536
    with contextlib.suppress(OSError):  # the client has had enough
        handler.wfile.write(b"<feed>")
        for _ in range(size // len(blank)):
            handler.wfile.write(blank)
    handler.close_connection = True


def _reset(handler: BaseHTTPRequestHandler) -> None:
    # Closed without lingering, a connection ends with a reset instead of an end of file.
    linger = struct.pack("ii", 1, 0)
    handler.wfile.flush()
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    handler.connection.close()


def _drip(
    handler: BaseHTTPRequestHandler, body: bytes, kind: str, closing: threading.Event
) -> None:
    handler.send_response(200)
    handler.send_header("Content-Type", kind)
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    with contextlib.suppress(OSError):  # the client has had enough
        for place in range(len(body)):
            handler.wfile.write(body[place : place + 1])
            if closing.wait(0.01):
                break
    handler.close_connection = True
