"""Where an export goes."""

from __future__ import annotations

import gzip
import os
import threading
from pathlib import Path

import pytest
import zstandard

from appliance.cli.output import Output, open_output


def test_a_file_appears_when_it_is_complete(tmp_path: Path) -> None:
    """Until the last byte is written the old file stands; afterwards nothing else is left."""
    path = tmp_path / "out.ndjson"
    path.write_bytes(b"old")
    with open_output(str(path)) as output:
        output.write(b"new")
        assert b"old" == path.read_bytes()
    assert b"new" == path.read_bytes()
    assert [path] == list(tmp_path.iterdir())


def test_a_file_that_could_not_be_completed_is_not_left_behind(tmp_path: Path) -> None:
    """A fault in the middle leaves the old file, and no draft."""
    path = tmp_path / "out.ndjson"
    path.write_bytes(b"old")
    with pytest.raises(RuntimeError), open_output(str(path)) as output:
        _break_off(output)
    assert b"old" == path.read_bytes()
    assert [path] == list(tmp_path.iterdir())


def test_a_suffix_of_a_compression_compresses(tmp_path: Path) -> None:
    """What ends in .gz or .zst holds what was written, compressed."""
    for name, inflate in (("a.csv.gz", gzip.decompress), ("a.csv.zst", _unzstd)):
        with open_output(str(tmp_path / name)) as output:
            output.write(b"x" * 10_000)
        content = (tmp_path / name).read_bytes()
        assert len(content) == output.size_bytes < 1_000
        assert b"x" * 10_000 == inflate(content)


def test_a_pipe_is_written_to_and_not_replaced(tmp_path: Path) -> None:
    """A named pipe stays one, and its reader gets the bytes."""
    path = tmp_path / "pipe"
    os.mkfifo(path)
    found: list[bytes] = []
    reader = threading.Thread(target=lambda: found.append(path.read_bytes()))
    reader.start()
    with open_output(str(path)) as output:
        output.write(b"through")
    reader.join(10)
    assert [b"through"] == found
    assert path.is_fifo()


def _break_off(output: Output) -> None:
    output.write(b"half")
    raise RuntimeError


def _unzstd(content: bytes) -> bytes:
    return zstandard.ZstdDecompressor().decompressobj().decompress(content)
