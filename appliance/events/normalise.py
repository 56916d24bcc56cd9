"""From a parsed event to the row that is stored: the rules of the event schema, applied in one place."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

import msgspec
import xxhash

from appliance.clock import iso
from appliance.events.custom_types import MOST_CUSTOM_TYPES, CustomTypes
from appliance.events.keys import event_uuid
from appliance.events.money import AMOUNT_FIELDS, float_loses
from appliance.events.parsed import ParsedEvent
from appliance.events.processors import PROCESSORS, Processor, lift_custom
from appliance.events.rejection import Rejection
from appliance.events.row import Row
from appliance.events.timestamps import instant_us
from appliance.events.types import TYPE_PATTERN

MAX_ID_LENGTH: Final = 200


@dataclass(slots=True)
class Intake:
    """What the rules depend on besides the event: when and how it came in."""

    received_us: int
    source: str
    base_currency: str
    oldest_us: int | None
    """Events before this instant are refused: the log's retention; ``None`` keeps all."""
    latest_us: int
    """Events after this instant are refused: the clock plus the tolerated lead."""
    restore_received: bool = False
    """Take ``received_at`` from the event, as an import of the appliance's own export does."""
    custom_types: CustomTypes | None = None
    """Which custom types the log can take; ``None``: any."""


def normalise(event: ParsedEvent, intake: Intake, derived_id: bytes | None = None) -> Row:
    """The row to store, its fields in the order of ``EventRow``.

    ``derived_id`` is the UUID for an event without an id of its own. Raises ``Rejection``.
    """
    event_type, user_id, timestamp, session_id, campaign_id, event_id, received_at, properties, text = event
    processor = PROCESSORS.get(event_type) if type(event_type) is str else None
    if processor is None:
        processor = _custom_processor(event_type)
    if type(user_id) is not str or not user_id or len(user_id) > MAX_ID_LENGTH or user_id.isspace():
        user_id = _user_id(user_id)
    timestamp_us = intake.received_us if timestamp is None else _timestamp(timestamp, intake)
    if session_id is not None:
        session_id = _optional_id("session_id", session_id)
    if campaign_id is not None:
        campaign_id = _optional_id("campaign_id", campaign_id)
    event_id = derived_id if event_id is None else _event_id(event_id) or derived_id
    if event_type == "conversion" or processor is lift_custom:
        properties = _with_exact_money(properties, text)
    received_us = intake.received_us
    if received_at is not None and intake.restore_received:
        received_us = _instant("received_at", received_at)
    if processor is lift_custom and intake.custom_types is not None:
        # last of all: what is refused for another reason takes no type
        _admit(event_type, intake.custom_types)
    return (
        event_id or b"",
        event_id is not None,
        event_type,
        user_id,
        xxhash.xxh3_64_intdigest(user_id.encode()),
        session_id,
        campaign_id,
        timestamp_us,
        received_us,
        *processor(properties, user_id, intake.base_currency),
        intake.source,
        text,
    )


def _custom_processor(event_type: object) -> Processor:
    if type(event_type) is not str or not TYPE_PATTERN.fullmatch(event_type):
        raise _bad_type(event_type)
    return lift_custom


def _admit(event_type: str, custom_types: CustomTypes) -> None:
    if not custom_types.admit(event_type):
        raise Rejection(
            "bad_event_type",
            "event_type",
            f"the log has {MOST_CUSTOM_TYPES:,} custom types and takes no more: use one of them, and put what varies "
            "into properties",
        )


def _bad_type(value: object) -> Rejection:
    if value is None:
        return Rejection("missing_field", "event_type", "name the type of the event")
    if type(value) is not str:
        return Rejection("wrong_type", "event_type", "send text")
    return Rejection(
        "bad_event_type", "event_type", "use 1 to 64 of a-z 0-9 _ . : - beginning with a letter, in lower case"
    )


def _user_id(value: object) -> str:
    if type(value) is int:
        value = _integer_text("user_id", value)
    if value is None:
        raise Rejection("missing_field", "user_id", "say whose event it is")
    if type(value) is not str:
        raise Rejection("wrong_type", "user_id", "send text or an integer")
    if not value or value.isspace():
        raise Rejection("missing_field", "user_id", "a user id of blanks names nobody")
    if len(value) > MAX_ID_LENGTH:
        raise Rejection("too_long", "user_id", f"send at most {MAX_ID_LENGTH} characters")
    return value


def _optional_id(field: str, value: object) -> str | None:
    """Text of an optional field; blank text is as good as none."""
    if type(value) is int:
        value = _integer_text(field, value)
    if type(value) is not str:
        raise Rejection("wrong_type", field, "send text or an integer, or leave it out")
    if not value or value.isspace():
        return None
    if len(value) > MAX_ID_LENGTH:
        raise Rejection("too_long", field, f"send at most {MAX_ID_LENGTH} characters")
    return value


def _event_id(value: object) -> bytes | None:
    if type(value) is not str and type(value) is not int:
        raise Rejection("bad_event_id", "event_id", "send a UUID, other text or an integer, or leave it out")
    text = _optional_id("event_id", value)
    return None if text is None else event_uuid(text)


def _integer_text(field: str, value: int) -> str:
    # Python refuses to write very long integers out; none that long is an id
    if value.bit_length() > 4 * MAX_ID_LENGTH:
        raise Rejection("too_long", field, f"send at most {MAX_ID_LENGTH} characters")
    return str(value)


def _timestamp(value: object, intake: Intake) -> int:
    if type(value) is str and (not value or value.isspace()):
        return intake.received_us
    found = _instant("timestamp", value)
    if found > intake.latest_us:
        raise Rejection("timestamp_in_future", "timestamp", f"send a time not after {iso(intake.latest_us)}")
    if intake.oldest_us is not None and found < intake.oldest_us:
        raise Rejection("timestamp_too_old", "timestamp", f"events before {iso(intake.oldest_us)} are not kept")
    return found


def _instant(field: str, value: object) -> int:
    try:
        return instant_us(value)
    except (ValueError, OverflowError) as fault:
        raise Rejection(
            "bad_timestamp", field, "send ISO 8601 such as 2026-01-31T12:00:00Z, or Unix seconds or milliseconds"
        ) from fault


def _with_exact_money(properties: dict[str, Any], text: str) -> dict[str, Any]:
    """The properties; an amount of which a float may have lost something is read anew as a decimal."""
    for name in AMOUNT_FIELDS:
        amount = properties.get(name)
        if type(amount) is float and float_loses(amount):
            return properties | {name: getattr(_AMOUNT_DECODERS[name].decode(text), name)}
        if amount is not None and (type(amount) is not str or amount.strip()):
            break
    return properties


_AMOUNT_DECODERS: Final = {
    name: msgspec.json.Decoder(msgspec.defstruct("Amount", [(name, Decimal)])) for name in AMOUNT_FIELDS
}
