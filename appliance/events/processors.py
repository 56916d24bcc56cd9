"""What each known type of event lifts from its properties into typed columns.

A processor takes the decoded properties, the user id and the base currency, and returns ``Lifted``.
A custom type goes through ``lift_custom``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, Final, NamedTuple

from appliance.events.labels import RULES_VERSION, label_click, label_open
from appliance.events.mailbox import mailbox_provider
from appliance.events.money import read_money
from appliance.events.rejection import Rejection

MAX_LIFTED: Final = 200
MAX_LINK: Final = 2_048

Properties = Mapping[str, Any]


class Lifted(NamedTuple):
    """Typed values out of ``properties``, in the order of the row's fields from ``amount`` on."""

    amount: int | None = None
    currency: str | None = None
    bounce_type: str | None = None
    link: str | None = None
    mailbox_provider: str | None = None
    referred_user_id: str | None = None
    contest_id: str | None = None
    label: str | None = None
    label_version: int | None = None


Processor = Callable[[Properties, str, str], Lifted]

NOTHING: Final = Lifted()

_BOUNCE_TYPES: Final = {
    "hard": "hard",
    "permanent": "hard",
    "hardbounce": "hard",
    "soft": "soft",
    "transient": "soft",
    "temporary": "soft",
    "softbounce": "soft",
}


def lift_custom(properties: Properties, user_id: str, base_currency: str) -> Lifted:
    """Money where it can be read: nothing about a type we don't know is an error."""
    if not properties:
        return NOTHING
    amount, currency = _optional_money(properties, base_currency)
    link = _link(properties)
    return Lifted(amount=amount, currency=currency, link=link) if amount is not None or link else NOTHING


def _lift_conversion(properties: Properties, user_id: str, base_currency: str) -> Lifted:
    amount, currency = read_money(properties, base_currency)
    return Lifted(amount=amount, currency=currency, contest_id=_identifier(properties, "contest_id", "contest"))


@lru_cache(maxsize=256)
def _of_mail(provider: str | None, label: str | None) -> Lifted:
    """Kept, since mail is most of what comes and has few kinds."""
    return Lifted(mailbox_provider=provider, label=label, label_version=None if label is None else RULES_VERSION)


def _lift_mail(properties: Properties, user_id: str, base_currency: str) -> Lifted:
    return _of_mail(mailbox_provider(properties, user_id), None)


def _lift_open(properties: Properties, user_id: str, base_currency: str) -> Lifted:
    return _of_mail(mailbox_provider(properties, user_id), label_open(properties))


def _lift_click(properties: Properties, user_id: str, base_currency: str) -> Lifted:
    provider = mailbox_provider(properties, user_id)
    return Lifted(None, None, None, _link(properties), provider, None, None, label_click(properties), RULES_VERSION)


def _lift_bounce(properties: Properties, user_id: str, base_currency: str) -> Lifted:
    kind = None
    for name in ("bounce_type", "type"):
        value = properties.get(name)
        if type(value) is str and kind is None:
            kind = _BOUNCE_TYPES.get(value.strip().lower())
    return Lifted(bounce_type=kind, mailbox_provider=mailbox_provider(properties, user_id))


def _lift_referral(properties: Properties, user_id: str, base_currency: str) -> Lifted:
    return Lifted(referred_user_id=_identifier(properties, "referred_user_id"))


def _lift_contest(properties: Properties, user_id: str, base_currency: str) -> Lifted:
    return Lifted(contest_id=_identifier(properties, "contest_id", "contest"))


def _lift_nothing(properties: Properties, user_id: str, base_currency: str) -> Lifted:
    return NOTHING


PROCESSORS: Final[dict[str, Processor]] = {
    "user_registration": _lift_mail,
    "email_sent": _lift_mail,
    "email_delivered": _lift_mail,
    "email_deferred": _lift_mail,
    "email_dropped": _lift_mail,
    "email_opened": _lift_open,
    "email_clicked": _lift_click,
    "email_bounced": _lift_bounce,
    "email_complained": _lift_mail,
    "email_unsubscribed": _lift_mail,
    "referral_made": _lift_referral,
    "contest_joined": _lift_contest,
    "conversion": _lift_conversion,
    "error": _lift_nothing,
    "api_request": _lift_nothing,
}


def _optional_money(properties: Properties, base_currency: str) -> tuple[int | None, str | None]:
    try:
        return read_money(properties, base_currency)
    except Rejection:
        return None, None


def _link(properties: Properties) -> str | None:
    for name in ("link", "url"):
        value = properties.get(name)
        if type(value) is str and value.strip():
            return value[:MAX_LINK]
    return None


def _identifier(properties: Properties, *names: str) -> str | None:
    """An id as text: an integer becomes its decimal text; anything else that is none is passed over."""
    for name in names:
        value = properties.get(name)
        if type(value) is int:
            value = str(value)
        if type(value) is str and value.strip() and len(value) <= MAX_LIFTED:
            return value
    return None
