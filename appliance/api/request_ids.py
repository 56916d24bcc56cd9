"""A name for each request, in its answer and in the log, so that the two can be brought together."""

from __future__ import annotations

import re
import secrets
from itertools import count
from typing import Final

_FIT: Final = re.compile(rb"[A-Za-z0-9._:-]{1,64}")


class RequestIds:
    """Takes the caller's own ``X-Request-ID`` where it is fit for a log, and makes one otherwise."""

    def __init__(self) -> None:
        self._process = secrets.token_hex(4)
        self._numbers = count(1)

    def of(self, given: bytes) -> str:
        if given and _FIT.fullmatch(given):
            return given.decode()
        return f"{self._process}-{next(self._numbers):x}"
