"""A whole import: files read, cut into chunks, handed over, with patience for a server that has no room now."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol, TypeVar

import msgspec

from appliance.clock import Clock
from appliance.errors import ApplianceError, TransientError
from appliance.ingest.chunks import Chunk, Refused, Taken, chunks
from appliance.ingest.lines import Line

T = TypeVar("T")

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

    def lines(self, after: int = 0) -> Iterator[Line]:
        """The file's lines that follow the line ``after``.

        Called more than once where there is a digest, and in a strict import.
        """

    def digest(self) -> str:
        """The same for the same content read in the same way; empty where the file can be read only once."""


class Receiving(Protocol):
    """Whoever has the log: ``appliance.ingest.receiver.Receiver``, here or behind a server."""

    def begin(self, source: str, origin: str, *, from_start: bool) -> int:
        """The line after which to go on."""

    def take(self, chunk: Chunk) -> Taken:
        """Store a chunk."""

    def finish(self, source: str) -> None:
        """All of the source is stored."""


@dataclass(slots=True)
class Outcome:
    """What an import did; ``refused`` lists the first lines that were not events, with where they stand."""

    stored: int = 0
    duplicates: int = 0
    rejected: int = 0
    refused: list[tuple[str, Refused]] = field(default_factory=list)
    resumed: dict[str, int] = field(default_factory=dict)
    """Files of which an earlier run had stored a part, and the line after which this one went on."""

    def add(self, origin: str, taken: Taken) -> None:
        self.stored += taken.accepted
        self.duplicates += taken.duplicates
        self.rejected += len(taken.refused)
        room = max(0, LISTED - len(self.refused))
        self.refused.extend((f"{origin}:{refused.number}", refused) for refused in taken.refused[:room])


@dataclass(slots=True)
class ImportRun:
    """One import into ``receiver``; ``sleep`` waits between two tries.

    ``from_start`` reads files from their beginning even where an earlier run had stored a part. ``on_resume`` is told
    where one isn't: the file and the line after which it goes on.
    """

    receiver: Receiving
    clock: Clock
    sleep: Callable[[float], object]
    from_start: bool = False
    on_resume: Callable[[str, int], object] = lambda _origin, _line: None
    patience_seconds: float = PATIENCE_SECONDS

    def run(self, sources: Sequence[Source], *, strict: bool) -> Outcome:
        """Import the sources in order; ``strict`` stores nothing at all when one line is bad.

        Raises ``ImportStopped`` when the log takes no more, or when a file can't be read to its end.
        """
        as_of_us = None
        if strict:
            checked = Outcome()
            for source in sources:
                as_of_us = self._check(source, checked, as_of_us)
            if checked.rejected:
                checked.stored = 0
                return checked
        outcome = Outcome()
        for source in sources:
            self._store(source, outcome, as_of_us)
        return outcome

    def _check(self, source: Source, outcome: Outcome, as_of_us: int | None) -> int | None:
        with _Explained(source, outcome, only_check=True) as place:
            for bare in chunks(source.name, source.origin, source.lines()):
                chunk = msgspec.structs.replace(bare, only_check=True, as_of_us=as_of_us)
                taken = self._patiently(lambda chunk=chunk: self.receiver.take(chunk))  # type: ignore[misc]
                as_of_us = taken.as_of_us
                outcome.add(source.origin, taken)
                place.line = chunk.numbers[-1]
        return as_of_us

    def _store(self, source: Source, outcome: Outcome, as_of_us: int | None) -> None:
        with _Explained(source, outcome) as place:
            digest = source.digest()
            after = self._patiently(
                lambda: self.receiver.begin(digest, source.origin, from_start=self.from_start),
            )
            if after:
                self.on_resume(source.origin, after)
                outcome.resumed[source.origin] = place.line = after
            if not self._send(source, digest, after, outcome, as_of_us, place):
                # the log has lost what it had when the note was written, such as when it was put back to a backup
                del outcome.resumed[source.origin]
                self._send(source, digest, 0, outcome, as_of_us, place)
            self._patiently(lambda: self.receiver.finish(digest))

    def _send(
        self, source: Source, digest: str, after: int, outcome: Outcome, as_of_us: int | None, place: _Explained
    ) -> bool:
        """Send what stands after a line. ``False`` as soon as the first chunk shows that what is before it is missing.

        That chunk was stored before, so every event in it must be known.
        """
        may_be_missing = after > 0
        for bare in chunks(source.name, source.origin, source.lines(after)):
            chunk = msgspec.structs.replace(bare, as_of_us=as_of_us, source=digest)
            taken = self._patiently(lambda chunk=chunk: self.receiver.take(chunk))  # type: ignore[misc]
            outcome.add(source.origin, taken)
            place.line = chunk.numbers[-1]
            if may_be_missing and taken.accepted:
                return False
            may_be_missing = False
        return True

    def _patiently(self, call: Callable[[], T]) -> T:
        give_up_at = self.clock.monotonic() + self.patience_seconds
        while True:
            try:
                return call()
            except TransientError as fault:
                if self.clock.monotonic() + fault.retry_after_seconds > give_up_at:
                    raise
                self.sleep(fault.retry_after_seconds)


class _Explained:
    """Around the work on a source: what goes wrong becomes ``ImportStopped`` with the line it got to."""

    def __init__(self, source: Source, outcome: Outcome, *, only_check: bool = False) -> None:
        self._source = source
        self._outcome = outcome
        self._only_check = only_check
        self.line = 0

    def __enter__(self) -> _Explained:
        return self

    def __exit__(self, kind: object, fault: BaseException | None, traceback: object) -> None:
        if isinstance(fault, ApplianceError | OSError):
            raise ImportStopped(self._story(fault)) from fault

    def _story(self, fault: ApplianceError | OSError) -> str:
        reason = fault.message if isinstance(fault, ApplianceError) else str(fault.strerror or fault)
        place = f"{self._source.origin} after line {self.line:,}" if self.line else self._source.origin
        outcome = self._outcome
        if self._only_check or not (outcome.stored or outcome.duplicates or outcome.rejected):
            return f"{place}: {reason.rstrip('.')}. Nothing was stored"
        return (
            f"{place}: {reason.rstrip('.')}. {outcome.stored:,} events were stored; "
            "run the same import again, it stores nothing twice"
        )
