"""Writing documents in bulk requests, each item of the answer looked at."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from typing import Final

import msgspec

from appliance.adapters.backoff import Backoff
from appliance.adapters.elasticsearch_connection import Answer, Connection
from appliance.adapters.elasticsearch_documents import Document
from appliance.adapters.elasticsearch_errors import Fault, fault_in, meaning, refusal
from appliance.adapters.protocol import MirrorError, Misconfigured, RefusedEvent, Unreachable

MOST_BYTES: Final = 8 * 1024 * 1024
"""Of a request's body, unless one document alone is larger."""
_TRIES: Final = 5
_FIRST_WAIT_SECONDS: Final = 0.2
_LONGEST_WAIT_SECONDS: Final = 2.0
_TOO_LARGE: Final = 413
_BUSY: Final = 429
# an answer before the connection's own time-out says more; of an item that succeeded only the status is told
_PATH: Final = "/_bulk?timeout=20s&refresh=false&filter_path=errors,items.*.status,items.*.error"
_REFRESHED_PATH: Final = _PATH.replace("refresh=false", "refresh=true")


class _Outcome(msgspec.Struct):
    status: int
    error: Fault | None = None


class _Items(msgspec.Struct):
    items: list[dict[str, _Outcome]]
    errors: bool


class Bulk:
    """One batch of documents on its way; a new one for each."""

    def __init__(
        self, connection: Connection, *, refresh: bool = False, pause: Callable[[float], None] = time.sleep
    ) -> None:
        self._connection = connection
        self._path = _REFRESHED_PATH if refresh else _PATH
        self._pause = pause
        self._most_bytes = MOST_BYTES
        self._refused: list[RefusedEvent] = []
        self._reason: MirrorError = Unreachable()

    def write(self, documents: Sequence[Document]) -> list[RefusedEvent]:
        """Write all that it takes; returns those that it refuses for good, when every other one is there.

        Items that it can't take now are sent again by themselves, a few times; then ``Unreachable`` is raised.
        One that is there in another version already (409) counts as written.
        """
        waits = Backoff(_FIRST_WAIT_SECONDS, _LONGEST_WAIT_SECONDS)
        waiting = list(documents)
        while waiting := self._send_all(waiting, len(waiting), waits):
            if waits.failures >= _TRIES:
                raise self._reason
            self._pause(waits.failed())
        return self._refused

    def _send_all(self, documents: Sequence[Document], before: int, waits: Backoff) -> list[Document]:
        """What has to be sent again."""
        again: list[Document] = []
        for piece in self._pieces(documents):
            again += self._send(piece)
        if len(again) < before:
            waits.succeeded()
        return again

    def _pieces(self, documents: Sequence[Document]) -> Iterator[Sequence[Document]]:
        start = size = 0
        for at, document in enumerate(documents):
            if at > start and size + len(document.lines) > self._most_bytes:
                yield documents[start:at]
                start, size = at, 0
            size += len(document.lines)
        if len(documents) > start:
            yield documents[start:]

    def _send(self, piece: Sequence[Document]) -> Sequence[Document]:
        body = b"".join([document.lines for document in piece])
        answer = self._connection.ask("POST", self._path, body, also=(_TOO_LARGE, _BUSY))
        if answer.status == _TOO_LARGE:
            return self._halve(piece, len(body))
        if answer.status == _BUSY:
            self._most_bytes = max(len(body) // 2, 1)
            self._reason = meaning(_BUSY, fault_in(answer.body))
            return piece
        outcomes = _outcomes(answer, len(piece))
        if outcomes is None:
            return ()
        return [
            document for document, outcome in zip(piece, outcomes, strict=True) if self._is_waiting(document, outcome)
        ]

    def _halve(self, piece: Sequence[Document], size: int) -> Sequence[Document]:
        if len(piece) == 1:
            self._refuse(piece[0], "larger than a request may be there")
            return ()
        self._most_bytes = size // 2
        return [document for half in self._pieces(piece) for document in self._send(half)]

    def _is_waiting(self, document: Document, outcome: _Outcome) -> bool:
        """Whether a document has to be sent again; raises what no sending again can mend."""
        if outcome.error is None or outcome.status == 409:
            return False
        reason = refusal(outcome.status, outcome.error)
        if reason is not None:
            self._refuse(document, reason)
            return False
        self._reason = meaning(outcome.status, outcome.error)
        if isinstance(self._reason, Misconfigured):
            raise self._reason
        return True

    def _refuse(self, document: Document, reason: str) -> None:
        self._refused.append(RefusedEvent(document.event_id, document.seq, f"Elasticsearch refuses it: {reason}"))


def _outcomes(answer: Answer, count: int) -> list[_Outcome] | None:
    """What became of each document, ``None`` where all were taken."""
    items = answer.read(_Items)
    if len(items.items) != count or any(len(item) != 1 for item in items.items):
        raise Unreachable("it answers for other documents than it was sent")
    outcomes = [outcome for item in items.items for outcome in item.values()]
    return outcomes if items.errors or any(outcome.status >= 300 for outcome in outcomes) else None
