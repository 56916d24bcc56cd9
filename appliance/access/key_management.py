"""Keys as administrators handle them, through the API or the command line: made, shown, revoked, written down."""

from __future__ import annotations

from typing import Annotated, Any, Final, cast

import msgspec

from appliance.access.audit import Audit
from appliance.access.keyring import FIRST_START, Key, Keyring
from appliance.access.principal import SCOPES, Principal, Scope
from appliance.clock import DAY_US, iso
from appliance.errors import BadArgument
from appliance.events.timestamps import instant_us

MOST_DAYS: Final = 36_500

# Any text, so that the keyring can say which there are.
_ScopeName = Annotated[str, msgspec.Meta(extra_json_schema={"enum": list(SCOPES)})]


class NewKey(msgspec.Struct, forbid_unknown_fields=True):
    """What a key is to be; ``expires_at`` is ISO 8601, and only one of the two ends may be given."""

    scopes: Annotated[list[_ScopeName], msgspec.Meta(min_length=1, max_length=3)]
    name: Annotated[str, msgspec.Meta(min_length=1, max_length=100)] = "unnamed"
    expires_at: str | None = None
    expires_in_days: Annotated[int, msgspec.Meta(ge=1, le=MOST_DAYS)] | None = None


def make_key(keyring: Keyring, audit: Audit, principal: Principal, asked: NewKey, now_us: int) -> dict[str, Any]:
    """Make a key: what ``plain_key`` shows, and this once its text as ``key``. Raises ``BadArgument``."""
    scopes = cast("list[Scope]", asked.scopes)
    if asked.name == FIRST_START:
        raise BadArgument(f"{FIRST_START!r} is what the keys of the first start are called: take another", field="name")
    key, text = keyring.create(asked.name, scopes, _end(asked, now_us))
    audit.record(principal, "key.create", key.id, f"{key.name}: {' '.join(scopes)}")
    return {**plain_key(key, now_us), "key": text}


def revoke_key(keyring: Keyring, audit: Audit, principal: Principal, key_id: str, now_us: int) -> dict[str, Any]:
    """End a key at once, and the sign-ins that were made with it. Raises ``NotFound``."""
    key = keyring.revoke(key_id)
    audit.record(principal, "key.revoke", key.id, key.name)
    return plain_key(key, now_us)


def plain_key(key: Key, now_us: int) -> dict[str, Any]:
    """A key as the API shows it."""
    status = "revoked" if key.revoked_us is not None else "valid" if key.is_valid(now_us) else "expired"
    return {
        "id": key.id,
        "name": key.name,
        "scopes": [scope for scope in SCOPES if scope in key.scopes],
        "status": status,
        "created_at": _when(key.created_us),
        "expires_at": _when(key.expires_us),
        "revoked_at": _when(key.revoked_us),
        "last_used_at": _when(key.used_us),
    }


def _end(asked: NewKey, now_us: int) -> int | None:
    if asked.expires_in_days is not None:
        if asked.expires_at is not None:
            raise BadArgument("give either expires_at or expires_in_days", field="expires_at")
        return now_us + asked.expires_in_days * DAY_US
    if asked.expires_at is None:
        return None
    try:
        return instant_us(asked.expires_at)
    except (ValueError, OverflowError) as fault:
        raise BadArgument("send ISO 8601, such as 2027-01-31T12:00:00Z", field="expires_at") from fault


def _when(instant: int | None) -> str | None:
    return None if instant is None else iso(instant)
