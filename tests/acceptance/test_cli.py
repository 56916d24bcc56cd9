"""The command line as people run it: real processes, beside a running server and without one."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.process import ApplianceProcess, free_ports, run_command

_EVENTS = 3_000

NOBODY = free_ports()[0]
"""A port where nothing answers."""


@pytest.fixture(scope="module")
def events_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Good events without ids, and two bad lines among them."""
    path = tmp_path_factory.mktemp("files") / "events.ndjson"
    lines = [json.dumps({"event_type": "email_sent", "user_id": f"u{n % 50}"}) for n in range(_EVENTS)]
    lines[100:100] = ['{"event_type": "email_sent"}', "not json"]
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApplianceProcess]:
    """A running server on a folder of its own."""
    folder = tmp_path_factory.mktemp("server")
    port, ui_port = free_ports()
    with ApplianceProcess(folder / "data", port=port, ui_port=ui_port, output=folder / "output") as process:
        process.start()
        process.wait_ready()
        yield process


def _json(*arguments: str, code: int = 0) -> dict[str, Any]:
    told = run_command(*arguments, "--json")
    assert code == told.returncode, told.stderr
    result: dict[str, Any] = json.loads(told.stdout)
    return result


def _counts(result: dict[str, Any]) -> tuple[int, int, int]:
    return result["stored"], result["duplicates"], result["rejected"]


def _check_one_line(told: subprocess.CompletedProcess[str], code: int) -> str:
    assert code == told.returncode
    assert told.stderr.startswith("appliance: ")
    assert 1 == told.stderr.count("\n")
    assert "" == told.stdout
    return told.stderr


def _scenario(data: Path, events_file: Path, folder: Path) -> None:
    """Import twice, export, import the export elsewhere, rebuild, verify: the same on every target."""
    at = ("--data", str(data))
    first = _json("import", str(events_file), *at, code=1)
    assert (_EVENTS, 0, 2) == _counts(first)
    assert [f"{events_file}:101", f"{events_file}:102"] == [line["origin"] for line in first["refused"]]
    assert (0, _EVENTS, 2) == _counts(_json("import", str(events_file), *at, code=1))
    exported = folder / "out.parquet"
    assert _EVENTS == _json("export", str(exported), *at)["events"]
    assert _EVENTS == _json("rebuild", *at)["events"]
    verified = _json("verify", *at)
    assert (True, _EVENTS) == (verified["ok"], verified["events"])
    copy = ("--data", str(folder / "copy"))
    assert (_EVENTS, 0, 0) == _counts(_json("import", str(exported), *copy))
    assert run_command("export", "-", *at).stdout == run_command("export", "-", *copy).stdout


def test_commands_open_the_folder_themselves(tmp_path: Path, events_file: Path) -> None:
    """Without a server every command does its work on the data folder."""
    _scenario(tmp_path / "data", events_file, tmp_path)


def test_commands_work_beside_a_running_server(server: ApplianceProcess, events_file: Path, tmp_path: Path) -> None:
    """While a server has the folder open, the same commands do the same through it."""
    _scenario(server.data, events_file, tmp_path)


def test_a_strict_import_stores_nothing_when_a_line_is_bad(
    server: ApplianceProcess, events_file: Path, tmp_path: Path
) -> None:
    """Neither events nor dead letters, from a file and from standard input, with a server and without."""
    for data in (tmp_path / "data", server.data):
        assert (0, 0, 2) == _counts(_json("import", str(events_file), "--strict", "--data", str(data), code=1))
    command = [sys.executable, "-m", "appliance", "import", "-", "--strict", "--json", "--data", str(tmp_path / "data")]
    good = b"".join(line + b"\n" for line in events_file.read_bytes().splitlines()[:100])
    told = subprocess.run(command, input=good, capture_output=True, check=True)
    assert (100, 0, 0) == _counts(json.loads(told.stdout))


def test_health_is_asked_of_the_server(server: ApplianceProcess, tmp_path: Path) -> None:
    """Ready: 0. Nobody there: 1."""
    assert _json("healthcheck", "--data", str(server.data))["ready"]
    assert not _json("healthcheck", "--url", f"http://127.0.0.1:{NOBODY}", code=1)["alive"]


def test_a_locked_folder_and_a_left_over_server_file(server: ApplianceProcess, tmp_path: Path) -> None:
    """A file whose server doesn't answer to its token is passed over; the lock then says who is in the way."""
    left_over = json.loads((server.data / "server.json").read_text()) | {"token": "of another start"}
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "events.duckdb").symlink_to(server.data / "events.duckdb")
    (folder / "server.json").write_text(json.dumps(left_over))
    line = _check_one_line(run_command("verify", "--data", str(folder)), 3)
    assert "Another process has this data folder open" in line


@pytest.mark.parametrize(
    ("code", "arguments", "words"),
    [
        (2, [], "Missing command"),
        (2, ["import"], "Missing argument 'FILE'"),
        (2, ["import", "x.ndjson", "--bogus"], "No such option: --bogus"),
        (2, ["export", "x", "--from", "soon"], "write a time such as"),
        (2, ["import", "{here}", "--data", "d"], "its suffix names no format"),
        (3, ["import", "missing.ndjson"], "missing.ndjson: No such file"),
        (3, ["verify", "--data", "{here}"], "holds no event log"),
        (3, ["export", "x.csv", "--data", "{here}/nothing"], "does not exist"),
        (3, ["rebuild", "--url", f"http://127.0.0.1:{NOBODY}"], "no server answers at"),
        (3, ["verify", "--config", "{here}/none.yaml"], "can't be read"),
    ],
)
def test_an_error_is_one_line(code: int, arguments: list[str], words: str, tmp_path: Path) -> None:
    """Wrong use ends with 2, failure with 3, and either says why in one line and without a traceback."""
    (tmp_path / "note.txt").touch()
    told = run_command(*(argument.replace("{here}", str(tmp_path)) for argument in arguments))
    assert words in _check_one_line(told, code)


def test_check_finds_what_is_wrong(tmp_path: Path) -> None:
    """A bad setting and an unreachable service are each found, with 1; a good configuration passes with 0."""
    file = tmp_path / "config.yaml"
    arguments = ("check", "--config", str(file), "--data", str(tmp_path / "data"))
    port, ui_port = free_ports()
    server = f"server: {{port: {port}, ui_port: {ui_port}}}\n"
    file.write_text(server)
    assert _json(*arguments)["ok"]
    file.write_text(server + f"redis: {{host: 127.0.0.1, port: {NOBODY}}}\n")
    assert ["redis"] == _failed(_json(*arguments, code=1))
    file.write_text("server: {prot: 1}\n")
    assert ["configuration"] == _failed(_json(*arguments, code=1))


def _failed(result: dict[str, Any]) -> list[str]:
    return [finding["subject"] for finding in result["findings"] if finding["status"] == "failed"]


def test_a_reader_that_leaves_ends_an_export_in_silence(server: ApplianceProcess, tmp_path: Path) -> None:
    """A broken pipe is no error to talk about, and no success either; buffered or not."""
    source = tmp_path / "many.ndjson"
    source.write_text('{"event_type": "x", "user_id": "u", "properties": {"text": "' + "x" * 1_000 + '"}}\n')
    source.write_text(source.read_text() * 1_000)
    assert 0 == run_command("import", str(source), "--data", str(server.data)).returncode
    for unbuffered in ("", "1"):
        process = subprocess.Popen(
            [sys.executable, "-m", "appliance", "export", "-", "--data", str(server.data)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=os.environ | {"PYTHONUNBUFFERED": unbuffered},
        )
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.read(10)
        process.stdout.close()
        assert b"" == process.stderr.read()
        process.stderr.close()
        assert 3 == process.wait(30)


def test_an_interrupted_import_is_finished_by_the_next(tmp_path: Path) -> None:
    """Ctrl-C in the middle ends with one line; run again, the import stores the rest, and nothing twice."""
    source = tmp_path / "pipe.ndjson"
    os.mkfifo(source)
    at = ("--data", str(tmp_path / "data"))
    command = [sys.executable, "-m", "appliance", "import", str(source), *at]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    lines = [json.dumps({"event_type": "x", "user_id": f"u{number}"}) + "\n" for number in range(30_000)]
    with source.open("w") as pipe:
        pipe.writelines(lines[:25_000])
        pipe.flush()
        _wait_for_events(tmp_path / "data")
        process.send_signal(signal.SIGINT)
        assert "appliance: interrupted\n" == process.communicate(timeout=30)[1]
    assert 3 == process.returncode
    source.unlink()
    source.write_text("".join(lines))
    assert (10_000, 20_000, 0) == _counts(_json("import", str(source), *at))


def _wait_for_events(data: Path) -> None:
    """Return when the first chunk is in the write-ahead log, which is all that another process can see."""
    wal = data / "events.duckdb.wal"
    for _ in range(3_000):
        if wal.exists() and wal.stat().st_size > 500_000:
            return
        signal.sigtimedwait([], 0.01)
    raise AssertionError("the import stored nothing")
