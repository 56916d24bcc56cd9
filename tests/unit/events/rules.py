"""The rules of the contract for each field of an event, one after the other, and what they come to."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from decimal import ROUND_HALF_EVEN, Context, Decimal, InvalidOperation
from typing import Any, Final, NamedTuple
from uuid import NAMESPACE_URL, UUID, uuid5

from appliance.config.currencies import CURRENCIES
from tests.unit.events.plain_json import Number
from tests.unit.events.plain_time import reads_as

MONEY_LIMIT: Final = Decimal(10) ** 14


class Fault(NamedTuple):
    """A code of the contract and the dotted path of the field; ``None`` for the event as a whole."""

    code: str
    field: str | None


@dataclass(frozen=True)
class Terms:
    """What the rules depend on besides the body."""

    now_us: int
    oldest_us: int | None
    latest_us: int
    max_events: int = 50_000
    base_currency: str = "USD"


@dataclass
class Verdict:
    """What the contract says of one event.

    With any of ``faults`` it must be rejected, for one of them. ``free`` are rejections where the contract
    leaves a choice. ``accepted`` holds the fields by the names of ``EventRow``, the timestamp as the
    range that a microsecond may be rounded in.
    """

    faults: set[Fault] = field(default_factory=set)
    free: set[Fault] = field(default_factory=set)
    accepted: dict[str, Any] = field(default_factory=dict)

    def fault(self, code: str, name: str | None) -> None:
        self.faults.add(Fault(code, name))


def read_fields(event: dict[str, Any], properties: dict[str, Any], terms: Terms, verdict: Verdict) -> None:
    kept = verdict.accepted
    kept["event_type"] = _event_type(event.get("event_type"), verdict)
    kept["user_id"] = _text("user_id", event.get("user_id"), verdict, required=True)
    kept["session_id"] = _text("session_id", event.get("session_id"), verdict)
    kept["campaign_id"] = _text("campaign_id", event.get("campaign_id"), verdict)
    kept["event_id"] = _event_id(event.get("event_id"), verdict)
    kept["timestamp_us"] = _timestamp(event.get("timestamp"), terms, verdict)
    if kept["event_type"] == "conversion":
        kept["amount"], kept["currency"] = _money(properties, terms, verdict)


def is_missing(value: Any) -> bool:
    """``null`` or a blank text in an optional field equals missing."""
    return value is None or (isinstance(value, str) and not value.strip())


def _event_type(value: Any, verdict: Verdict) -> Any:
    if value is None:
        verdict.fault("missing_field", "event_type")
    elif not isinstance(value, str):
        verdict.fault("wrong_type", "event_type")
    elif not re.fullmatch("[a-z][a-z0-9_.:-]{0,63}", value):
        verdict.fault("bad_event_type", "event_type")
    return value


def _text(name: str, value: Any, verdict: Verdict, *, required: bool = False) -> str | None:
    """Text, or an integer, which becomes its decimal text; 1 to 200 characters, untrimmed."""
    if is_missing(value):
        if required:
            verdict.fault("missing_field", name)
        return None
    if isinstance(value, Number) and value.is_integer():
        value = "0" if value.text == "-0" else value.text
    if not isinstance(value, str):
        verdict.fault("wrong_type", name)
        return None
    if len(value) > 200:
        verdict.fault("too_long", name)
    return value


def _event_id(value: Any, verdict: Verdict) -> bytes | None:
    """A UUID in any letter case, or text, which becomes ``uuid5(NAMESPACE_URL, "event:" + text)``."""
    if isinstance(value, (bool, list)) or (isinstance(value, Number) and not value.is_integer()):
        verdict.fault("bad_event_id", "event_id")
        return None
    text = _text("event_id", value, verdict)
    if text is None or verdict.faults:
        return None
    if re.fullmatch("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", text, re.IGNORECASE | re.ASCII):
        return UUID(text).bytes
    return uuid5(NAMESPACE_URL, f"event:{text}").bytes


def _timestamp(value: Any, terms: Terms, verdict: Verdict) -> tuple[int, int]:
    """The earliest and latest microsecond that may stand for it."""
    if is_missing(value):
        return terms.now_us, terms.now_us
    read = reads_as(value)
    if read is None:
        verdict.fault("bad_timestamp", "timestamp")
        return 0, 0
    first, last = read.first_us, read.last_us
    if last > terms.latest_us:
        (verdict.faults if first > terms.latest_us else verdict.free).add(Fault("timestamp_in_future", "timestamp"))
    if terms.oldest_us is not None and first < terms.oldest_us:
        (verdict.faults if last < terms.oldest_us else verdict.free).add(Fault("timestamp_too_old", "timestamp"))
    if read.is_exotic:
        verdict.free.add(Fault("bad_timestamp", "timestamp"))
    return first, last


def _money(properties: dict[str, Any], terms: Terms, verdict: Verdict) -> tuple[int | None, str | None]:
    """Ten-thousandths and currency: ``revenue``, else ``amount``, else ``value``."""
    currency = properties.get("currency")
    if is_missing(currency):
        currency = terms.base_currency
    code = currency.upper() if isinstance(currency, str) and currency.isascii() else None
    if code not in CURRENCIES:
        verdict.fault("bad_currency", "properties.currency")
    for name in ("revenue", "amount", "value"):
        if not is_missing(properties.get(name)):
            return _amount(name, properties[name], verdict), code
    return None, None


def _decimal(text: str) -> Decimal:
    """The number, also where its exponent is beyond what a ``Decimal`` holds: next to nothing, or far too large."""
    try:
        return Decimal(text)
    except InvalidOperation:
        return Decimal(0) if "e-" in text.lower() else MONEY_LIMIT


def _amount(name: str, value: Any, verdict: Verdict) -> int | None:
    """A number or decimal text, rounded half-even to 4 places, within DECIMAL(18,4)."""
    text = value.text if isinstance(value, Number) else value
    if not isinstance(text, str) or not re.fullmatch(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", text, re.ASCII):
        verdict.fault("bad_amount", f"properties.{name}")
        return None
    if isinstance(value, str) and not re.fullmatch(r"-?\d+(\.\d+)?", value, re.ASCII):
        verdict.free.add(Fault("bad_amount", f"properties.{name}"))
    amount = _decimal(text)
    if amount.copy_abs() < MONEY_LIMIT + 1:
        amount = amount.quantize(Decimal("0.0001"), ROUND_HALF_EVEN, Context(prec=100))
    if amount.copy_abs() >= MONEY_LIMIT:
        verdict.fault("bad_amount", f"properties.{name}")
        return None
    return int(amount * 10_000)
