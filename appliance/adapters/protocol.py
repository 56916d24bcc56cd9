"""A mirror's contract: every implementation passes ``tests/integration/mirror_conformance.py``.

A mirror copies the log's events, or what is counted from them, into another system. Its runner (``runner.py``) owns
the thread, reading, batching, retries, lag and orders such as pause; a mirror only says how its target is written to.

    MirrorError                  the target could not do what it was asked
    ├── Unreachable              transient: no answer, a time-out, full, read-only, throttled; tried again with back-off
    ├── CursorMoved              transient: the target's cursor is not where it was left; it is read anew
    ├── Misconfigured            terminal as things are configured here or there: login, version, shape of a table
    └── BatchRefused             something in the batch is refused for good, and the target doesn't say what
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import pyarrow as pa

from appliance.clock import Clock
from appliance.errors import ApplianceError, TransientError
from appliance.log.position import Position


class MirrorError(ApplianceError):
    """The mirror's target could not do what it was asked.

    The message is shown to operators, in ``/ready`` also: what happened, in words, and what to do. Known secrets are
    struck out of it, but it is better not to put them in.
    """

    code = "mirror_failed"


class Unreachable(MirrorError, TransientError):
    """The target can't be reached, or can't take anything now. It is tried again by itself."""

    code = "mirror_unreachable"


class CursorMoved(MirrorError, TransientError):
    """Somebody else moved or removed the mirror's cursor. It is read anew: see that one appliance alone writes here."""

    code = "mirror_cursor_moved"


class Misconfigured(MirrorError):
    """The target refuses until its configuration or this one's changes. Tried again once a minute, as it may change."""

    code = "mirror_misconfigured"


class BatchRefused(MirrorError):
    """The target refuses something in the batch for good without saying which event; nothing of it was applied.

    The runner then writes the halves, down to the one event that is refused. The message is the reason that its
    dead letter shows.
    """

    code = "mirror_batch_refused"


@dataclass(frozen=True, slots=True)
class MirrorBatch:
    """Events that follow one another in the log, and the cursor before and after them."""

    events: pa.Table
    """The columns of the log's table ``events``, in order of ``seq``; may have no rows, and then only the cursor moves.

    ``timestamp`` and ``received_at`` are UTC without a zone, ``event_id`` is Arrow's uuid, ``amount`` decimal(18, 4),
    ``properties`` the text of a JSON object. Every event comes after ``after``, and none after ``position``.
    """
    after: Position | None
    """Where the target's cursor stands; ``None`` where it has none."""
    position: Position
    """Where it stands once the batch is written."""


@dataclass(frozen=True, slots=True)
class RefusedEvent:
    """An event that the target refuses for good."""

    event_id: str
    """The UUID as text."""
    seq: int
    reason: str
    """In words, without the event's contents."""


Refuse = Callable[[Sequence[RefusedEvent]], None]
"""Writes refused events down as the mirror's dead letters; durable when it returns. The same one twice is kept once."""

Figure = int | float | None


class Mirror(Protocol):
    """A target that mirrors the log.

    Made, called and closed in one thread, the runner's, so that client libraries may be imported there and need no
    locks. Every call may block, yet each must end by itself: connect and read with time-outs (about 5 s and 30 s), so
    that a target that hangs shows as ``Unreachable``. What isn't a ``MirrorError`` counts as transient too, and is
    logged as a fault of the appliance. After any error the runner closes the mirror and makes a new one, and reads the
    cursor anew before it writes: what the client believed before needn't be true any more.
    """

    name: str
    """The part's name in ``/ready``, metrics and commands: ``redis``, ``elasticsearch``, ``postgresql``."""

    history_us: int | None
    """How far back a mirror without a cursor begins, by event time; ``None``: with the first event of the log."""

    def setup(self) -> None:
        """Connect where need be, and make what is missing: tables, templates, scripts. Idempotent; changes no events.

        Raises ``Unreachable`` or ``Misconfigured``.
        """

    def cursor(self) -> Position | None:
        """The position up to which the target holds everything, read from where the effects are; ``None``: nothing."""

    def write(self, batch: MirrorBatch, refuse: Refuse) -> None:
        """Apply the batch and move the cursor from ``batch.after`` to ``batch.position``: both, or neither.

        Where the cursor is at ``batch.position`` already, an earlier call has done it: nothing happens. Where it is
        anywhere else than at ``batch.after``, raises ``CursorMoved``, and nothing happens either. Events that the
        target refuses for good are handed to ``refuse`` before the cursor moves, and the rest is applied; where the
        target doesn't tell which they are, raise ``BatchRefused``. When an error is raised the outcome may be unknown
        (the connection broke after the commit): to write the same batch again must be harmless. A target whose
        effects are idempotent by event id may keep the cursor elsewhere and move it after the effects.
        """

    def erase(self, user_id: str) -> int:
        """Remove everything that belongs to a person; returns how many things went. Idempotent; the cursor stays.

        Events of others that name the person as ``referred_user_id``, lifted or inside of ``properties``, stay and
        lose that name; they don't count as gone. When it returns, a reader of the target finds nothing any more.
        """

    def reset(self) -> None:
        """Forget the cursor and all effects of this mirror, and nothing that isn't its own. Idempotent.

        The cursor goes first, or with the effects: what an interrupted reset left must never pass for complete.
        """

    def expire(self, before_us: int) -> int:
        """Remove what happened before ``before_us``, where that is this mirror's business; returns how many things."""

    def health(self) -> None:
        """Ask for a sign of life, cheaply; raises ``Unreachable`` or ``Misconfigured``."""

    def close(self) -> None:
        """Let go of connections. Idempotent; never raises."""


@runtime_checkable
class FigureSink(Protocol):
    """What a mirror may have besides: a place for current figures and alerts. Called in the runner's thread."""

    def publish(self, figures: Mapping[str, Figure]) -> None:
        """Make these the current values; one that is ``None`` has no data now. At most once a second."""

    def publish_alert(self, alert: Mapping[str, Any]) -> None:
        """Show an alert that was evaluated: ``rule``, ``labels``, ``state``, ``value`` and so on, as the API does."""


class CursorKeeper(Protocol):
    """Keeps the cursor of a mirror whose target can't move it together with the effects. Durable, blocks."""

    def get(self) -> Position | None:
        """The cursor that was put last."""

    def put(self, position: Position | None) -> None:
        """Keep a cursor, or forget it."""


@dataclass(frozen=True, slots=True)
class MirrorContext:
    """What a mirror gets besides its own section of the settings."""

    clock: Clock
    kept_cursor: CursorKeeper
    """For a mirror whose effects are idempotent by event id, and for no other."""
    retention_days: int = 0
    """``log.retention_days``; 0 = for ever."""


class MirrorFactory(Protocol):
    """How mirrors are made: ``RedisMirror(settings.redis, context)``. Cheap: connecting belongs to ``setup``."""

    def __call__(self, settings: Any, context: MirrorContext, /) -> Mirror: ...
