"""What an accepted event is inside the appliance: one plain tuple, its fields in the order of ``FIELDS``.

A tuple rather than a class: at a hundred thousand events a second, making an object of a class for
each would cost more than checking it. ``zip(*rows)`` turns rows into the columns that the log stores.
"""

from __future__ import annotations

from typing import Final, NamedTuple


class EventRow(NamedTuple):
    """The fields by name, for readers that want them so; ingest builds the bare tuple."""

    event_id: bytes
    """The UUID's 16 bytes, big-endian; empty where the log shall make a UUIDv7."""
    id_given: bool
    """The sender gave the id (or an ``Idempotency-Key``): it takes part in de-duplication."""
    event_type: str
    user_id: str
    user_key: int
    """xxh3 (64 bits, unsigned) of the user id's UTF-8."""
    session_id: str | None
    campaign_id: str | None
    timestamp_us: int
    received_us: int
    amount: int | None
    """Money in ten-thousandths of ``currency``."""
    currency: str | None
    """ISO 4217, upper case; present exactly when ``amount`` is."""
    bounce_type: str | None
    """``hard`` or ``soft``."""
    link: str | None
    mailbox_provider: str | None
    """``gmail``, ``yahoo``, ``microsoft``, ``apple`` or ``other``."""
    referred_user_id: str | None
    contest_id: str | None
    label: str | None
    """Of opens and clicks: ``human``, ``proxy``, ``machine_prefetch``, ``scanner`` or ``unknown``."""
    label_version: int | None
    """The version of the rules that gave ``label``."""
    source: str
    """How it came in: ``http``, ``import``, ``kafka``, ``demo``; of a replayed event, its first way in."""
    properties: str
    """The JSON object as it was sent, unknown top-level fields of the event merged in."""


FIELDS: Final = EventRow._fields
AMOUNT_SCALE: Final = 10_000

Row = tuple[object, ...]
