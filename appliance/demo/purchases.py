"""Conversions: what people pay, in which currency, and what is paid back."""

from __future__ import annotations

import random

from appliance.clock import HOUR_US
from appliance.demo.people import Person
from appliance.demo.wire import Timed, event

_PRODUCTS = ("starter", "pro-monthly", "pro-yearly", "team", "gift-card")


def purchase(
    rng: random.Random,
    person: Person,
    at_us: int,
    *,
    session_id: str | None = None,
    campaign_id: str | None = None,
) -> list[Timed]:
    """A conversion of about 40 (log-normal) in the person's currency and, once in forty, its refund."""
    revenue = round(rng.lognormvariate(3.62, 0.35), 2)
    paid = {"revenue": revenue, "currency": person.currency, "product": rng.choice(_PRODUCTS)}
    bought = event(at_us, "conversion", person.user_id, paid, session_id=session_id, campaign_id=campaign_id)
    if rng.random() >= 0.025:
        return [bought]
    back = {"revenue": -revenue, "currency": person.currency, "product": paid["product"], "refund": True}
    refund_us = at_us + int(rng.uniform(1, 20) * HOUR_US)
    return [bought, event(refund_us, "conversion", person.user_id, back, campaign_id=campaign_id)]
