"""``GET /docs``: the API's documentation to read and to try out, with a content security policy."""

from __future__ import annotations

import secrets
from typing import Final

from fastapi import APIRouter
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.responses import HTMLResponse

router = APIRouter(include_in_schema=False)

# Where FastAPIOffline lays the files of Swagger UI.
_FILES: Final = "/static-offline-docs"


@router.get("/docs", response_class=HTMLResponse)
async def read_docs() -> HTMLResponse:
    nonce = secrets.token_urlsafe(16)
    page = get_swagger_ui_html(
        openapi_url="/openapi.json",
        title="Analytics Appliance API",
        swagger_js_url=f"{_FILES}/swagger-ui-bundle.js",
        swagger_css_url=f"{_FILES}/swagger-ui.css",
        swagger_favicon_url=f"{_FILES}/favicon.png",
    )
    signed = bytes(page.body).replace(b"<script", b'<script nonce="%b"' % nonce.encode())
    headers = {"content-security-policy": _policy(nonce), "cache-control": "no-store"}
    return HTMLResponse(signed, headers=headers)


def _policy(nonce: str) -> str:
    """Swagger UI sets styles on its elements and draws with ``data:`` images; it evaluates no text."""
    return "; ".join(
        [
            "default-src 'none'",
            f"script-src 'nonce-{nonce}'",
            "style-src 'self' 'unsafe-inline'",
            "img-src 'self' data:",
            "connect-src 'self'",
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'none'",
        ]
    )
