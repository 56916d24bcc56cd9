"""Lines of files, numbered."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from appliance.ingest.lines import MAX_LINE_BYTES, Line, ndjson_lines, split_lines


@given(st.binary(max_size=200), st.integers(1, 50))
def test_lines_do_not_depend_on_the_pieces(content: bytes, step: int) -> None:
    """However a file comes in, its lines are those of the whole."""
    content = content.removeprefix(b"\xef\xbb\xbf")
    expected = content.split(b"\n")
    found = split_lines(content[at : at + step] for at in range(0, len(content), step))
    assert (expected[:-1] if expected[-1] == b"" else expected) == list(found)


def test_blank_lines_count_but_are_passed_over() -> None:
    """Numbers are those that an editor shows; a byte order mark and line ends of Windows are no part of a line."""
    expected = [Line(1, b"{}"), Line(4, b"[]")]
    assert expected == list(ndjson_lines([b"\xef\xbb\xbf{}\r\n \n\n[]"]))


def test_an_endless_line_is_refused_and_the_next_one_read() -> None:
    """A line beyond the bound becomes a fault with its beginning, and memory stays bounded."""
    endless = (b"x" * 100_000 for _ in range(30))
    found = list(ndjson_lines([*endless, b"\n{}"]))
    assert [1, 2] == [line.number for line in found]
    assert f"the line is longer than {MAX_LINE_BYTES:,} bytes" == found[0].fault
    assert len(found[0].raw) < 100_000
    assert Line(2, b"{}") == found[1]
