"""What a check found."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at; ``remedy`` says what to do about one that is not ``ok``."""

    subject: str
    status: Literal["ok", "warning", "failed"]
    message: str
    remedy: str | None = None

    def plain(self) -> dict[str, Any]:
        return asdict(self)


def passed(subject: str, message: str) -> Finding:
    return Finding(subject, "ok", message)


def warned(subject: str, message: str, remedy: str) -> Finding:
    return Finding(subject, "warning", message, remedy)


def failed(subject: str, message: str, remedy: str) -> Finding:
    return Finding(subject, "failed", message, remedy)
