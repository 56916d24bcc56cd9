"""What a group commit does to dead letters: which of them its rows settle, and which of its own are there already."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

import duckdb
import pyarrow as pa

from appliance.events.rejection import DeadLetter
from appliance.log.columns import uuid_array
from appliance.log.dead_letters import KEPT_BYTES
from appliance.log.protocol import Batch
from appliance.sql import queries

_SQL: Final = queries("appliance.log", "dead_letters.sql")


@dataclass(slots=True)
class Settled:
    """The batches with the rows whose letters are there, and what became of each letter."""

    batches: list[Batch]
    letters: dict[bytes, int] = field(default_factory=dict)
    """The letters that go, with the bytes of payload that go with each."""
    gone: list[tuple[bytes, ...]] = field(default_factory=list)
    """For each batch the letters that are neither there nor were replayed."""


def settle(batches: Sequence[Batch], cursor: duckdb.DuckDBPyConnection) -> Settled:
    """Judge a group: a letter is settled once, by the first that comes. In the writer's thread."""
    asked = {letter for batch in batches if batch.replay is not None for letter in batch.replay.all()}
    if not asked:
        return Settled(list(batches), {}, [()] * len(batches))
    there, replayed = _find(cursor, asked)
    settled = Settled([])
    for batch in batches:
        _settle_one(batch, there, replayed, settled)
    return settled


def _settle_one(batch: Batch, there: Mapping[bytes, int], replayed: set[bytes], settled: Settled) -> None:
    if batch.replay is None:
        settled.batches.append(batch)
        settled.gone.append(())
        return

    def claim(letter: bytes) -> bool:
        if letter in there and letter not in settled.letters:
            settled.letters[letter] = there[letter]
            return True
        return False

    rows = [row for row, letter in zip(batch.rows, batch.replay.of_rows, strict=True) if claim(letter)]
    for letter in batch.replay.stored_already:
        claim(letter)
    known = replayed | there.keys()
    settled.batches.append(replace(batch, rows=rows))
    settled.gone.append(tuple(letter for letter in batch.replay.all() if letter not in known))


def unknown_letters(letters: list[DeadLetter], cursor: duckdb.DuckDBPyConnection) -> list[DeadLetter]:
    """Those that have no id of their own, or one that neither lies in the log nor was replayed."""
    named = {letter.id for letter in letters if letter.id}
    if not named:
        return letters
    there, replayed = _find(cursor, named)
    known = replayed | there.keys()
    fresh: list[DeadLetter] = []
    for letter in letters:
        if letter.id in known:
            continue
        if letter.id:
            known.add(letter.id)
        fresh.append(letter)
    return fresh


def _find(cursor: duckdb.DuckDBPyConnection, ids: Iterable[bytes]) -> tuple[dict[bytes, int], set[bytes]]:
    """Which letters lie in the log, each with the bytes kept of its payload, and which were replayed."""
    cursor.register("asked_letters", pa.table({"id": uuid_array(b"".join(ids))}))
    try:
        there = cursor.execute(_SQL["letters_there"], {"kept_bytes": KEPT_BYTES}).fetchall()
        replayed = cursor.execute(_SQL["letters_replayed"]).fetchall()
    finally:
        cursor.unregister("asked_letters")
    return {found.bytes: size for found, size in there}, {found.bytes for (found,) in replayed}
