"""Events in CSV."""

from __future__ import annotations

import json
from typing import Any

import pytest

from appliance.ingest.csv_lines import csv_lines
from appliance.ingest.pieces import FileDamaged


def _events(text: str) -> list[tuple[int, Any]]:
    return [(line.number, line.fault or json.loads(line.raw)) for line in csv_lines([text.encode()])]


def test_fields_properties_and_other_columns() -> None:
    """Cells are text, properties are JSON, empty cells are missing, and a row has its first line's number."""
    text = (
        "event_type,user_id,plan,properties,timestamp\r\n"
        'conversion,007,"pro\nplus","{""amount"": 1.5}",1767225600\r\n'
        "\r\n"
        "email_sent,8,,,20260101\r\n"
    )
    expected = [
        (
            2,
            {
                "event_type": "conversion",
                "user_id": "007",
                "plan": "pro\nplus",
                "properties": {"amount": 1.5},
                "timestamp": 1767225600,
            },
        ),
        (5, {"event_type": "email_sent", "user_id": "8", "timestamp": "20260101"}),
    ]
    assert expected == _events(text)


def test_properties_that_are_no_object_stay_text() -> None:
    """Text can't smuggle fields into its event: it stays text, which the event's check refuses by name."""
    text = 'event_type,user_id,properties\nx,1,"{},""user_id"":""2"""\n'
    assert [(2, {"event_type": "x", "user_id": "1", "properties": '{},"user_id":"2"'})] == _events(text)


def test_a_broken_row_is_refused_alone() -> None:
    """A wrong number of cells, broken quotes and broken UTF-8 cost their own row."""
    content = b'event_type,user_id\nx\n"x"y,1\nx,\xff\nx,2\n'
    found = list(csv_lines([content]))
    assert [2, 3, 4, 5] == [line.number for line in found]
    assert [True, True, True, False] == [line.fault is not None for line in found]
    assert [b"x", b'"x"y,1', b"x,\xff"] == [line.raw for line in found[:3]]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "no header"),
        ("event_type,event_type,user_id\n", "twice"),
        ("event_type,,user_id\n", "column 2 has no name"),
        ("user_id,x\n", "lacks the column event_type"),
    ],
)
def test_an_unusable_header_ends_the_import(text: str, words: str) -> None:
    """Where no row could be right, the file as a whole is refused."""
    with pytest.raises(FileDamaged, match=words):
        _events(text)
