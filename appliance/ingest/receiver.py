"""The other end of an import: chunks are stored, and how far a source got is noted."""

from __future__ import annotations

from dataclasses import dataclass

from appliance.ingest.chunks import Chunk, Taken
from appliance.ingest.importer import Importer
from appliance.store.import_notes import ImportNotes


@dataclass(frozen=True, slots=True)
class Receiver:
    """Stores what an import sends. ``source`` is a digest of the file and of how it is read; empty: can't be resumed.

    The note names the line *before* the last durable chunk, so that whoever resumes sends that chunk again and sees
    whether the log has it. A note belongs to one log: what another one has stored says nothing about this one.
    """

    importer: Importer
    notes: ImportNotes

    def begin(self, source: str, *, from_start: bool) -> int:
        """The line after which to go on; 0: from the beginning."""
        if not source:
            return 0
        if from_start:
            self.notes.forget(self._key(source))
        return self.notes.line(self._key(source))

    def take(self, chunk: Chunk) -> Taken:
        """As ``Importer.take``; noted when it is durable."""
        taken = self.importer.take(chunk)
        before = chunk.numbers[0] - 1 if chunk.numbers else 0
        if chunk.source and before and not chunk.only_check:
            self.notes.reached(self._key(chunk.source), before)
        return taken

    def finish(self, source: str) -> None:
        """Everything of the source is durable."""
        if source:
            self.notes.forget(self._key(source))

    def _key(self, source: str) -> str:
        return f"{self.importer.log.tail().identity}:{source}"
