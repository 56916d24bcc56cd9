"""Requests to load the appliance with, rendered before the clock starts: about 300 bytes an event."""

from __future__ import annotations

import random
import time
import uuid
from datetime import UTC, datetime

_FORMS = (
    (
        '{"event_type":"email_sent","user_id":"user-%06d","timestamp":"%s","campaign_id":"spring-launch",'
        '"properties":{"recipient":"ada.%06d@gmail.com","subject":"The spring collection is here","message_id":"m-%s",'
        '"template":"launch-v3","pool":"shared-2"}%s}'
    ),
    (
        '{"event_type":"email_delivered","user_id":"user-%06d","timestamp":"%s","campaign_id":"spring-launch",'
        '"properties":{"recipient":"ada.%06d@yahoo.com","response":"250 2.0.0 OK","message_id":"m-%s",'
        '"template":"launch-v3","pool":"shared-2"}%s}'
    ),
    (
        '{"event_type":"email_opened","user_id":"user-%06d","timestamp":"%s","campaign_id":"weekly-digest-2026-w47",'
        '"properties":{"recipient":"ada.%06d@outlook.com","message_id":"m-%s",'
        '"user_agent":"Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/131.0.0.0"}%s}'
    ),
    (
        '{"event_type":"email_clicked","user_id":"user-%06d","timestamp":"%s","campaign_id":"weekly-digest-2026-w47",'
        '"properties":{"recipient":"ada.%06d@gmail.com","message_id":"m-%s","link":"https://shop.example/offers/today",'
        '"user_agent":"Mozilla/5.0 (iPhone)"}%s}'
    ),
    (
        '{"event_type":"feature_used","user_id":"user-%06d","timestamp":"%s","session_id":"s-9f3ab2c41d",'
        '"properties":{"account":"ada.%06d","request":"m-%s","feature":"automation","plan":"pro","country":"DE",'
        '"age_group":"25-34","browser":"Firefox"}%s}'
    ),
    (
        '{"event_type":"conversion","user_id":"user-%06d","timestamp":"%s","session_id":"s-1c0de5aa77",'
        '"campaign_id":"spring-launch","properties":{"account":"ada.%06d","order":"m-%s","revenue":42.50,'
        '"currency":"USD","product":"pro-yearly","coupon":"SPRING26"}%s}'
    ),
)
_MIX = (0, 0, 0, 1, 1, 1, 2, 2, 3, 4, 4, 5)


def bodies(requests: int, events_each: int, *, ids: bool, seed: int = 1) -> list[bytes]:
    """Bodies of JSON arrays (a single object for one event); with ``ids`` every event has a UUID of its own."""
    rng = random.Random(seed)
    if events_each == 1:
        return [_event(rng, ids=ids).encode() for _ in range(requests)]
    return [f"[{','.join(_event(rng, ids=ids) for _ in range(events_each))}]".encode() for _ in range(requests)]


def request(body: bytes) -> bytes:
    """``body`` as a whole HTTP/1.1 request on a connection that stays open."""
    head = "POST /v1/events HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: "
    return f"{head}{len(body)}\r\n\r\n".encode() + body


def _event(rng: random.Random, *, ids: bool) -> str:
    user = rng.randrange(200_000)
    happened = datetime.fromtimestamp(time.time() - rng.random() * 120, UTC)
    event_id = f',"event_id":"{uuid.UUID(int=rng.getrandbits(128), version=4)}"' if ids else ""
    stamp = f"{happened:%Y-%m-%dT%H:%M:%S}.{happened.microsecond // 1000:03d}Z"
    return _FORMS[rng.choice(_MIX)] % (user, stamp, user, f"{rng.getrandbits(48):012x}", event_id)
