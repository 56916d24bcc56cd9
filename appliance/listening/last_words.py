"""The answers to what is no request, or comes when no more can be taken: made by hand, before any application."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from http import HTTPStatus
from typing import Final

import msgspec

from appliance.problems import MEDIA_TYPE, problem


@dataclass(frozen=True)
class LastWords:
    """An answer after which the connection is closed."""

    status: int
    code: str
    headers: list[tuple[bytes, bytes]]
    body: bytes

    @classmethod
    def make(cls, status: int, code: str, detail: str, **headers: str) -> LastWords:
        body = msgspec.json.encode(problem(status, code, detail))
        named = {"content_type": MEDIA_TYPE, "content_length": str(len(body)), "x_content_type_options": "nosniff"}
        named |= headers | {"connection": "close"}
        listed = [(name.replace("_", "-").encode(), value.encode()) for name, value in named.items()]
        return cls(status, code, listed, body)

    @cached_property
    def sent(self) -> bytes:
        """All of it as it goes over the wire."""
        status = f"HTTP/1.1 {self.status} {HTTPStatus(self.status).phrase}".encode()
        return b"\r\n".join([status, *(b"%b: %b" % field for field in self.headers), b"", self.body])


NOT_HTTP: Final = LastWords.make(400, "bad_request", "this is no valid HTTP request, or its body's framing is wrong")
NOT_UPGRADED: Final = LastWords.make(
    400, "bad_request", "no other protocol is spoken here: send a request with a body without Upgrade"
)
SLOW_HEADERS: Final = LastWords.make(408, "header_timeout", "the request's headers came too slowly: send it again")
CROWDED: Final = LastWords.make(503, "too_many_connections", "too many connections are open", retry_after="1")
STOPPING: Final = LastWords.make(503, "unavailable", "the appliance is stopping", retry_after="1")


def headers_too_large(max_bytes: int, max_headers: int) -> LastWords:
    detail = f"send at most {max_bytes:,} bytes of headers in at most {max_headers:,} fields"
    return LastWords.make(431, "headers_too_large", detail)


def target_too_long(max_bytes: int) -> LastWords:
    return LastWords.make(414, "target_too_long", f"send a path and query of at most {max_bytes:,} bytes")
