"""Headers of everything the dashboard's listener sends, a nonce on the scripts of its pages, and compression."""

from __future__ import annotations

import re
import secrets

from tornado.httputil import HTTPHeaders, HTTPServerRequest
from tornado.web import GZipContentEncoding, OutputTransform

_SCRIPT_TAG = re.compile(rb"<script(?=[\s>])")

_FIXED = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    # With "no-referrer" browsers would send the forms of these pages with "Origin: null".
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}


def page_policy(nonce: str) -> str:
    """The content security policy of a page.

    What is not as strict as it could be, and why: Bokeh and Panel put ``<style>`` elements into shadow roots
    (``style-src 'unsafe-inline'``), and Panel loads each component's module from a ``blob:``. Evaluating text as code
    is not allowed, so Panel's ``ReactiveHTML`` and Bokeh's ``CustomJS`` don't work here; a ``JSComponent`` does.
    """
    return "; ".join(
        [
            "default-src 'none'",
            f"script-src 'self' 'nonce-{nonce}' blob:",
            "style-src 'self' 'unsafe-inline'",
            "img-src 'self' data:",
            "font-src 'self'",
            "connect-src 'self' blob:",
            "base-uri 'none'",
            "form-action 'self'",
            "frame-ancestors 'none'",
        ]
    )


def login_policy(nonce: str) -> str:
    """The policy of the sign-in page, which needs less: one style sheet, its own two elements, and to be sent here."""
    return "; ".join(
        [
            "default-src 'none'",
            f"script-src 'nonce-{nonce}'",
            f"style-src 'self' 'nonce-{nonce}'",
            "img-src 'self'",
            "base-uri 'none'",
            "form-action 'self'",
            "frame-ancestors 'none'",
        ]
    )


class SecurityHeaders(OutputTransform):
    """Adds the headers to each answer as it leaves; to HTML without a policy of its own also one with a nonce."""

    def __init__(self, request: HTTPServerRequest) -> None:
        self._is_get = request.method == "GET"
        self._is_file = is_file(request)

    def transform_first_chunk(
        self,
        status_code: int,
        headers: HTTPHeaders,
        chunk: bytes,
        finishing: bool,  # noqa: FBT001  Tornado's own signature
    ) -> tuple[int, HTTPHeaders, bytes]:
        for name, value in _FIXED.items():
            headers[name] = value
        if "Cache-Control" not in headers:
            headers["Cache-Control"] = "no-cache" if self._is_file else "no-store"
        if "Content-Security-Policy" in headers:
            return status_code, headers, chunk
        if headers.get("Content-Type", "").startswith("text/html"):
            nonce = secrets.token_urlsafe(16)
            headers["Content-Security-Policy"] = page_policy(nonce)
            chunk = _SCRIPT_TAG.sub(b'<script nonce="' + nonce.encode() + b'"', chunk)
            if finishing and self._is_get and "Content-Length" in headers:
                headers["Content-Length"] = str(len(chunk))
        else:
            headers["Content-Security-Policy"] = "default-src 'none'; frame-ancestors 'none'"
        return status_code, headers, chunk


class CompressedFiles(GZipContentEncoding):
    """Scripts and style sheets go out compressed: three megabytes of Bokeh and Panel become a third of that.

    Pages don't, because they hold a session's token beside what a visitor's address says (the BREACH attack).
    """

    def __init__(self, request: HTTPServerRequest) -> None:
        super().__init__(request)
        self._gzipping = self._gzipping and is_file(request) and "Range" not in request.headers


def is_file(request: HTTPServerRequest) -> bool:
    """Whether a request asks for something that is the same for everybody."""
    return request.path.startswith(("/static/", "/assets/"))
