"""What reading a file finds out about it, for whoever wants to know."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from appliance.ingest.mapped_rows import Placed


def _to_nobody(_: object) -> None:
    pass


@dataclass(frozen=True, slots=True)
class Told:
    """Called while the file is read."""

    on_columns: Callable[[Sequence[Placed]], object] = _to_nobody
    """With the columns and where each goes."""
    on_delimiter: Callable[[str], object] = _to_nobody
    """With the character between the columns, where it was found out."""
    on_read: Callable[[int], object] = _to_nobody
    """With the bytes of the file that have been read so far."""
