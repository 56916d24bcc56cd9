"""Where a partition is read from, given what this log and Kafka say of it.

The log is the truth of what it holds. What is committed in Kafka only tells what *another* log of the same group has
taken meanwhile: each commit carries the id of the log that made it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

from appliance.log.protocol import Offset

Remark = Literal["", "expired", "made_anew", "cut_off"]
"""``expired``: Kafka has let messages go that were not read. ``made_anew``: this is another topic of the same name.
``cut_off``: the partition's end lies before what was read, as after an unclean election of a leader."""


class Committed(NamedTuple):
    """What Kafka keeps for the group."""

    next: int
    by: str
    """Its metadata: the id of the log that committed it, when that was an appliance."""


@dataclass(frozen=True, slots=True)
class Range:
    """What Kafka has of a partition: the first offset that is there, the one that follows the last, the topic's id."""

    first: int
    end: int
    topic_id: str = ""


@dataclass(frozen=True, slots=True)
class Start:
    """The place to read from; ``missed`` offsets before it are in no log of the group and not in Kafka any more."""

    at: Offset
    remark: Remark = ""
    missed: int = 0


def start(stored: Offset | None, committed: Committed | None, there: Range, own_id: str) -> Start:
    """Where to begin."""
    if stored is not None and _is_other_topic(stored, there):
        others = committed is not None and committed.by != own_id and there.first <= committed.next <= there.end
        first = committed.next if committed is not None and others else there.first
        return Start(Offset(first, there.topic_id, stored.incarnation + 1), "made_anew")
    wanted = _wanted(stored, committed, own_id)
    incarnation = 0 if stored is None else stored.incarnation
    if wanted is None:
        return Start(Offset(there.first, there.topic_id, incarnation))
    if wanted < there.first:
        return Start(Offset(there.first, there.topic_id, incarnation), "expired", there.first - wanted)
    if wanted > there.end:
        # the offsets behind the end will be given to other messages
        return Start(Offset(there.end, there.topic_id, incarnation + 1), "cut_off")
    return Start(Offset(wanted, there.topic_id, incarnation))


def _wanted(stored: Offset | None, committed: Committed | None, own_id: str) -> int | None:
    """The offset that neither misses nor doubles anything; ``None``: the first there is."""
    if committed is None or committed.by == own_id:
        # a log that was put back to a backup reads again what it has lost, even where it had nothing yet
        return None if stored is None else stored.next
    return committed.next if stored is None else max(stored.next, committed.next)


def _is_other_topic(stored: Offset, there: Range) -> bool:
    if stored.topic_id and there.topic_id:
        return stored.topic_id != there.topic_id
    return stored.next > there.end  # brokers before 2.8 have no ids of topics
