"""What PostgreSQL can't hold is found before it is sent, and the rest is written so that COPY reads it back."""

from __future__ import annotations

import json
import uuid
from collections.abc import Sequence
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.adapters.postgres_rows import as_csv, takable
from appliance.events.row import Row
from appliance.log.columns import to_table
from appliance.testing import make_row

_TEXTS = st.text(st.sampled_from('\x00\\u0"a\n,ü'), max_size=12)
_JSON = st.recursive(
    _TEXTS | st.integers(), lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_TEXTS, inner), max_leaves=4
)


def _table(rows: Sequence[Row]) -> Any:
    ids = b"".join(bytes([number]) * 16 for number in range(len(rows)))
    return to_table(rows, ids, [1] * len(rows), 1)


def _has_nul(value: Any) -> bool:
    if isinstance(value, dict):
        return any("\x00" in key or _has_nul(inner) for key, inner in value.items())
    if isinstance(value, list):
        return any(map(_has_nul, value))
    return isinstance(value, str) and "\x00" in value


@given(st.lists(st.dictionaries(_TEXTS, _JSON, max_size=3), min_size=1, max_size=4))
@settings(deadline=None)
def test_nul_characters_are_found_exactly(all_properties: list[dict[str, Any]]) -> None:
    """An escaped NUL anywhere refuses its event; a backslash that is followed by u0000 as plain text doesn't."""
    events = _table([make_row(properties=properties) for properties in all_properties])
    kept, refused = takable(events, {})
    assert [seq for seq, properties in enumerate(all_properties, 1) if _has_nul(properties)] == [
        event.seq for event in refused
    ]
    assert len(all_properties) == len(kept) + len(refused)


@given(
    st.lists(st.tuples(_TEXTS.filter(lambda text: "\x00" not in text), st.sampled_from([None, "", "s"])), min_size=1)
)
@settings(deadline=None)
def test_csv_keeps_texts_and_what_is_missing(pairs: list[tuple[str, str | None]]) -> None:
    """Every text is quoted, an empty one too, and what is missing is nothing at all."""
    rows = [make_row("x", user, session_id=session, properties={"a": user}) for user, session in pairs]
    expected = "".join(
        f"{_quoted(str(uuid.UUID(bytes=bytes([number]) * 16)))},{_quoted('x')},{_quoted(user)},"
        f"2026-01-01 00:00:00.000000,{_quoted(json.dumps({'a': user}, separators=(',', ':')))},{_quoted(session)},\n"
        for number, (user, session) in enumerate(pairs)
    )
    assert expected == bytes(as_csv(_table(rows))).decode()


def _quoted(text: str | None) -> str:
    return "" if text is None else '"' + text.replace('"', '""') + '"'


def test_lengths_are_counted_in_characters() -> None:
    """A column of three characters holds three of any alphabet, and a missing value."""
    rows = [make_row(user_id="u", campaign_id=campaign) for campaign in ("üüü", "üüüü", None)]
    kept, refused = takable(_table(rows), {"campaign_id": 3})
    assert ["üüü", None] == kept.column("campaign_id").to_pylist()
    assert [(2, "PostgreSQL can't hold it: campaign_id is longer than the 3 characters of its column")] == [
        (event.seq, event.reason) for event in refused
    ]
