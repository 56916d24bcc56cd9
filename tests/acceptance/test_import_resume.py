"""Imports that are killed go on where they stopped, and exports come back whole."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import duckdb
import pytest

from tests.acceptance.conftest import StartServer
from tests.process import run_command

_LINES = 160_000


def _file(folder: Path) -> Path:
    path = folder / "many.csv"
    with path.open("w") as file:
        file.write("Kind,Who,Note\n")
        file.writelines(f'x,u{number % 1000},"{number},\n{number}"\n' for number in range(_LINES))
    return path


_MAPPING = ("--map", "event_type=Kind", "--map", "user_id=Who")


def _json(*arguments: str, code: int = 0) -> dict[str, Any]:
    told = run_command(*arguments, "--json")
    assert code == told.returncode, told.stderr
    result: dict[str, Any] = json.loads(told.stdout)
    return result


def _start(*arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "appliance", *arguments]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)


def _wait_for_bytes(path: Path, size: int) -> None:
    """Return when so much is in the write-ahead log, which is all that another process can see."""
    for _ in range(12_000):
        if path.exists() and path.stat().st_size > size:
            return
        time.sleep(0.01)
    raise AssertionError("the import stored nothing")


def _exported(*at: str) -> set[str]:
    """What is stored but for when it was received."""
    told = run_command("export", "-", *at)
    assert 0 == told.returncode, told.stderr
    events = [json.loads(line) for line in told.stdout.splitlines()]
    assert _LINES == len(events)
    return {f"{event['event_id']} {event['user_id']} {event['properties']}" for event in events}


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, set[str]]:
    """The file, and what an import of it stores that nothing disturbs."""
    folder = tmp_path_factory.mktemp("whole")
    file = _file(folder)
    at = ("--data", str(folder / "data"))
    assert _LINES == _json("import", str(file), *_MAPPING, *at)["stored"]
    return file, _exported(*at)


@pytest.mark.slow
def test_a_killed_import_goes_on_where_it_stopped(tmp_path: Path, uninterrupted: tuple[Path, set[str]]) -> None:
    """Kill -9 of the command; the same command again reads on, and all is as if nothing had happened."""
    file, expected = uninterrupted
    at = ("--data", str(tmp_path / "data"))
    process = _start("import", str(file), *_MAPPING, *at)
    _wait_for_bytes(tmp_path / "data" / "events.duckdb.wal", 6_500_000)
    process.kill()
    process.communicate()
    told = run_command("import", str(file), *_MAPPING, *at)
    assert 0 == told.returncode, told.stderr
    assert "resumed after line " in told.stderr
    assert expected == _exported(*at)
    assert {} == _json("import", str(file), *_MAPPING, *at)["resumed"]


@pytest.mark.slow
def test_a_killed_server_takes_the_rest_of_an_import_later(
    start_server: StartServer, uninterrupted: tuple[Path, set[str]]
) -> None:
    """Kill -9 of the server beside the import; started again, it knows how far the file got, and audits each try."""
    file, expected = uninterrupted
    server = start_server()
    at = ("--data", str(server.data))
    process = _start("import", str(file), *_MAPPING, *at)
    _wait_for_bytes(server.data / "events.duckdb.wal", 6_500_000)
    server.kill()
    told = process.communicate(timeout=60)[1]
    assert 3 == process.returncode
    assert "run the same import again" in told
    server.start()
    again = _json("import", str(file), *_MAPPING, *at)
    assert 0 < again["resumed"][str(file)] < 2 * _LINES
    assert expected == _exported(*at)
    audited = [
        action for action in server.request("GET", "/v1/audit").json()["actions"] if action["action"] == "import"
    ]
    assert [str(file)] * 2 == [action["subject"] for action in audited]
    assert "goes on after line" in audited[0]["detail"]


@pytest.mark.slow
def test_a_note_of_what_the_log_has_lost_is_not_believed(tmp_path: Path, uninterrupted: tuple[Path, set[str]]) -> None:
    """Where the log was put back to before the note, the import begins anew and nothing is missing."""
    file, expected = uninterrupted
    data = tmp_path / "data"
    at = ("--data", str(data))
    assert 0 == run_command("import", os.devnull, "--format", "ndjson", *at).returncode
    empty = (data / "events.duckdb").read_bytes()
    process = _start("import", str(file), *_MAPPING, *at)
    _wait_for_bytes(data / "events.duckdb.wal", 6_500_000)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    (data / "events.duckdb").write_bytes(empty)
    (data / "events.duckdb.wal").unlink(missing_ok=True)
    again = _json("import", str(file), *_MAPPING, *at)
    assert {} == again["resumed"]
    assert expected == _exported(*at)


_ODD = [
    {"event_type": "user_registration", "user_id": "0042", "properties": {"name": "Zoë 🦊", "tab": "a\tb\u0001\u007f"}},
    {"event_type": "user_registration", "user_id": 42, "session_id": 7, "properties": {}},
    {"event_type": "custom.type:v2", "user_id": 'quote " comma , line\nend\r\n', "properties": {"q": 'a"b\nc,d\\'}},
    {"event_type": "conversion", "user_id": "ada", "campaign_id": "=1+1", "properties": {"amount": "19.995"}},
    {
        "event_type": "conversion",
        "user_id": "ada",
        "properties": {"revenue": 1e3, "currency": "eur", "list": [1, None]},
    },
    {"event_type": "email_opened", "user_id": " ", "campaign_id": " spring "},
    {"event_type": "email_opened", "user_id": "u", "timestamp": "2026-01-31T12:00:00.000001Z", "plan": "pro"},
    {"event_type": "email_opened", "user_id": "\u2028\ufeff", "event_id": "my-id", "timestamp": 1767225600.5},
]


@pytest.mark.slow
def test_an_export_imported_into_an_empty_folder_is_the_same_log(tmp_path: Path) -> None:
    """Odd events survive each format; ``verify`` finds nothing, and the copy exports the same bytes."""
    source = tmp_path / "odd.ndjson"
    source.write_text("\n".join(map(json.dumps, _ODD)))
    first = ("--data", str(tmp_path / "first"))
    stored = _json("import", str(source), *first, code=1)
    assert (len(_ODD) - 1, 1) == (stored["stored"], stored["rejected"])  # blanks alone are no user_id
    for suffix in ("ndjson", "csv.zst", "parquet"):
        second = ("--data", str(tmp_path / suffix))
        exports = [tmp_path / f"one.{suffix}", tmp_path / f"two.{suffix}"]
        assert len(_ODD) - 1 == _json("export", str(exports[0]), *first)["events"]
        assert len(_ODD) - 1 == _json("import", str(exports[0]), *second)["stored"]
        assert _json("verify", *second)["ok"]
        assert len(_ODD) - 1 == _json("export", str(exports[1]), *second)["events"]
        assert exports[0].read_bytes() == exports[1].read_bytes()
        assert _lifted(tmp_path / "first") == _lifted(tmp_path / suffix)


def _lifted(data: Path) -> list[tuple[Any, ...]]:
    with duckdb.connect(str(data / "events.duckdb"), read_only=True) as connection:
        return connection.execute("SELECT amount, currency, user_key, label FROM events ORDER BY seq").fetchall()


def test_a_dry_run_stores_nothing(tmp_path: Path) -> None:
    """It shows where columns go, the first events and what would be refused, and makes no data folder."""
    file = tmp_path / "foreign.csv"
    file.write_text("Kind;Who;When\nOpened;ada;31.01.2026\nOpened;bob;32.01.2026\n")
    mapping = tmp_path / "mapping.yaml"
    mapping.write_text(
        "columns: {event_type: Kind, user_id: Who, timestamp: When}\n"
        "values: {event_type: {Opened: email_opened}}\n"
        "timestamp_format: '%d.%m.%Y'\n"
    )
    at = ("--data", str(tmp_path / "data"))
    asked = ("import", str(file), "--mapping", str(mapping), "--dry-run", *at)
    (found,) = _json(*asked, code=1)["files"]
    assert ["event_type", "user_id", "timestamp"] == [column["field"] for column in found["columns"]]
    assert (1, 1, f"{file}:3") == (found["good"], found["rejected"], found["refused"][0]["origin"])
    shown = found["events"][0]
    assert ("email_opened", "2026-01-31T00:00:00Z") == (shown["event_type"], shown["timestamp"])
    told = run_command(*asked)
    assert "Kind    event_type" in told.stdout
    assert "columns are separated by semicolons" in told.stderr
    assert not (tmp_path / "data").exists()
    wrong = run_command(*asked, "--map", "user_id=Whom")
    assert 3 == wrong.returncode
    assert "there is no column 'Whom'; the file has 'Kind', 'Who', 'When'" in wrong.stderr
