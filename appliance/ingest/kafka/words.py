"""What goes wrong with Kafka, in words for operators, and without secrets."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from appliance.errors import ApplianceError
from appliance.masking import Mask

_LIBRARY: Final = "kafka"
_LONGEST: Final = 300
_EMPTY: Final = re.compile(r"Bootstrap failed|Bootstrap \S+ not ready|Sending username and password|Fetch to node")
"""What comes behind the line that says why, or has nothing to do with it."""


class KafkaFault(ApplianceError):
    """Kafka can't be read from. The message says why and what to look at."""

    code = "kafka"


class LibraryLog(logging.Handler):
    """Keeps the last thing that the library complained of, instead of a line for each try.

    It says more often than not why nothing works, and it is the only one who knows.
    """

    def __init__(self, mask: Mask) -> None:
        super().__init__(logging.WARNING)
        self._mask = mask
        self._last = ""

    def attach(self) -> None:
        """Take the place of the process's own handlers for what the library logs."""
        logger = logging.getLogger(_LIBRARY)
        logger.addHandler(self)
        logger.propagate = False

    def detach(self) -> None:
        logger = logging.getLogger(_LIBRARY)
        logger.removeHandler(self)
        logger.propagate = True

    def emit(self, record: logging.LogRecord) -> None:
        try:
            text = record.getMessage()
        except Exception:  # noqa: BLE001 - a line that can't be made is no reason to fail
            return
        if not _EMPTY.match(text):
            self._last = self._mask(text.partition("\n")[0])[:_LONGEST]

    def take(self) -> str:
        """The last complaint, once."""
        last, self._last = self._last, ""
        return last


@contextmanager
def quiet_library() -> Iterator[None]:
    """Nothing that the library logs comes out within."""
    log = LibraryLog(Mask())
    log.attach()
    try:
        yield
    finally:
        log.detach()
