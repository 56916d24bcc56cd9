"""JSON bodies of requests other than events: read within bounds, checked against a type, errors that name the field."""

from __future__ import annotations

import asyncio
import re
from typing import Any, Final, TypeVar

import msgspec
from fastapi import Request

from appliance.errors import BadArgument, BodyError

T = TypeVar("T")

_PATIENCE_SECONDS: Final = 30
_MEDIA_TYPES: Final = ("", "application/json")
_AT: Final = re.compile(r" - at `\$\.?(.*?)`$")
_MISSING: Final = re.compile(r"^Object (?:missing required|contains unknown) field `(.+?)`")


async def read_json(request: Request, kind: type[T], *, limit_bytes: int = 1 << 20) -> T:
    """The body as a ``kind`` (a ``msgspec.Struct``).

    Raises ``BodyError`` (413, 415, 408, ``invalid_json``) or ``BadArgument`` with the field.
    """
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type not in _MEDIA_TYPES:
        raise BodyError("unsupported_media_type", "send application/json as the Content-Type", status=415)
    body = await _read(request, limit_bytes)
    try:
        return msgspec.json.decode(body, type=kind)
    except msgspec.ValidationError as fault:
        raise _explained(str(fault)) from fault
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as fault:
        raise BodyError("invalid_json", "the body is not JSON") from fault


def json_body(kind: type[Any], description: str = "") -> dict[str, Any]:
    """How OpenAPI describes such a body, for a route's ``openapi_extra``."""
    (schema,), components = msgspec.json.schema_components([kind], ref_template="#/components/schemas/{name}")
    plain = components[schema["$ref"].rpartition("/")[2]] if "$ref" in schema else schema
    content = {"application/json": {"schema": _inlined(plain, components)}}
    return {"requestBody": {"required": True, "description": description, "content": content}}


async def _read(request: Request, limit_bytes: int) -> bytes:
    body = bytearray()
    try:
        async with asyncio.timeout(_PATIENCE_SECONDS):
            async for piece in request.stream():
                body += piece
                if len(body) > limit_bytes:
                    raise BodyError("too_large", f"send at most {limit_bytes:,} bytes", status=413)
    except TimeoutError as fault:
        raise BodyError("body_timeout", "the body came too slowly: send it again", status=408) from fault
    return bytes(body)


def _explained(message: str) -> BadArgument:
    """Our words for msgspec's: the field as a dotted path, and what it must be."""
    place = _AT.search(message)
    path = place.group(1) if place is not None else ""
    told = message[: place.start()] if place is not None else message
    named = _MISSING.match(told)
    if named is not None:
        path = f"{path}.{named.group(1)}" if path else named.group(1)
    return BadArgument(told[:1].lower() + told[1:], field=path or None)


def _inlined(schema: Any, components: dict[str, Any]) -> Any:
    """The schema with every reference replaced by what it refers to; no type of ours refers to itself."""
    if isinstance(schema, list):
        return [_inlined(part, components) for part in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        return _inlined(components[schema["$ref"].rpartition("/")[2]], components)
    return {name: _inlined(part, components) for name, part in schema.items()}
