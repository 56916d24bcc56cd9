"""Custom types are refused one event at a time once no narrow key is left."""

from __future__ import annotations

from appliance.config import Settings
from appliance.events.custom_types import MOST_CUSTOM_TYPES, CustomTypes
from appliance.events.types import FIRST_CUSTOM_KEY
from appliance.ingest.intake import Decoder
from appliance.testing import SettableClock


def _event(event_type: str, user_id: str = "u") -> str:
    return f'{{"event_type":"{event_type}","user_id":"{user_id}"}}'


def test_a_type_too_many_is_refused_alone() -> None:
    """Known types and those that have a key go on; what is refused for another reason takes no key."""
    decoder = Decoder(Settings(), SettableClock(), CustomTypes(most=2))
    types = ["a", "email_sent", "b", "c", "a", "conversion"]
    body = ",".join([_event("z", ""), *map(_event, types)])
    judged = decoder.decode(f"[{body}]".encode(), "json", "http")

    assert [(0, "missing_field", "user_id"), (4, "bad_event_type", "event_type")] == [
        (index, rejection.code, rejection.field) for index, rejection in judged.rejected
    ]
    assert 5 == len(judged.rows)


def test_the_last_key_fits() -> None:
    """The key of the last type that is admitted is the largest of 16 bits."""
    assert 2**16 - 1 == FIRST_CUSTOM_KEY + MOST_CUSTOM_TYPES - 1


def test_stored_types_stay_admitted() -> None:
    """Types that have keys are counted, and taken even when there are more than may be."""
    types = CustomTypes(most=1)
    types.add_stored(["a", "b"])

    assert [True, True, False] == [types.admit(name) for name in ("a", "b", "c")]
