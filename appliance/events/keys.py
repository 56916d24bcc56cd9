"""Identifiers: the event's UUID from what the sender gave, and the narrow key of a user."""

from __future__ import annotations

import os
import re
import uuid
from hashlib import sha1

import numpy as np
import xxhash

_UUID = re.compile(r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}", re.ASCII)
_NAMESPACE = uuid.NAMESPACE_URL.bytes


def user_key(user_id: str) -> int:
    """xxh3 (64 bits, seed 0) of a user id's UTF-8: an algorithm with a fixed specification, so the
    keys in the log stay valid whatever database reads them.
    """
    return xxhash.xxh3_64_intdigest(user_id.encode())


def event_uuid(text: str) -> bytes:
    """The 16 bytes of a UUID written in any letter case; any other text becomes a UUIDv5 of it."""
    if len(text) == 36 and _UUID.fullmatch(text):
        return bytes.fromhex(text.replace("-", ""))
    return uuid5_bytes(f"event:{text}".encode())


def uuid5_bytes(name: bytes) -> bytes:
    """RFC 9562 UUIDv5 of ``name`` in the URL namespace, as bytes."""
    digest = bytearray(sha1(_NAMESPACE + name, usedforsecurity=False).digest()[:16])
    digest[6] = digest[6] & 0x0F | 0x50
    digest[8] = digest[8] & 0x3F | 0x80
    return bytes(digest)


def make_uuid7s(count: int, now_us: int) -> bytes:
    """``count`` UUIDv7 (RFC 9562), 16 bytes each.

    The 12 bits after the version hold the fraction of the millisecond (method 3 of the RFC).
    """
    ids = np.frombuffer(bytearray(os.urandom(16 * count)), dtype=np.uint8).reshape(count, 16)
    milliseconds, rest_us = divmod(now_us, 1_000)
    fraction = rest_us * 4096 // 1_000
    ids[:, :6] = np.frombuffer(milliseconds.to_bytes(6, "big"), dtype=np.uint8)
    ids[:, 6] = 0x70 | fraction >> 8
    ids[:, 7] = fraction & 0xFF
    ids[:, 8] = ids[:, 8] & 0x3F | 0x80
    return ids.tobytes()


def completed_ids(given: list[bytes], now_us: int) -> bytes:
    """UUIDs, one after the other, a UUIDv7 made for each that is empty."""
    missing = given.count(b"")
    if missing:
        made = make_uuid7s(missing, now_us)
        if missing == len(given):
            return made
        places = iter(range(0, 16 * missing, 16))
        given = [value or made[(at := next(places)) : at + 16] for value in given]
    return b"".join(given)
