"""What people do on the site itself: sessions, contests, purchases, invitations."""

from __future__ import annotations

import random
from functools import partial
from typing import Any

from appliance.clock import HOUR_US, SECOND_US
from appliance.demo.campaigns import ONBOARDING
from appliance.demo.mail import journey
from appliance.demo.people import Person, make_person
from appliance.demo.purchases import purchase
from appliance.demo.wire import Timed, event

_FEATURES = ("dashboard", "export", "editor", "templates", "automation", "integrations", "search")
_ENDPOINTS = ("/api/v1/lists", "/api/v1/contacts", "/api/v1/reports", "/api/v1/templates")
_CONTESTS = ("photo-challenge", "refer-and-win", "beta-raffle")
_CHANNELS = ("link", "email", "whatsapp", "linkedin")
_STEPS = (2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 6, 6, 9)
"""How many things a visitor does, each as often as it is likely."""


def visit(rng: random.Random, person: Person, at_us: int) -> list[Timed]:
    """One session of a few minutes and what comes of it in the two days after."""
    session_id = f"s_{rng.getrandbits(40):010x}"
    tell = partial(_tell, person.user_id, session_id)
    told: list[Timed] = []
    for _ in range(rng.choice(_STEPS)):
        told.append(tell(at_us, *_step(rng)))
        at_us += int(rng.expovariate(1 / 25) * SECOND_US) + 1_000
    if rng.random() < 0.0013 * len(told):
        told.append(tell(at_us, "error", {"kind": "http_500", "endpoint": rng.choice(_ENDPOINTS)}))
    outcome = rng.random()
    if outcome < 0.15:
        told += purchase(rng, person, at_us, session_id=session_id)
    elif outcome < 0.22:
        told.append(tell(at_us, "contest_joined", {"contest_id": rng.choice(_CONTESTS)}))
    elif outcome < 0.22 + 0.17 * person.warmth:
        told += invitation(rng, person, session_id, at_us)
    return told


def registration(person: Person, at_us: int, **more: str) -> Timed:
    """The person signs up, with what the form asks for."""
    traits = {"country": person.country, "plan": person.plan, "age_group": person.age_group, "email": person.recipient}
    return event(at_us, "user_registration", person.user_id, traits | more)


def invitation(rng: random.Random, person: Person, session_id: str, at_us: int) -> list[Timed]:
    """A referral; two in five of those invited register within a day, one in three of these buys."""
    invited = make_person(f"u_r{rng.getrandbits(36):09x}", rng)
    properties = {"referred_user_id": invited.user_id, "channel": rng.choice(_CHANNELS)}
    told = [_tell(person.user_id, session_id, at_us, "referral_made", properties)]
    if rng.random() < 0.4:
        joined_us = at_us + int(rng.uniform(0.02, 1) ** 2 * 20 * HOUR_US)
        told.append(registration(invited, joined_us, referred_by=person.user_id))
        told += journey(rng, invited, ONBOARDING, joined_us + 30 * SECOND_US)
        if rng.random() < 0.35:
            told += purchase(rng, invited, joined_us + int(rng.uniform(0.1, 12) * HOUR_US))
    return told


def _step(rng: random.Random) -> tuple[str, dict[str, Any]]:
    if rng.random() < 0.55:
        return "feature_used", {"feature": rng.choice(_FEATURES)}
    return "api_request", {"endpoint": rng.choice(_ENDPOINTS), "status": 200, "ms": int(rng.lognormvariate(3.6, 0.7))}


def _tell(user_id: str, session_id: str, at_us: int, event_type: str, properties: dict[str, Any]) -> Timed:
    return event(at_us, event_type, user_id, properties, session_id=session_id)
