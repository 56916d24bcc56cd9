"""The demo's world, five minutes at a time: whatever begins in a slot is told with its consequences.

Each slot draws from a generator of its own, and nothing has consequences later than ``LONGEST_US``
after it begins. So a world that is woken in the middle of the history gives, from ``LONGEST_US``
later on, exactly the events of one that lived through all of it.
"""

from __future__ import annotations

import random
from bisect import bisect_right
from collections import defaultdict
from operator import itemgetter
from typing import Final

from appliance.clock import DAY_US, MINUTE_US, SECOND_US
from appliance.demo import campaigns
from appliance.demo.mail import journey
from appliance.demo.people import ZONES, People, Person, make_person
from appliance.demo.tempo import Rates, Tempo, zone_factors
from appliance.demo.visits import registration, visit
from appliance.demo.wire import Timed, dice

SLOT_US: Final = 5 * MINUTE_US
LONGEST_US: Final = 4 * DAY_US
_FOUNDERS = 5_500
_BEFORE_FOUNDING_US = -(1 << 62)


class World:
    """Tells what happens, from two days before the history's first day on, or from ``awake_us`` on.

    ``now_us`` is where the history of ``days`` ends and life begins; ``scale`` multiplies the rates
    and, below 1, the population.
    """

    def __init__(self, now_us: int, *, days: int, seed: int, scale: float, awake_us: int = 0) -> None:
        self._seed = seed
        self._tempo = Tempo(now_us, scale)
        self._people = People(seed, max(50, int(_FOUNDERS * min(1.0, scale))), _BEFORE_FOUNDING_US)
        self._pending: defaultdict[int, list[Timed]] = defaultdict(list)
        self._untold: list[Timed] = []
        founded = (now_us - days * DAY_US) // DAY_US * DAY_US - 2 * DAY_US
        self._slot = max(founded, awake_us) // SLOT_US
        for slot in range(founded // SLOT_US, self._slot):
            self._newcomers(slot, self._tempo.rates(slot * SLOT_US))

    def advance(self, to_us: int) -> list[Timed]:
        """The events up to and including ``to_us`` that weren't told yet, in order of time."""
        while self._slot * SLOT_US <= to_us:
            self._untold += self._next_slot()
        cut = bisect_right(self._untold, to_us, key=itemgetter(0))
        told, self._untold = self._untold[:cut], self._untold[cut:]
        return told

    def _next_slot(self) -> list[Timed]:
        slot, self._slot = self._slot, self._slot + 1
        rates = self._tempo.rates(slot * SLOT_US)
        for person, at_us in self._newcomers(slot, rates):
            self._welcome(person, at_us)
        rng = dice(self._seed, slot)
        self._send_campaigns(rng, slot)
        self._send_singly(rng, slot, rates.mails)
        self._receive_visits(rng, slot, rates.visits)
        return sorted(self._pending.pop(slot, []), key=itemgetter(0))

    def _welcome(self, person: Person, at_us: int) -> None:
        self._schedule([registration(person, at_us)])
        rng = dice(self._seed, "welcome", person.user_id)
        self._schedule(journey(rng, person, campaigns.ONBOARDING, at_us + 5 * SECOND_US))

    def _schedule(self, told: list[Timed]) -> None:
        for timed in told:
            self._pending[timed[0] // SLOT_US].append(timed)

    def _newcomers(self, slot: int, rates: Rates) -> list[tuple[Person, int]]:
        """Who registers in the slot; drawn apart from all else, as a waking world draws only these."""
        rng = dice(self._seed, "newcomers", slot)
        joined = []
        for number, at_us in enumerate(_arrivals(rng, slot, rates.registrations)):
            person = make_person(f"u_{slot:x}{number:02d}", rng)
            self._people.add(person, at_us)
            joined.append((person, at_us))
        return joined

    def _send_campaigns(self, rng: random.Random, slot: int) -> None:
        from_us, to_us = slot * SLOT_US, (slot + 1) * SLOT_US
        for campaign in campaigns.due(from_us, to_us):
            audience = self._people.size_before(campaign.start_us)
            for at_us, member in campaign.recipients(audience, from_us, to_us):
                self._schedule(journey(rng, self._people[member], campaign.campaign_id, at_us))

    def _send_singly(self, rng: random.Random, slot: int, rate: float) -> None:
        """Automatic messages, and the second waves of the latest campaign."""
        wave = campaigns.latest(slot * SLOT_US).campaign_id
        for at_us in _arrivals(rng, slot, rate):
            kind = rng.random()
            if kind < 0.3:
                self._schedule(journey(rng, self._people.newcomer(rng), campaigns.ONBOARDING, at_us))
            else:
                person = self._people[int(len(self._people) * rng.random())]
                self._schedule(journey(rng, person, campaigns.CART_REMINDER if kind < 0.65 else wave, at_us))

    def _receive_visits(self, rng: random.Random, slot: int, rate: float) -> None:
        awake = [zone.share * factor for zone, factor in zip(ZONES, zone_factors(slot * SLOT_US), strict=True)]
        for at_us in _arrivals(rng, slot, rate):
            (zone,) = rng.choices(range(len(ZONES)), awake)
            self._schedule(visit(rng, self._people.visitor(rng, zone), at_us))


def _arrivals(rng: random.Random, slot: int, per_second: float) -> list[int]:
    """The instants of a Poisson process of that rate within the slot."""
    found: list[int] = []
    if per_second <= 0:
        return found
    at_us, end_us = float(slot * SLOT_US), (slot + 1) * SLOT_US
    while (at_us := at_us + rng.expovariate(per_second) * SECOND_US) < end_us:
        found.append(int(at_us))
    return found
