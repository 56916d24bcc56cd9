"""``appliance query``: on the data folder itself and beside a running server."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.acceptance.conftest import StartServer
from tests.acceptance.server import Server
from tests.process import run_command

_SQL = (
    "SELECT user_id, count(*) AS n, sum(amount) AS amount, list(event_type ORDER BY event_type) AS types,"
    " max(label) AS none FROM events GROUP BY user_id ORDER BY user_id"
)


@pytest.fixture
def stored(start_server: StartServer) -> Server:
    """A server with three events."""
    server = start_server()
    amount = {"amount": "12345678901234.5678", "currency": "EUR"}
    server.post(
        [
            {"event_type": "conversion", "user_id": "ada", "properties": amount},
            {"event_type": "email_sent", "user_id": "ada"},
            {"event_type": "email_sent", "user_id": "bo, b"},
        ]
    )
    return server


def _printed(data: Path, *arguments: str) -> str:
    told = run_command("query", *arguments, "--data", str(data))
    assert (0, "") == (told.returncode, told.stderr)
    return told.stdout


def test_rows_in_every_format_with_a_server_and_without(stored: Server) -> None:
    """The same rows come out, no digit lost, and nothing else on standard output."""
    for _ in ("beside the server", "on the folder"):
        table = _printed(stored.data, _SQL)
        assert ["user_id", "n", "amount", "types", "none"] == table.splitlines()[0].split()
        assert "12345678901234.5678" in table
        assert [
            "user_id,n,amount,types,none",
            'ada,2,12345678901234.5678,"[""conversion"",""email_sent""]",',
            '"bo, b",1,,"[""email_sent""]",',
        ] == _printed(stored.data, _SQL, "--format", "csv").splitlines()
        lines = _printed(stored.data, _SQL, "--format", "ndjson").splitlines()
        assert '"amount":12345678901234.5678' in lines[0]
        assert {"user_id": "bo, b", "n": 1, "amount": None, "types": ["email_sent"], "none": None} == json.loads(
            lines[1]
        )
        answer = json.loads(_printed(stored.data, _SQL, "--json"))
        assert ["columns", "elapsed_ms", "row_count", "rows", "truncated"] == sorted(answer)
        assert 2 == answer["row_count"]
        stored.process.stop() if stored.process.running else None


def test_a_statement_from_standard_input(stored: Server) -> None:
    """``-`` reads it, with its line breaks; columns of one name stay apart in an object."""
    command = [sys.executable, "-m", "appliance", "query", "-", "--format", "ndjson", "--url", stored.url]
    told = subprocess.run(command, input=b"SELECT 1 AS a,\n -- two\n 2 AS a", capture_output=True, check=True)
    assert {"a": 1, "a_2": 2} == json.loads(told.stdout)


def test_what_was_cut_off_is_told(stored: Server) -> None:
    """On standard error, so that the rows can be piped."""
    told = run_command("query", "SELECT * FROM range(20000)", "--format", "csv", "--data", str(stored.data))
    assert 10_001 == len(told.stdout.splitlines())
    assert "the first 10,000 rows; there are more\n" == told.stderr


def test_refused_and_failed(stored: Server) -> None:
    """One line and 3, with a server and without; an empty statement is wrong use."""
    for _ in ("beside the server", "on the folder"):
        for sql, words in (("DROP TABLE events", "only SELECT may run"), ("SELECT nobody FROM events", "nobody")):
            told = run_command("query", sql, "--data", str(stored.data))
            assert (3, "", 1) == (told.returncode, told.stdout, told.stderr.count("\n"))
            assert words in told.stderr
        assert 2 == run_command("query", " ", "--data", str(stored.data)).returncode
        stored.process.stop() if stored.process.running else None
