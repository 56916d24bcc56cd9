from __future__ import annotations

import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.events.keys import event_uuid, make_uuid7s, user_key, uuid5_bytes


@pytest.mark.parametrize(
    ("text", "due"),
    [
        ("", 0x2D06800538D394C2),
        ("a", 0xE6C632B61E964E1F),
        ("abc", 0x78AF5F94892F3950),
    ],
)
def test_user_key_is_xxh3(text: str, due: int) -> None:
    """XXH3_64bits with seed 0, by published vectors."""
    assert due == user_key(text)


def test_uuid5_of_a_known_name() -> None:
    """A fixed value: ids in logs must not change with a library."""
    assert "5406f80d-92e9-51cd-a176-77445955e733" == str(uuid.UUID(bytes=uuid5_bytes(b"https://www.python.org/")))


@given(st.text())
def test_any_other_text_becomes_a_uuid5(text: str) -> None:
    """``uuid5(NAMESPACE_URL, "event:" + text)``."""
    assert uuid.uuid5(uuid.NAMESPACE_URL, f"event:{text}").bytes == event_uuid(text)


@given(st.uuids())
def test_a_uuid_is_itself_in_any_letter_case(value: uuid.UUID) -> None:
    """The canonical form of 36 characters, and no other spelling."""
    assert value.bytes == event_uuid(str(value)) == event_uuid(str(value).upper())
    for spelling in (value.hex, value.urn, f"{{{value}}}", f" {value}"):
        assert value.bytes != event_uuid(spelling)


def test_made_ids_are_uuid7_of_their_moment() -> None:
    """Version, variant and the milliseconds; all different; ordered by the microsecond."""
    now_us = 1_795_500_000_123_456
    made = [uuid.UUID(bytes=make_uuid7s(1_000, now_us)[at : at + 16]) for at in range(0, 16_000, 16)]
    assert {(7, uuid.RFC_4122)} == {(one.version, one.variant) for one in made}
    assert {now_us // 1_000} == {one.int >> 80 for one in made}
    assert 1_000 == len(set(made))
    later = uuid.UUID(bytes=make_uuid7s(1, now_us + 1))
    assert max(one.int >> 64 for one in made) <= later.int >> 64
