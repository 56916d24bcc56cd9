"""Writing a batch of which the target refuses something without saying what."""

from __future__ import annotations

from collections.abc import Iterator

from appliance.adapters.protocol import BatchRefused, Mirror, MirrorBatch, Refuse, RefusedEvent
from appliance.log.position import Position


def deliver(mirror: Mirror, batch: MirrorBatch, refuse: Refuse) -> None:
    """Write the batch; where it is refused as a whole, its halves, and in the end the one event is left out.

    Raises what ``Mirror.write`` raises, but ``BatchRefused`` only for a batch without events. Whatever was written
    before an error stays, and the target's cursor tells how much.
    """
    try:
        mirror.write(batch, refuse)
    except BatchRefused as fault:
        if not len(batch.events):
            raise
        if len(batch.events) == 1:
            _leave_out(mirror, batch, fault.message, refuse)
            return
        for half in _halves(batch):
            deliver(mirror, half, refuse)


def _leave_out(mirror: Mirror, batch: MirrorBatch, reason: str, refuse: Refuse) -> None:
    (event,) = batch.events.select(["event_id", "seq"]).to_pylist()
    refuse([RefusedEvent(str(event["event_id"]), event["seq"], reason)])
    mirror.write(MirrorBatch(batch.events.slice(0, 0), batch.after, batch.position), refuse)


def _halves(batch: MirrorBatch) -> Iterator[MirrorBatch]:
    first = batch.events.slice(0, len(batch.events) // 2)
    middle = Position(batch.position.identity, first.column("seq")[-1].as_py())
    yield MirrorBatch(first, batch.after, middle)
    yield MirrorBatch(batch.events.slice(len(first)), middle, batch.position)
