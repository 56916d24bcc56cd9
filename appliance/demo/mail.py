"""What becomes of one message: delivery, opens by people and machines, clicks, complaints."""

from __future__ import annotations

import random
from typing import Final

from appliance.clock import HOUR_US, SECOND_US
from appliance.demo.people import Person
from appliance.demo.purchases import purchase
from appliance.demo.wire import Timed, event

LAST_READING_US: Final = 40 * HOUR_US
"""Nobody opens a message for the first time later than this."""

_APPLE_RELAY = "Mozilla/5.0"
_GMAIL_PREFETCH = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/42.0.2311.135 Safari/537.36 Edge/12.246 Mozilla/5.0"
)
_GMAIL_PROXY = "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)"
_BROWSERS = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Safari/605.1.15",
)
_LINKS = ("/pricing", "/features", "/offers/today", "/blog/whats-new", "/invite")
_BOUNCES = {
    "hard": "550 5.1.1 mailbox does not exist",
    "soft": "452 4.2.2 mailbox full",
}


def journey(rng: random.Random, person: Person, campaign_id: str, sent_us: int) -> list[Timed]:
    """One message to ``person`` and all that follows from it, in no particular order."""
    told = _Message(rng, person, campaign_id)
    told.add(sent_us, "email_sent")
    if rng.random() < 0.015:
        kind = "hard" if rng.random() < 0.35 else "soft"
        told.add(sent_us + _seconds(rng, 1, 90), "email_bounced", bounce_type=kind, reason=_BOUNCES[kind])
        return told.events
    delivered_us = sent_us + _seconds(rng, 1, 15)
    if rng.random() < 0.004:
        told.add(delivered_us, "email_deferred")
        delivered_us += _seconds(rng, 300, 1800)
    told.add(delivered_us, "email_delivered")
    told.machine_opens(delivered_us)
    if rng.random() < person.warmth:
        told.human_opens(delivered_us)
    return told.events


class _Message:
    """The events of one message as they come to light."""

    def __init__(self, rng: random.Random, person: Person, campaign_id: str) -> None:
        self.events: list[Timed] = []
        self._rng = rng
        self._person = person
        self._campaign_id = campaign_id

    def add(self, at_us: int, event_type: str, *, session_id: str | None = None, **properties: object) -> None:
        properties["recipient"] = self._person.recipient
        user_id, campaign_id = self._person.user_id, self._campaign_id
        made = event(at_us, event_type, user_id, properties, session_id=session_id, campaign_id=campaign_id)
        self.events.append(made)

    def machine_opens(self, delivered_us: int) -> None:
        """Apple's relay opens nearly everything within minutes, Gmail now and then at delivery."""
        if self._person.apple_mail and self._rng.random() < 0.85:
            self.add(delivered_us + _seconds(self._rng, 20, 1200), "email_opened", user_agent=_APPLE_RELAY)
        elif self._person.gmail and self._rng.random() < 0.02:
            self.add(delivered_us + _seconds(self._rng, 1, 5), "email_opened", user_agent=_GMAIL_PREFETCH)

    def human_opens(self, delivered_us: int) -> None:
        """The person opens it, perhaps again later, and perhaps clicks, complains or leaves."""
        rng = self._rng
        agent = _GMAIL_PROXY if self._person.gmail else rng.choice(_BROWSERS)
        opened_us = delivered_us + _reading_delay(rng)
        self.add(opened_us, "email_opened", user_agent=agent)
        if rng.random() < 0.12:
            self.add(opened_us + _seconds(rng, 600, 6 * 3600), "email_opened", user_agent=agent)
        if rng.random() < 0.08 + 0.3 * self._person.warmth:
            self._clicks(opened_us + _seconds(rng, 5, 120))
        farewell = rng.random()
        if farewell < 0.0025:
            self.add(opened_us + _seconds(rng, 5, 60), "email_complained")
        elif farewell < 0.0175:
            self.add(
                opened_us + _seconds(rng, 5, 60), "email_unsubscribed", reason=rng.choice(("frequency", "content"))
            )

    def _clicks(self, clicked_us: int) -> None:
        rng, person = self._rng, self._person
        session_id = f"s_{rng.getrandbits(40):010x}"
        link = f"https://shop.example{rng.choice(_LINKS)}"
        agent = rng.choice(_BROWSERS)
        self.add(clicked_us, "email_clicked", session_id=session_id, link=link, user_agent=agent)
        if rng.random() < 0.2:
            bought_us = clicked_us + _seconds(rng, 60, 2400)
            self.events += purchase(rng, person, bought_us, session_id=session_id, campaign_id=self._campaign_id)


def _reading_delay(rng: random.Random) -> int:
    """Log-normal with a median of 40 minutes, as opens decay after a send."""
    return min(int(rng.lognormvariate(7.8, 1.5) * SECOND_US), LAST_READING_US)


def _seconds(rng: random.Random, least: float, most: float) -> int:
    return int(rng.uniform(least, most) * SECOND_US)
