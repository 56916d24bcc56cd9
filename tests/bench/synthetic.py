"""Ready-made Arrow tables in the column order of ``events``: a month of a growth team, made with NumPy."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from appliance.clock import DAY_US
from appliance.events.keys import user_key
from appliance.events.types import FIRST_CUSTOM_KEY, KNOWN_TYPES
from appliance.log.columns import uuid_array

USERS: Final = 200_000
DAYS: Final = 30
CUSTOM_TYPE: Final = "feature_used"
CHUNK_EVENTS: Final = 500_000

# The mix of types that facts about e-mail programmes suggest; per mille.
_MIX = {
    "email_sent": 300,
    "email_delivered": 290,
    "email_opened": 130,
    "email_clicked": 30,
    "email_bounced": 5,
    "email_unsubscribed": 2,
    "user_registration": 10,
    "referral_made": 6,
    "contest_joined": 7,
    "conversion": 12,
    "api_request": 80,
    "error": 1,
    CUSTOM_TYPE: 127,
}
_TYPES = list(_MIX)
_SHARES = np.array(list(_MIX.values())) / sum(_MIX.values())
_KEYS = np.array([KNOWN_TYPES.get(name, FIRST_CUSTOM_KEY) for name in _TYPES], dtype=np.uint16)
_CODE = {name: code for code, name in enumerate(_TYPES)}
_MAIL = [code for name, code in _CODE.items() if name.startswith("email_")]
_CAMPAIGNS = [f"campaign-{number:02d}" for number in range(40)]
_PROVIDERS = ("gmail", "yahoo", "microsoft", "apple", "other")
_DOMAINS = ("gmail.com", "yahoo.com", "outlook.com", "icloud.com", "acme.example")
_LINKS = [f"https://shop.example/page/{number}" for number in range(30)]
_LABELS = ("human", "proxy", "machine_prefetch")
_CURRENCIES = ("USD", "USD", "USD", "USD", "USD", "USD", "EUR", "EUR", "GBP")
_SITE = [f'{{"feature":"f-{n % 17}","plan":"pro","country":"DE","ms":{n}}}' for n in range(5_000)]

_Codes = npt.NDArray[Any]


class Synthetic:
    """``events`` events that end at ``now_us``, the same for a seed; ids count as given by clients."""

    def __init__(self, events: int, *, now_us: int, seed: int = 5) -> None:
        self.events = events
        self._now_us = now_us
        self._rng = np.random.default_rng(seed)
        names = [f"user-{number:06d}" for number in range(USERS)]
        self._users = pa.array(names)
        self._user_keys = np.array([user_key(name) for name in names], dtype=np.uint64)
        mails = [f'{{"recipient":"{name}@{_DOMAINS[number % 5]}"}}' for number, name in enumerate(names)]
        self._properties = pa.array(mails + _SITE)

    def tables(self, chunk: int = CHUNK_EVENTS) -> Iterator[pa.Table]:
        """The events in order of time, some of them up to an hour late, in tables of at most ``chunk``."""
        for first in range(0, self.events, chunk):
            yield self._table(first, min(chunk, self.events - first))

    def _table(self, first: int, count: int) -> pa.Table:
        rng = self._rng
        types = rng.choice(len(_TYPES), size=count, p=_SHARES)
        users = (USERS * rng.random(count) ** 1.5).astype(np.int64)
        mail = np.isin(types, _MAIL)
        opened_or_clicked = _of(types, "email_opened") | _of(types, "email_clicked")
        paid = _of(types, "conversion")
        received = self._received(first, count)
        late = (rng.random(count) < 0.02) * rng.integers(0, 3_600_000_000, count)
        columns = {
            "seq": pa.array(np.arange(first + 1, first + 1 + count, dtype=np.int64)),
            "event_id": uuid_array(self._ids(count)),
            "id_given": pa.array(np.ones(count, dtype=bool)),
            "event_type": _pick(_TYPES, types),
            "type_key": pa.array(_KEYS[types]),
            "user_id": self._users.take(pa.array(users)),
            "user_key": pa.array(self._user_keys[users]),
            "session_id": self._sessions(users, received, ~mail),
            "campaign_id": _pick(_CAMPAIGNS, rng.integers(0, len(_CAMPAIGNS), count), mail | paid),
            "timestamp": pa.array(received - late).view(pa.timestamp("us")),
            "received_at": pa.array(received).view(pa.timestamp("us")),
            "amount": _money(np.where(paid, rng.lognormal(3.6, 0.5, count) * 100, 0).astype(np.int64), paid),
            "currency": _pick(_CURRENCIES, rng.integers(0, len(_CURRENCIES), count), paid),
            "bounce_type": _pick(("hard", "soft"), rng.integers(0, 2, count), _of(types, "email_bounced")),
            "link": _pick(_LINKS, rng.integers(0, len(_LINKS), count), _of(types, "email_clicked")),
            "mailbox_provider": _pick(_PROVIDERS, users % 5, mail),
            "referred_user_id": _pick(self._users, rng.integers(0, USERS, count), _of(types, "referral_made")),
            "contest_id": _pick(("raffle", "photo"), rng.integers(0, 2, count), _of(types, "contest_joined")),
            "label": _pick(_LABELS, rng.choice(3, size=count, p=(0.6, 0.2, 0.2)), opened_or_clicked),
            "label_version": pa.array(np.ones(count, dtype=np.uint8), mask=~opened_or_clicked),
            "source": _pick(("http",), np.zeros(count, dtype=np.int64)),
            "properties": self._properties.take(pa.array(np.where(mail, users, USERS + users % len(_SITE)))),
        }
        return pa.table(columns)

    def _received(self, first: int, count: int) -> npt.NDArray[np.int64]:
        gap_us = DAYS * DAY_US / self.events
        return (self._now_us - DAYS * DAY_US + (np.arange(first, first + count) + 1) * gap_us).astype(np.int64)

    def _ids(self, count: int) -> bytes:
        """Version 4 UUIDs, as clients make them: nothing in them can be compressed."""
        ids = np.frombuffer(bytearray(self._rng.bytes(16 * count)), dtype=np.uint8).reshape(count, 16)
        ids[:, 6] = ids[:, 6] & 0x0F | 0x40
        ids[:, 8] = ids[:, 8] & 0x3F | 0x80
        return ids.tobytes()

    def _sessions(self, users: _Codes, received: _Codes, wanted: _Codes) -> pa.Array:
        """A session is a user's half hour."""
        numbers = users * 4_096 + received // 1_800_000_000 % 4_096
        return pa.compute.if_else(pa.array(wanted), pa.array(numbers).cast(pa.string()), pa.scalar(None, pa.string()))


def _of(types: _Codes, name: str) -> _Codes:
    return np.asarray(types == _CODE[name])


def _pick(values: Any, codes: _Codes, wanted: _Codes | None = None) -> pa.Array:
    mask = None if wanted is None else ~wanted
    return pa.array(values, pa.string()).take(pa.array(codes.astype(np.int64), mask=mask))


def _money(amounts: npt.NDArray[np.int64], present: _Codes) -> pa.Array:
    """Cents in hundredths as DECIMAL(18, 4), ``None`` where not present."""
    wide = np.column_stack((amounts * 100, np.zeros_like(amounts)))
    validity = pa.py_buffer(np.packbits(present, bitorder="little"))
    buffers = [validity, pa.py_buffer(np.ascontiguousarray(wide))]
    return pa.Array.from_buffers(pa.decimal128(18, 4), len(amounts), buffers)
