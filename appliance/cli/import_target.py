"""Where an import goes: to a running server, or into a data folder."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from appliance.access.audit import Audit
from appliance.access.principal import OWNER
from appliance.cli.local import Folder
from appliance.cli.remote import Server
from appliance.cli.target import Where, open_target
from appliance.errors import NotFound
from appliance.ingest.chunks import Chunk, Taken
from appliance.ingest.import_run import Receiving
from appliance.ingest.importer import Importer
from appliance.ingest.intake import Decoder
from appliance.ingest.receiver import Receiver
from appliance.store.control import open_store
from appliance.store.import_notes import ImportNotes


@dataclass(frozen=True, slots=True)
class RemoteImport:
    """Into a running server."""

    server: Server

    def begin(self, source: str, origin: str, *, from_start: bool) -> int:
        asked = {"source": source, "origin": origin, "from_start": from_start}
        return int(self.server.ask("POST", "/internal/import/begin", asked)["after"])

    def take(self, chunk: Chunk) -> Taken:
        return self.server.take(chunk)

    def finish(self, source: str) -> None:
        self.server.ask("POST", "/internal/import/finish", {"source": source})


@dataclass(frozen=True, slots=True)
class LocalImport:
    """Into a data folder that no server has open."""

    receiver: Receiver
    audit: Audit

    def begin(self, source: str, origin: str, *, from_start: bool) -> int:
        after = self.receiver.begin(source, from_start=from_start)
        self.audit.record(OWNER, "import", origin, f"goes on after line {after:,}" if after else "")
        return after

    def take(self, chunk: Chunk) -> Taken:
        return self.receiver.take(chunk)

    def finish(self, source: str) -> None:
        self.receiver.finish(source)


@contextmanager
def open_import(where: Where) -> Iterator[Receiving]:
    """The target, made when missing, and closed at the end."""
    with open_target(where, make=True) as target:
        if isinstance(target, Server):
            yield RemoteImport(target)
        elif isinstance(target, Folder):
            with open_store(target.settings.server.data) as store:
                yield LocalImport(_receiver(target, ImportNotes(store, target.clock)), Audit(store, target.clock))
        else:
            raise NotFound


def _receiver(folder: Folder, notes: ImportNotes) -> Receiver:
    decoder = Decoder(folder.settings, folder.clock, folder.log.custom_types)
    return Receiver(Importer(decoder, folder.log, folder.writer), notes)
