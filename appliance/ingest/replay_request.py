"""What a replay asks for, as a request's body says it, and what it answers."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from appliance.errors import BadArgument, BodyError
from appliance.ingest.replay import MOST_REPLAYED, Outcome, Wanted
from appliance.problems import problem

MOST_BYTES: Final = 16 << 20
"""Of a request's body."""


class Mended(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A letter, and the event that takes its place."""

    id: str
    event: msgspec.Raw


class ReplayRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Letters to replay as they are, or mended ones: one of the two."""

    ids: list[str] | None = None
    events: list[Mended] | None = None

    def wanted(self) -> list[Wanted]:
        """The letters; raises ``BadArgument`` or ``BodyError``."""
        if (self.ids is None) == (self.events is None):
            raise BadArgument('send either "ids" or "events"', field="ids")
        if self.ids is not None:
            wanted = [Wanted(letter_id) for letter_id in self.ids]
        else:
            wanted = [Wanted(mended.id, bytes(mended.event).strip()) for mended in self.events or ()]
        if not wanted:
            raise BodyError("empty", "the body names no dead letter")
        if len(wanted) > MOST_REPLAYED:
            raise BodyError("too_large", f"send at most {MOST_REPLAYED:,} letters a request", status=413)
        return wanted


def answer_of(outcome: Outcome) -> tuple[int, dict[str, Any]]:
    """Status and body, as those of events: 202, or 400 where nothing could be accepted."""
    rejected = [
        {"index": index, "code": rejection.code, "field": rejection.field, "message": rejection.message}
        for index, rejection in outcome.rejected
    ]
    if not outcome.accepted and not outcome.duplicates:
        first = outcome.rejected[0][1]
        detail = f"no letter could be replayed; the first: {first.message}"
        return 400, problem(400, first.code, detail, field=first.field, rejected=rejected)
    return 202, {"accepted": outcome.accepted, "duplicates": outcome.duplicates, "rejected": rejected}
