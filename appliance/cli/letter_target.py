"""Where the dead letters are that a command works on: behind a running server, or in a data folder."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import quote, urlencode

import msgspec

from appliance.access.audit import Audit
from appliance.access.principal import OWNER
from appliance.api.arguments import instant
from appliance.cli.local import Folder
from appliance.cli.remote import Server
from appliance.cli.target import Where, open_target
from appliance.errors import NotFound
from appliance.ingest.dead_letter_list import MOST_LISTED, Filter, list_letters, parse_id, show_letter
from appliance.ingest.intake import Decoder
from appliance.ingest.replay import Replayer
from appliance.ingest.replay_request import ReplayRequest, answer_of
from appliance.store.control import open_store

DISCARDED_AT_ONCE = 1_000


class LetterTarget(Protocol):
    """Dead letters as the API shows them, wherever they are. Every call blocks and may raise any ``ApplianceError``."""

    def list(self, arguments: Mapping[str, str]) -> dict[str, Any]:
        """As ``GET /v1/dead-letters``."""

    def show(self, letter_id: str) -> dict[str, Any]:
        """As ``GET /v1/dead-letters/{id}``."""

    def replay(self, wanted: Mapping[str, Any]) -> dict[str, Any]:
        """As ``POST /v1/dead-letters/replay``; where nothing was accepted, the answer is of the same shape."""

    def discard(self, ids: Sequence[str], on_done: Callable[[int], object]) -> int:
        """Discard letters; returns how many were there. ``on_done`` is told how many have been gone through."""


@dataclass(frozen=True, slots=True)
class RemoteLetters:
    """Those of a running server."""

    server: Server

    def list(self, arguments: Mapping[str, str]) -> dict[str, Any]:
        return self.server.ask("GET", f"/v1/dead-letters?{urlencode(arguments)}")

    def show(self, letter_id: str) -> dict[str, Any]:
        return self.server.ask("GET", f"/v1/dead-letters/{quote(letter_id, safe='')}")

    def replay(self, wanted: Mapping[str, Any]) -> dict[str, Any]:
        return self.server.replay(wanted)

    def discard(self, ids: Sequence[str], on_done: Callable[[int], object]) -> int:
        discarded = 0
        for done, letter_id in enumerate(ids, start=1):
            discarded += self.server.has_deleted(f"/v1/dead-letters/{quote(letter_id, safe='')}")
            on_done(done)
        return discarded


@dataclass(frozen=True, slots=True)
class LocalLetters:
    """Those of a data folder that no server has open."""

    folder: Folder

    def list(self, arguments: Mapping[str, str]) -> dict[str, Any]:
        wanted = Filter(
            arguments.get("source"), arguments.get("code"), instant(arguments, "from"), instant(arguments, "to")
        )
        limit = int(arguments.get("limit", MOST_LISTED))
        with self.folder.log.reader() as cursor:
            listed = list_letters(cursor, wanted, limit=limit, before=arguments.get("before"))
        return listed | {"dropped": self.folder.log.dead_letters.stock.dropped}

    def show(self, letter_id: str) -> dict[str, Any]:
        with self.folder.log.reader() as cursor:
            return show_letter(cursor, letter_id)

    def replay(self, wanted: Mapping[str, Any]) -> dict[str, Any]:
        folder = self.folder
        letters = msgspec.json.decode(msgspec.json.encode(wanted), type=ReplayRequest).wanted()
        decoder = Decoder(folder.settings, folder.clock, folder.log.custom_types)
        outcome = Replayer(decoder, folder.log, folder.writer).replay(letters)
        self._record("dead_letters.replay", [letter.id for letter in letters], outcome.words())
        _, answer = answer_of(outcome)
        return {"accepted": outcome.accepted, "duplicates": outcome.duplicates, "rejected": answer["rejected"]}

    def discard(self, ids: Sequence[str], on_done: Callable[[int], object]) -> int:
        discarded = 0
        for begin in range(0, len(ids), DISCARDED_AT_ONCE):
            some = ids[begin : begin + DISCARDED_AT_ONCE]
            parsed = [found.bytes for found in map(parse_id, some) if found is not None]
            discarded += self.folder.writer.call(lambda parsed=parsed: self._discard(parsed)).result()  # type: ignore[misc]
            on_done(begin + len(some))
        if discarded:
            self._record("dead_letters.discard", ids, f"{discarded} discarded")
        return discarded

    def _discard(self, ids: Sequence[bytes]) -> int:
        return self.folder.log.dead_letters.discard(ids) if ids else 0

    def _record(self, action: str, ids: Sequence[str], detail: str) -> None:
        subject = ids[0] if len(ids) == 1 else f"{len(ids)} letters"
        with open_store(self.folder.settings.server.data) as store:
            Audit(store, self.folder.clock).record(OWNER, action, subject, detail)


@contextmanager
def open_letters(where: Where) -> Iterator[LetterTarget]:
    """The dead letters of the target, closed at the end."""
    with open_target(where) as target:
        if isinstance(target, Server):
            yield RemoteLetters(target)
        elif isinstance(target, Folder):
            yield LocalLetters(target)
        else:
            raise NotFound
