"""A whole import: files read, cut into chunks, handed over, with patience for a server that has no room now."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

import msgspec

from appliance.clock import Clock
from appliance.errors import ApplianceError, TransientError
from appliance.ingest.chunks import Chunk, Refused, Taken, chunks
from appliance.ingest.lines import Line

PATIENCE_SECONDS: Final = 60.0
LISTED: Final = 20
"""How many refused lines an outcome lists; all are counted."""


class ImportStopped(ApplianceError):
    """The import could not go on. The message says how far it got; running it again stores nothing twice."""

    code = "import_stopped"


class Source(Protocol):
    """A file to import; ``name`` and ``origin`` as in ``Chunk``."""

    @property
    def name(self) -> str: ...

    @property
    def origin(self) -> str: ...

    def lines(self) -> Iterator[Line]:
        """The file's lines from its beginning; may be called more than once in a strict import."""


@dataclass(slots=True)
class Outcome:
    """What an import did; ``refused`` lists the first lines that were not events, with where they stand."""

    stored: int = 0
    duplicates: int = 0
    rejected: int = 0
    refused: list[tuple[str, Refused]] = field(default_factory=list)

    def add(self, origin: str, taken: Taken) -> None:
        self.stored += taken.accepted
        self.duplicates += taken.duplicates
        self.rejected += len(taken.refused)
        room = max(0, LISTED - len(self.refused))
        self.refused.extend((f"{origin}:{refused.number}", refused) for refused in taken.refused[:room])


@dataclass(slots=True)
class ImportRun:
    """One import. ``take`` hands a chunk to whoever has the log; ``sleep`` waits between two tries."""

    take: Callable[[Chunk], Taken]
    clock: Clock
    sleep: Callable[[float], object]
    patience_seconds: float = PATIENCE_SECONDS

    def run(self, sources: Sequence[Source], *, strict: bool) -> Outcome:
        """Import the sources in order; ``strict`` stores nothing at all when one line is bad.

        Raises ``ImportStopped`` when the log takes no more, or when a file can't be read to its end.
        """
        as_of_us = None
        if strict:
            checked = Outcome()
            as_of_us = self._pass(sources, checked, only_check=True, as_of_us=None)
            if checked.rejected:
                checked.stored = 0
                return checked
        outcome = Outcome()
        self._pass(sources, outcome, only_check=False, as_of_us=as_of_us)
        return outcome

    def _pass(
        self, sources: Sequence[Source], outcome: Outcome, *, only_check: bool, as_of_us: int | None
    ) -> int | None:
        for source in sources:
            last = 0
            try:
                for bare in chunks(source.name, source.origin, source.lines()):
                    chunk = msgspec.structs.replace(bare, only_check=only_check, as_of_us=as_of_us)
                    taken = self._take_patiently(chunk)
                    as_of_us = taken.as_of_us if only_check else as_of_us
                    outcome.add(source.origin, taken)
                    last = chunk.numbers[-1]
            except (ApplianceError, OSError) as fault:
                raise ImportStopped(_story(source, last, outcome, fault, only_check=only_check)) from fault
        return as_of_us

    def _take_patiently(self, chunk: Chunk) -> Taken:
        give_up_at = self.clock.monotonic() + self.patience_seconds
        while True:
            try:
                return self.take(chunk)
            except TransientError as fault:
                if self.clock.monotonic() + fault.retry_after_seconds > give_up_at:
                    raise
                self.sleep(fault.retry_after_seconds)


def _story(source: Source, last: int, outcome: Outcome, fault: Exception, *, only_check: bool) -> str:
    reason = fault.message if isinstance(fault, ApplianceError) else str(fault.strerror or fault)  # type: ignore[attr-defined]
    place = f"{source.origin} after line {last:,}" if last else source.origin
    if only_check or not (outcome.stored or outcome.duplicates or outcome.rejected):
        return f"{place}: {reason.rstrip('.')}. Nothing was stored"
    return (
        f"{place}: {reason.rstrip('.')}. {outcome.stored:,} events were stored; "
        "run the same import again, it stores nothing twice"
    )
