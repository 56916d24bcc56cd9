"""Structured logs: lines for people on a terminal, JSON for machines elsewhere. Both go to standard error.

What libraries log by the standard library comes out in the same form. A line never holds a secret: see ``masking``.
"""

from __future__ import annotations

import logging
import sys
import threading
from collections.abc import Iterable
from contextlib import suppress
from typing import Any, Final, Literal, TextIO, cast

import structlog

from appliance.masking import Mask

Level = Literal["debug", "info", "warning", "error"]

_LEVELS: Final[dict[Level, int]] = {
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warning": logging.WARNING,
    "error": logging.ERROR,
}


class _Lossy:
    """A stream that drops what can't be written: a full disk or a reader that has left must not stop who logs."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        with suppress(OSError):
            self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        with suppress(OSError):
            self._stream.flush()


class _Masked:
    """The last processor: makes the line, and strikes secrets out of all of it, tracebacks too."""

    def __init__(self, render: structlog.typing.Processor, mask: Mask) -> None:
        self._render = render
        self._mask = mask

    def __call__(self, logger: Any, name: str, event: structlog.typing.EventDict) -> str:
        return self._mask(str(self._render(logger, name, event)))


def configure_logging(level: Level = "info", secrets: Iterable[str] = ()) -> None:
    """Set structlog and the standard library's logging up; call once, when the process starts.

    Libraries are heard from ``warning`` on, and from ``debug`` on where that is the level.
    """
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    stream = cast("TextIO", _Lossy(sys.stderr))
    last = _rendering(Mask(secrets))
    structlog.configure(
        processors=[*shared, *last],
        wrapper_class=structlog.make_filtering_bound_logger(_LEVELS[level]),
        # text and end of line in one write: lines of several threads don't run into each other
        logger_factory=structlog.WriteLoggerFactory(stream),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, structlog.stdlib.add_logger_name],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last],
        )
    )
    theirs = _LEVELS[level] if level in {"debug", "error"} else logging.WARNING
    logging.basicConfig(level=theirs, handlers=[handler], force=True)
    # its lines quote addresses, which may name people; only what failed is worth that
    logging.getLogger("tornado.access").setLevel(logging.ERROR)
    _catch_the_rest()


def _rendering(mask: Mask) -> list[structlog.typing.Processor]:
    # no values of local variables in tracebacks: they may be secrets
    if sys.stderr.isatty():
        console = structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
        return [_Masked(console, mask)]
    return [structlog.processors.format_exc_info, _Masked(structlog.processors.JSONRenderer(), mask)]


def _catch_the_rest() -> None:
    """What Python itself would print to standard error becomes a line too."""
    logger = structlog.get_logger(__name__)

    def of_thread(args: threading.ExceptHookArgs) -> None:
        name = args.thread.name if args.thread is not None else None
        logger.error("a thread failed", thread=name, exc_info=args.exc_value)

    def unraisable(args: sys.UnraisableHookArgs) -> None:
        logger.warning("a clean-up failed", exc_info=args.exc_value)

    threading.excepthook = of_thread
    sys.unraisablehook = unraisable
    logging.captureWarnings(capture=True)
