"""Dead letters by the page: as many as there are, listed and replayed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import msgspec

from appliance.cli.letter_target import LetterTarget
from appliance.cli.target import Progress
from appliance.errors import ApplianceError, BadArgument
from appliance.ingest.dead_letter_list import MOST_LISTED

_REPLAYED_AT_ONCE: Final = 1_000
_STARTS: Final = 5


def pages(target: LetterTarget, chosen: Mapping[str, str], limit: int | None = None) -> Iterator[dict[str, Any]]:
    """Answers of a list, each going on where the one before ended, until ``limit`` letters have come or all."""
    before: dict[str, str] = {}
    left = limit
    while left is None or left > 0:
        size = MOST_LISTED if left is None else min(left, MOST_LISTED)
        page = target.list({**chosen, **before, "limit": str(size)})
        yield page
        letters = page["dead_letters"]
        if not letters:
            return
        before = {"before": letters[-1]["id"]}
        left = None if left is None else left - len(letters)


def every_id(target: LetterTarget, chosen: Mapping[str, str]) -> list[str]:
    """The ids of all letters that are there, newest first; begun again where a letter goes away under our hands."""
    ids: dict[str, None] = {}
    for start in range(1, _STARTS + 1):
        try:
            for page in pages(target, chosen):
                ids.update((letter["id"], None) for letter in page["dead_letters"])
            break
        except ApplianceError:
            # the letter that the next page was to follow was replayed or let go meanwhile
            if start == _STARTS or not ids:
                raise
    return list(ids)


def replay_all(target: LetterTarget, ids: Sequence[str], progress: Progress) -> dict[str, Any]:
    """Replay letters as they are; ``rejected`` has the id of each that was refused again."""
    accepted = duplicates = 0
    rejected: list[dict[str, Any]] = []
    for begin in range(0, len(ids), _REPLAYED_AT_ONCE):
        some = ids[begin : begin + _REPLAYED_AT_ONCE]
        answer = target.replay({"ids": some})
        accepted += answer["accepted"]
        duplicates += answer["duplicates"]
        rejected += [
            {**refused, "index": begin + refused["index"], "id": some[refused["index"]]}
            for refused in answer["rejected"]
        ]
        progress("replaying", begin + len(some), len(ids))
    return {"accepted": accepted, "duplicates": duplicates, "rejected": rejected}


def parsed_event(text: str) -> msgspec.Raw:
    """The JSON of an event as it was written; raises ``BadArgument`` where it is none."""
    raw = text.strip().encode("utf-8", "surrogateescape")
    try:
        msgspec.json.decode(raw, type=msgspec.Raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as fault:
        raise BadArgument(f"the mended event is not JSON: {fault}") from fault
    return msgspec.Raw(raw)
