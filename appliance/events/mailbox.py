"""Which provider's mailbox a message went to, told by the recipient's domain."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final

_BY_DOMAIN: Final = {
    "gmail.com": "gmail",
    "googlemail.com": "gmail",
    "icloud.com": "apple",
    "me.com": "apple",
    "mac.com": "apple",
}
_BY_NAME: Final = {
    "yahoo": "yahoo",
    "ymail": "yahoo",
    "aol": "yahoo",
    "outlook": "microsoft",
    "hotmail": "microsoft",
    "live": "microsoft",
    "msn": "microsoft",
}
RECIPIENT_FIELDS: Final = ("recipient", "email", "to")


def mailbox_provider(properties: Mapping[str, Any], user_id: str) -> str | None:
    """``gmail yahoo microsoft apple other``, or ``None`` where no address is known.

    The address is the first of ``RECIPIENT_FIELDS`` that is one, else the user id where that is one.
    """
    for name in RECIPIENT_FIELDS:
        value = properties.get(name)
        if type(value) is str and "@" in value:
            return _of_domain(value.rpartition("@")[2])
    return _of_domain(user_id.rpartition("@")[2]) if "@" in user_id else None


@lru_cache(maxsize=65_536)
def _of_domain(domain: str) -> str:
    domain = domain.strip(" \t>.").lower()
    return _BY_DOMAIN.get(domain) or _BY_NAME.get(domain.partition(".")[0], "other")
