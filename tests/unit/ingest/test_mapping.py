"""Foreign columns as events: what a mapping may say, and what it makes of rows."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.ingest.csv_lines import csv_lines
from appliance.ingest.delimiters import sniff_delimiter
from appliance.ingest.foreign_values import amount_with_comma, time_reader
from appliance.ingest.lines import Fault
from appliance.ingest.mapping import BadMapping, Mapping, mapping_of
from appliance.ingest.mapping_file import read_mapping
from appliance.ingest.parquet_lines import parquet_lines
from appliance.ingest.pieces import FileDamaged

MAPPING = {
    "columns": {"event_type": "Event", "user_id": "Email", "timestamp": "Sent at", "properties.amount": "Amount"},
    "constants": {"campaign_id": "spring", "properties.list": 7},
    "values": {"event_type": {"Bought": "conversion"}},
    "timestamp_format": "%d.%m.%Y %H:%M",
    "timezone": "Europe/Berlin",
    "decimal_comma": True,
}
HEADER = "Event;Email;Sent at;Amount;Country;timestamp\n"


def _events(content: str | bytes, mapping: dict[str, Any]) -> list[Any]:
    raw = content.encode() if isinstance(content, str) else content
    return [line.fault or json.loads(line.raw) for line in csv_lines([raw], mapping_of(mapping))]


def test_a_foreign_row_becomes_an_event() -> None:
    """Columns, constants, meanings, a local time and an amount with a comma; other columns become properties."""
    row = 'Bought;ada@x.org;31.07.2026 12:00;1.234,50;"D;E";noon\n'
    expected = {
        "event_type": "conversion",
        "user_id": "ada@x.org",
        "timestamp": "2026-07-31T10:00:00Z",
        "campaign_id": "spring",
        "properties": {"list": 7, "amount": "1234.50", "Country": "D;E", "timestamp": "noon"},
    }
    assert [expected] == _events(HEADER + row, MAPPING)


def test_other_columns_can_be_dropped() -> None:
    """With ``unmapped: drop`` an event holds what was named, or is named as a field, and nothing else."""
    mapping = {"columns": {"event_type": "Event"}, "unmapped": "drop"}
    text = "Event,user_id,received_at,plan\nx,u,2020-01-01,pro\n"
    assert [{"event_type": "x", "user_id": "u"}] == _events(text, mapping)
    kept = _events(text, mapping | {"unmapped": "keep"})
    assert [{"received_at": "2020-01-01", "plan": "pro"}] == [event["properties"] for event in kept]


@pytest.mark.parametrize(
    ("row", "fault"),
    [
        (
            "x;u;31.02.2026 12:00;1,5;;\n",
            Fault("bad_timestamp", "timestamp", "'31.02.2026 12:00' does not have the timestamp_format "),
        ),
        (
            "x;u;2026-01-31;1,5;;\n",
            Fault("bad_timestamp", "timestamp", "'2026-01-31' does not have the timestamp_format "),
        ),
        ("x;u;;1.5;;\n", Fault("bad_amount", "properties.amount", "'1.5' is no amount with a decimal comma")),
    ],
)
def test_a_value_that_is_not_as_the_mapping_says_is_refused(row: str, fault: Fault) -> None:
    """It isn't guessed at, even where it could be read in another way."""
    (found,) = _events(HEADER + row, MAPPING)
    assert (fault.code, fault.field) == (found.code, found.field)
    assert found.message.startswith(fault.message)


def test_properties_of_the_file_are_the_ground_for_mapped_ones() -> None:
    """A JSON object in a column ``properties`` keeps its other members, in their own spelling."""
    text = 'event_type,user_id,properties,Plan\nx,u,"{""a"": 1.50, ""plan"": 0}",pro\n'
    assert [{"a": 1.5, "plan": "pro"}] == [
        event["properties"] for event in _events(text, {"columns": {"properties.plan": "Plan"}})
    ]


def test_another_encoding() -> None:
    """Latin letters of cp1252 and the two bytes of UTF-16 are read as what they are."""
    text = "event_type,user_id,city\nx,u,Köln €\n"
    for encoding in ("cp1252", "utf-16"):
        (event,) = _events(text.encode(encoding), {"encoding": encoding})
        assert "Köln €" == event["properties"]["city"]
    with pytest.raises(FileDamaged, match="the file is not utf-16"):
        _events(b"event_type,user_id\nx", {"encoding": "utf-16"})


def test_parquet_columns_are_mapped_as_well() -> None:
    """Values keep their types."""
    file = io.BytesIO()
    pq.write_table(pa.table({"Kind": ["a"], "Who": [7], "Worth": [1.5]}), file)
    mapping = mapping_of({"columns": {"event_type": "Kind", "user_id": "Who", "properties.amount": "Worth"}})
    expected = {"event_type": "a", "user_id": 7, "properties": {"amount": 1.5}}
    assert [expected] == [json.loads(line.raw) for line in parquet_lines(file, mapping)]


@pytest.mark.parametrize(
    ("mapping", "words"),
    [
        (
            {"columns": {"user_id": "Mail"}},
            r"columns.user_id: there is no column 'Mail'; the file has 'Event', 'Email'",
        ),
        ({"columns": {"event_type": "Event"}}, "nothing gives user_id: add --map user_id=COLUMN"),
        ({"columns": {"event_type": "Event", "user_id": "Event"}}, "'Event' is mapped to more than one field"),
        (
            {"columns": {"event_type": "Event", "user_id": "Email", "properties.Country": "Amount"}},
            "both be properties.Country",
        ),
    ],
)
def test_a_mapping_that_does_not_fit_the_file(mapping: dict[str, Any], words: str) -> None:
    """The error names the key and the remedy, and lists the columns."""
    with pytest.raises(FileDamaged, match=words):
        _events(HEADER + "x;u;;;;\n", mapping)


@pytest.mark.parametrize(
    ("mapping", "words"),
    [
        ([], "a mapping consists of keys"),
        ({"colums": {}}, "colums: there is no such key; did you mean columns?"),
        ({"columns": {"user": "a"}}, "columns.user: an event has no such field; there are event_type, user_id"),
        ({"columns": {"properties.": "a"}}, "columns.properties.: an event has no such field"),
        ({"columns": {"user_id": 1}}, "columns: expected `str`, got `int` (put it in quotes)"),
        ({"columns": ["a"]}, "columns: expected `object`, got `array`"),
        ({"columns": {"user_id": "a"}, "constants": {"user_id": "b"}}, "constants.user_id: columns has it too"),
        ({"constants": {"user_id": True}}, "constants.user_id: must be text or a whole number, not True"),
        ({"constants": {"properties": "x"}}, "constants.properties: name one property"),
        ({"timezone": "Berlin"}, "timezone: must be an IANA time zone such as Europe/Berlin, not 'Berlin'"),
        ({"delimiter": ";;"}, "delimiter: must be one character"),
        ({"encoding": "klingon"}, "encoding: must be one that Python knows"),
        ({"encoding": "base64"}, "encoding: must be one that Python knows"),
        ({"timestamp_format": "%H:%M"}, "timestamp_format: '%H:%M' must name year, month and day"),
        ({"timestamp_format": "%Q"}, "timestamp_format: '%Q' is no format of strptime"),
        ({"unmapped": "ignore"}, "unmapped: invalid enum value 'ignore'"),
    ],
)
def test_a_mapping_that_makes_no_sense(mapping: object, words: str) -> None:
    """One line that begins with the key."""
    with pytest.raises(BadMapping) as caught:
        mapping_of(mapping)
    assert caught.value.message.startswith(words)


def test_the_command_line_goes_before_the_file(tmp_path: Path) -> None:
    """A field that is given in both is as the command line says, under either key."""
    path = tmp_path / "m.yaml"
    path.write_text("columns: {user_id: Mail, event_type: Kind}\nconstants: {campaign_id: a}\n")
    mapping = read_mapping(path, ["user_id=E=Mail", "campaign_id=Camp"], ["event_type=x"])
    assert mapping is not None
    assert ({"user_id": "E=Mail", "campaign_id": "Camp"}, {"event_type": "x"}) == (mapping.columns, mapping.constants)
    assert read_mapping(None, (), ()) is None


@pytest.mark.parametrize(
    ("content", "words"),
    [("columns: {a: b\n", "line 2 is not YAML"), ("- a\n", "a mapping consists of keys"), ("a: b\n", "a: there is no")],
)
def test_a_file_that_is_no_mapping(tmp_path: Path, content: str, words: str) -> None:
    """The file's name comes first, then what is wrong."""
    path = tmp_path / "m.yaml"
    path.write_text(content)
    with pytest.raises(BadMapping) as caught:
        read_mapping(path, (), ())
    assert caught.value.message.startswith(f"{path}: {words}")


@pytest.mark.parametrize(
    ("header", "delimiter"),
    [
        ("event_type,user_id", ","),
        ("Kind;Who;A,B", ";"),
        ("Kind\tWho", "\t"),
        ('"a;b;c",Kind,Who', ","),
        ("Kind|a,b,c|Who", "|"),
        ("Kind", ","),
    ],
)
def test_the_delimiter_is_the_one_that_finds_the_columns(header: str, delimiter: str) -> None:
    """Columns that are looked for count before mere numbers; quotes are respected."""
    assert delimiter == sniff_delimiter(header, {"Kind", "Who", "event_type", "user_id"})


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-07-31 12:00", "2026-07-31T10:00:00Z"),
        ("2026-01-31", "2026-01-30T23:00:00Z"),
        ("2026-07-31T12:00:00.5+00:00", "2026-07-31T12:00:00.5+00:00"),
        ("2026-07-31T12:00Z", "2026-07-31T12:00Z"),
        ("2026-10-25T02:30", "2026-10-25T00:30:00Z"),
        ("2026-03-29T02:30", "2026-03-29T01:30:00Z"),
        ("1767225600", 1767225600),
        ("soon", "soon"),
    ],
)
def test_times_without_offset_are_local(text: str, expected: object) -> None:
    """A zone applies to times that name none; days when clocks are set go by the offset from before."""
    assert expected == time_reader(None, "Europe/Berlin")(text)


@given(st.integers(-(10**12), 10**12), st.sampled_from([".", " ", "'", "\u2019", "\u00a0", ""]))
def test_amounts_with_a_comma(cents: int, thousands: str) -> None:
    """However thousands are set apart, the amount comes out as decimal text."""
    whole, rest = divmod(abs(cents), 100)
    sign = "-" if cents < 0 else ""
    written = f"{sign}{whole:,}".replace(",", thousands) + f",{rest:02}"
    assert f"{sign}{whole}.{rest:02}" == amount_with_comma(written)


_CELL = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8)


@settings(max_examples=60, deadline=None)
@given(
    rows=st.lists(st.tuples(_CELL, _CELL.filter(bool), _CELL), max_size=5),
    delimiter=st.sampled_from([",", ";", "\t", "|"]),
    encoding=st.sampled_from([None, "utf-8-sig", "utf-16-le"]),
)
def test_cells_of_any_foreign_file_arrive_whole(
    rows: list[tuple[str, str, str]], delimiter: str, encoding: str | None
) -> None:
    """Whatever stands in the cells, in whichever dialect: each row is an event that holds them."""
    quoted = [[f'"{cell.replace(chr(34), chr(34) * 2)}"' for cell in row] for row in (("A", "user_id", "B"), *rows)]
    text = "\n".join(delimiter.join(row) for row in quoted) + "\n"
    mapping: dict[str, Any] = {"columns": {"properties.a": "A"}, "constants": {"event_type": "x"}}
    if encoding is not None:
        mapping |= {"encoding": encoding}
    found = _events(text.encode(encoding or "utf-8"), mapping)
    expected = [{name: value for name, value in (("a", first), ("B", last)) if value} for first, _, last in rows]
    assert expected == [event.get("properties", {}) for event in found]
    assert [who for _, who, _ in rows] == [event["user_id"] for event in found]


def test_a_mapping_has_one_text() -> None:
    """The order in which keys were written makes no other mapping of it."""
    one = mapping_of({"columns": {"user_id": "a", "event_type": "b"}})
    other = mapping_of({"columns": {"event_type": "b", "user_id": "a"}})
    assert one.text() == other.text()
    assert Mapping().text() != one.text()
