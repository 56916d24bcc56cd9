"""Which types of event there are, their narrow keys, and which of them count as activity."""

from __future__ import annotations

import re
from typing import Final

# Stored in every row: a key is never reused or changed. Keys of custom types begin at FIRST_CUSTOM_KEY
# and are given out by the log, which keeps them in its table ``event_types``.
KNOWN_TYPES: Final[dict[str, int]] = {
    "user_registration": 1,
    "email_sent": 2,
    "email_delivered": 3,
    "email_deferred": 4,
    "email_dropped": 5,
    "email_opened": 6,
    "email_clicked": 7,
    "email_bounced": 8,
    "email_complained": 9,
    "email_unsubscribed": 10,
    "referral_made": 11,
    "contest_joined": 12,
    "conversion": 13,
    "error": 14,
    "api_request": 15,
}
FIRST_CUSTOM_KEY: Final = 100

PASSIVE_TYPES: Final = frozenset(
    {"email_sent", "email_delivered", "email_deferred", "email_dropped", "email_bounced", "error", "api_request"}
)
"""Types that say nothing about what a person did; every other type, custom ones too, is active."""

MACHINE_LABELS: Final = frozenset({"machine_prefetch", "scanner"})
"""Labels that make an open or a click passive."""

TYPE_PATTERN: Final = re.compile(r"[a-z][a-z0-9_.:-]{0,63}", re.ASCII)
