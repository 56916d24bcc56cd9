"""The people of the demo: who they are, where they live, how they read their mail."""

from __future__ import annotations

import random
from bisect import bisect_left
from typing import Final, NamedTuple

from appliance.demo.wire import dice


class Zone(NamedTuple):
    name: str
    share: float
    countries: tuple[str, ...]
    currencies: tuple[str, ...]


ZONES: Final = (
    Zone("America/New_York", 0.38, ("US", "US", "US", "CA"), ("USD",)),
    Zone("America/Los_Angeles", 0.17, ("US",), ("USD",)),
    Zone("Europe/London", 0.14, ("GB", "GB", "IE"), ("GBP", "GBP", "USD")),
    Zone("Europe/Berlin", 0.21, ("DE", "FR", "NL", "ES"), ("EUR", "EUR", "USD")),
    Zone("Asia/Singapore", 0.10, ("SG", "IN", "AU"), ("USD",)),
)

_DOMAINS = (
    ("gmail.com", 0.46),
    ("icloud.com", 0.11),
    ("outlook.com", 0.12),
    ("hotmail.com", 0.05),
    ("yahoo.com", 0.09),
    ("acme.example", 0.10),
    ("globex.example", 0.07),
)
_GIVEN = (
    "ada", "ben", "carla", "dan", "elif", "finn", "grace", "hugo", "iris", "jon", "kim", "leo",
    "maya", "nils", "olga", "paul", "rosa", "sam", "tara", "uma", "vera", "yan", "zoe",
)  # fmt: skip
_FAMILY = (
    "adams", "berg", "cole", "diaz", "evans", "fox", "gupta", "haas", "ito", "jones", "klein",
    "lopez", "moore", "novak", "ortiz", "park", "reed", "silva", "tran", "weber",
)  # fmt: skip
_AGE_GROUPS = ("18-24", "25-34", "25-34", "35-44", "35-44", "45-54", "55+")
_PLANS = ("free", "free", "free", "free", "pro", "pro", "team")

# How likely a person of each kind is to open one message themselves, and how many of twenty are so:
# champions, fans, regulars, the distant, the lost.
_WARMTH = ((0.8, 1), (0.62, 3), (0.21, 8), (0.05, 5), (0.02, 3))

_APPLE_MAIL_ELSEWHERE = 0.08
"""People who read a mailbox of another provider in Apple Mail, whose relay opens everything."""


class Person(NamedTuple):
    user_id: str
    zone: int
    """Index into ``ZONES``."""
    recipient: str
    country: str
    currency: str
    plan: str
    age_group: str
    warmth: float
    """The chance that this person opens a message themselves."""
    apple_mail: bool
    gmail: bool


class People:
    """Everyone known so far, in order of registration; members are numbered from 0."""

    def __init__(self, seed: int, size: int, before_us: int) -> None:
        self._registered_us = [before_us] * size
        self._members = [make_person(f"u_{100_000 + number}", dice(seed, "person", number)) for number in range(size)]
        self._by_zone: list[list[Person]] = [[] for _ in ZONES]
        for person in self._members:
            self._by_zone[person.zone].append(person)

    def __len__(self) -> int:
        return len(self._members)

    def __getitem__(self, number: int) -> Person:
        return self._members[number]

    def add(self, person: Person, at_us: int) -> None:
        """Let ``person`` join; calls come in order of time."""
        self._members.append(person)
        self._registered_us.append(at_us)
        self._by_zone[person.zone].append(person)

    def size_before(self, at_us: int) -> int:
        """How many had registered before ``at_us``."""
        return bisect_left(self._registered_us, at_us)

    def visitor(self, rng: random.Random, zone: int) -> Person:
        """Someone of that zone; the early members and the warm ones more often, as every product has regulars."""
        members = self._by_zone[zone]
        first, second = (members[int(len(members) * rng.random() ** 2.2)] for _ in range(2))
        return max(first, second, key=lambda person: person.warmth) if rng.random() < 0.6 else first

    def newcomer(self, rng: random.Random) -> Person:
        """One of the youngest tenth."""
        return self._members[-1 - int(len(self._members) * 0.1 * rng.random())]


def make_person(user_id: str, rng: random.Random) -> Person:
    """A person whose traits follow from ``rng`` alone."""
    (zone,) = rng.choices(range(len(ZONES)), [zone.share for zone in ZONES])
    (domain,) = rng.choices([name for name, _ in _DOMAINS], [share for _, share in _DOMAINS])
    (warmth,) = rng.choices([chance for chance, _ in _WARMTH], [number for _, number in _WARMTH])
    local = f"{rng.choice(_GIVEN)}.{rng.choice(_FAMILY)}.{user_id[2:]}"
    return Person(
        user_id=user_id,
        zone=zone,
        recipient=f"{local}@{domain}",
        country=rng.choice(ZONES[zone].countries),
        currency=rng.choice(ZONES[zone].currencies),
        plan=rng.choice(_PLANS),
        age_group=rng.choice(_AGE_GROUPS),
        warmth=warmth,
        apple_mail=domain == "icloud.com" or rng.random() < _APPLE_MAIL_ELSEWHERE,
        gmail=domain == "gmail.com",
    )
