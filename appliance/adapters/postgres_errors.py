"""What PostgreSQL's errors mean for a mirror, in words that hold no values and no secrets."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import psycopg

from appliance.adapters.protocol import BatchRefused, MirrorError, Misconfigured, Unreachable

_READ_ONLY: Final = "the server takes no writes now (a standby, or default_transaction_read_only); it is tried again"
# By SQLSTATE, or the class that it begins with; the longest that fits counts.
_TRANSIENT: Final = {
    "08": "the connection failed",
    "25006": _READ_ONLY,
    "25P03": "the server ended a transaction that stood still",
    "40": "the server took the transaction back",
    "42P01": "a table has gone; it is made again",
    "42703": "a column has gone; the table is looked at again",
    "42P10": "the unique index on event_id has gone; it is made again",
    "53": "the server lacks resources",
    "53100": "the server's disk is full",
    "53300": "the server has no connection free",
    "55": "what is needed is in use",
    "55P03": "somebody else holds a lock on the table",
    "57": "the server ended the work",
    "57014": "the server took longer than it may",
    "57P03": "the server is starting or stopping",
    "58": "the server has trouble with its files",
    "F0": "the server has trouble with its files",
    "XX": "the server has found itself damaged",
}
_REFUSING_CLASSES: Final = ("22", "23", "54", "P0")
# Of connections that fail libpq tells no SQLSTATE, only the text.
_WRONG_LOGIN: Final = re.compile(
    r"authentication failed|no pg_hba\.conf entry|does not exist|no password supplied|certificate verify failed"
    r"|does not match host name|does not support SSL|permission denied|not permitted to log in|root certificate",
    re.IGNORECASE,
)
_LONGEST_PRIMARY: Final = 160


@contextmanager
def told() -> Iterator[None]:
    """Turn psycopg's errors inside into a ``MirrorError``."""
    try:
        yield
    except psycopg.Error as fault:
        raise meaning(fault) from None


def meaning(fault: psycopg.Error) -> MirrorError:
    """What an error means for the mirror."""
    state = fault.sqlstate
    if state is None:
        return _of_connection(fault)
    reason = next((_TRANSIENT[known] for known in (state, state[:2]) if known in _TRANSIENT), None)
    if reason is not None:
        return Unreachable(f"{reason}: {_primary(fault)} ({state})")
    if state.startswith(_REFUSING_CLASSES):
        return BatchRefused(_refusal(fault))
    return Misconfigured(f"PostgreSQL refuses: {_primary(fault)} ({state})")


def _of_connection(fault: psycopg.Error) -> MirrorError:
    text = " ".join(str(fault).split())
    if isinstance(fault, psycopg.errors.ConnectionTimeout):
        return Unreachable("no connection came about in time")
    if isinstance(fault, psycopg.OperationalError) and not _timed_out(fault):
        kind = Misconfigured if _WRONG_LOGIN.search(text) else Unreachable
        return kind(text)
    return Unreachable("the server didn't answer in time" if _timed_out(fault) else f"the connection failed: {text}")


def _timed_out(fault: psycopg.Error) -> bool:
    return type(fault).__name__ == "_WaitTimeout"


def _primary(fault: psycopg.Error) -> str:
    return (fault.diag.message_primary or type(fault).__name__)[:_LONGEST_PRIMARY]


def _refusal(fault: psycopg.Error) -> str:
    # the primary message of these classes may quote a value: a name of the condition says enough
    words = re.sub(r"(?<!^)([A-Z])", r" \1", type(fault).__name__).lower()
    diag = fault.diag
    at = "".join(
        f", {what} {name}"
        for what, name in (("column", diag.column_name), ("constraint", diag.constraint_name))
        if name
    )
    return f"PostgreSQL refuses it: {words} ({fault.sqlstate}{at})"
