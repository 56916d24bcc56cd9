"""Secrets are struck out of whatever is about to be written down."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from typing import Final

MASK: Final = "***"
# What is shorter can't be struck out without making nonsense of everything else, and keeps nothing secret.
_SHORTEST: Final = 6
# Keys of this appliance, whatever follows `Bearer`, the dashboard's session, and a login inside of an address.
_SHAPES: Final = (
    r"aa_(?:(?:admin|write|read)_)+[A-Za-z0-9]{8,}",
    r"(?<=\bBearer )[^\s\"',;\\]+",
    r"(?<=\bappliance_session=)[^\s\"',;\\]+",
    r"(?<=://)[^/@\s\"']+(?=@)",
)


class Mask:
    """Strikes out the given secrets, as they are and as JSON or Python quotes them, and what looks like a secret."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        spellings = {form for secret in secrets if len(secret) >= _SHORTEST for form in _forms(secret)}
        # the longest first: one secret may be the beginning of another
        known = [re.escape(spelling) for spelling in sorted(spellings, key=len, reverse=True)]
        self._pattern = re.compile("|".join([*known, *_SHAPES]), re.IGNORECASE)

    def __call__(self, text: str) -> str:
        return self._pattern.sub(MASK, text)


def _forms(secret: str) -> Iterator[str]:
    yield secret
    yield json.dumps(secret)[1:-1]
    yield json.dumps(secret, ensure_ascii=False)[1:-1]
    yield repr(secret)[1:-1]
