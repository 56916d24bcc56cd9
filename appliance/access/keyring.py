"""The keys that open the appliance. Only their digests are kept, in the control store."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import string
import threading
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from appliance.access.principal import SCOPES, Principal, Scope
from appliance.clock import Clock
from appliance.errors import BadArgument, NotFound
from appliance.store.control import ControlStore

# 43 characters of 62 are 256 bits: a digest without salt or stretching is enough for what can't be guessed.
_SECRET_LENGTH: Final = 43
_ALPHABET: Final = string.ascii_letters + string.digits
_MAX_NAME: Final = 100
FIRST_START: Final = "first start"
CONFIGURED: Final = "configured"


@dataclass(frozen=True, slots=True)
class Key:
    """What is known of a key; instants in microseconds UTC, ``None`` where there is none."""

    id: str
    name: str
    scopes: frozenset[Scope]
    created_us: int | None
    expires_us: int | None = None
    revoked_us: int | None = None
    used_us: int | None = None

    def is_valid(self, now_us: int) -> bool:
        return self.revoked_us is None and (self.expires_us is None or now_us < self.expires_us)


@dataclass(frozen=True, slots=True)
class _Entry:
    key: Key
    digest: bytes
    principal: Principal


class Keyring:
    """All keys: those of the control store, and those that the configuration gives.

    ``find``, ``is_valid``, ``principal`` and ``name`` never block; the others read or write SQLite. Any thread
    may call any.
    """

    def __init__(self, store: ControlStore, clock: Clock, configured: Mapping[Scope, str] | None = None) -> None:
        self._store = store
        self._clock = clock
        self._writing = threading.Lock()
        self._configured = [
            _entry(Key(f"{CONFIGURED}-{scope}", CONFIGURED, frozenset({scope}), None), digest(text))
            for scope, text in (configured or {}).items()
        ]
        self._by_digest: dict[bytes, _Entry] = {}
        self._by_id: dict[str, _Entry] = {}
        self._used: dict[str, int] = {}
        self.reload()

    def find(self, text: str) -> Principal | None:
        """Whose key this is; ``None`` for one that is unknown, revoked or expired.

        Looked up by its digest, which nobody can steer towards another key's, and then compared in constant time.
        """
        presented = digest(text)
        found = self._by_digest.get(presented)
        if found is None or not hmac.compare_digest(found.digest, presented):
            return None
        now_us = self._clock.now_us()
        if not found.key.is_valid(now_us):
            return None
        self._used[found.key.id] = now_us
        return found.principal

    def is_valid(self, key_id: str) -> bool:
        """Whether a key may still be used."""
        found = self._by_id.get(key_id)
        return found is not None and found.key.is_valid(self._clock.now_us())

    def principal(self, key_id: str) -> Principal | None:
        """The principal of a key that may still be used."""
        found = self._by_id.get(key_id)
        return found.principal if found is not None and self.is_valid(key_id) else None

    def name(self, key_id: str) -> str:
        """What a key is called by people; one that the configuration gives has no name but its id."""
        found = self._by_id.get(key_id)
        return found.key.name if found is not None and found.key.name != CONFIGURED else key_id

    def list(self) -> list[Key]:
        """Every key, the newest first, revoked and expired ones too."""
        keys = [replace(entry.key, used_us=self._used.get(entry.key.id)) for entry in self._configured]
        rows = self._store.database().table("keys").rows_where(order_by="created_us desc, id")
        return keys + [self._as_known(_key(row)) for row in rows]

    def create(self, name: str, scopes: Collection[Scope], expires_us: int | None = None) -> tuple[Key, str]:
        """Make a key; its text is returned here and nowhere else. Raises ``BadArgument``."""
        if not name.strip() or len(name) > _MAX_NAME or not name.isprintable():
            raise BadArgument(f"a key's name is 1 to {_MAX_NAME} printable characters", field="name")
        if not scopes or not set(scopes) <= set(SCOPES):
            raise BadArgument(f"the scopes of a key are one or more of: {', '.join(SCOPES)}", field="scopes")
        now_us = self._clock.now_us()
        if expires_us is not None and expires_us <= now_us:
            raise BadArgument("the time at which a key expires must lie ahead", field="expires_at")
        text = make_text(scopes)
        key = Key(secrets.token_hex(6), name, frozenset(scopes), now_us, expires_us)
        with self._store.writing() as database:
            database.table("keys").insert(_row(key, digest(text)))
        self.reload()
        return key, text

    def revoke(self, key_id: str) -> Key:
        """End a key at once; one that is revoked already stays as it is. Raises ``NotFound``."""
        if any(entry.key.id == key_id for entry in self._configured):
            raise BadArgument("this key comes from the configuration: take it out there and start again", field="id")
        if not key_id.isascii():
            raise NotFound("there is no key of that id; `appliance keys list` shows those there are")
        with self._store.writing() as database:
            database.execute(
                "update keys set revoked_us = coalesce(revoked_us, ?) where id = ?", [self._clock.now_us(), key_id]
            )
        self.reload()
        found = self._by_id.get(key_id)
        if found is None:
            raise NotFound(f"there is no key {key_id[:20]!a}; `appliance keys list` shows those there are")
        return self._as_known(found.key)

    def reload(self) -> None:
        """Read the keys again: another process may have changed them."""
        with self._writing:
            stored = self._store.database().table("keys").rows
            entries = [*self._configured, *(_entry(_key(row), row["digest"]) for row in stored)]
            self._by_digest = {entry.digest: entry for entry in entries}
            self._by_id = {entry.key.id: entry for entry in entries}

    def keep_uses(self) -> None:
        """Write down when keys were last used."""
        used = list(self._used.items())
        with self._store.writing() as database:
            for key_id, used_us in used:
                database.execute(
                    "update keys set used_us = max(coalesce(used_us, 0), ?) where id = ?", [used_us, key_id]
                )

    def _as_known(self, key: Key) -> Key:
        latest = max(filter(None, (key.used_us, self._used.get(key.id))), default=None)
        return replace(key, used_us=latest)


def make_text(scopes: Iterable[Scope]) -> str:
    """A new key: ``aa_``, what it may, and a secret that nobody guesses."""
    given = set(scopes)
    label = "admin" if "admin" in given else "_".join(scope for scope in SCOPES if scope in given)
    return f"aa_{label}_{''.join(secrets.choice(_ALPHABET) for _ in range(_SECRET_LENGTH))}"


def digest(text: str) -> bytes:
    """What is kept of a key or of a session."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()


def _entry(key: Key, key_digest: bytes) -> _Entry:
    return _Entry(key, key_digest, Principal(key.id, key.scopes))


def _key(row: Mapping[str, Any]) -> Key:
    scopes: frozenset[Scope] = frozenset(scope for scope in SCOPES if scope in row["scopes"].split())
    return Key(row["id"], row["name"], scopes, row["created_us"], row["expires_us"], row["revoked_us"], row["used_us"])


def _row(key: Key, key_digest: bytes) -> dict[str, Any]:
    return {
        "id": key.id,
        "name": key.name,
        "scopes": " ".join(scope for scope in SCOPES if scope in key.scopes),
        "digest": key_digest,
        "created_us": key.created_us,
        "expires_us": key.expires_us,
        "revoked_us": key.revoked_us,
        "used_us": key.used_us,
    }
