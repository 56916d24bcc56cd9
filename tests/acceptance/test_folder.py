"""Data folders that can't be used: the start is refused with exit code 3 and one line, and nothing is touched."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import duckdb
import pytest

from tests.acceptance.server import Server
from tests.process import run_command


def _contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


def _serve(data: Path) -> subprocess.CompletedProcess[str]:
    return run_command("serve", "--data", str(data), "--port", "0", "--ui-port", "0", timeout_seconds=60)


def _check_refused(told: subprocess.CompletedProcess[str], words: str) -> None:
    assert 3 == told.returncode, told.stdout + told.stderr
    assert "" == told.stdout
    assert told.stderr.startswith("appliance: ")
    assert 1 == told.stderr.count("\n")
    assert words in told.stderr


def _check_refused_untouched(data: Path, words: str) -> None:
    before = _contents(data)
    _check_refused(_serve(data), words)
    assert before == _contents(data)


def test_a_second_process_is_refused_and_the_first_goes_on(server: Server) -> None:
    """One process has the folder; the other says so and leaves the first one's ``server.json`` alone."""
    assert 202 == server.post({"event_type": "x", "user_id": "u"}).status
    announced = (server.data / "server.json").read_bytes()
    _check_refused(_serve(server.data), "Another process has this data folder open")

    assert announced == (server.data / "server.json").read_bytes()
    assert 202 == server.post({"event_type": "x", "user_id": "u"}).status
    assert [(2,)] == server.stored("SELECT count(*) FROM events")


def test_a_file_that_is_no_database(tmp_path: Path) -> None:
    """A file of another kind under the log's name."""
    (tmp_path / "events.duckdb").write_bytes(b"a letter to somebody\n" * 5_000)
    _check_refused_untouched(tmp_path, "Nothing was deleted")


def test_a_database_of_somebody_else(tmp_path: Path) -> None:
    """A DuckDB database without an event log is not made one."""
    with duckdb.connect(str(tmp_path / "events.duckdb")) as connection:
        connection.execute("CREATE TABLE events AS SELECT 1 AS mine")
    _check_refused_untouched(tmp_path, "no event log")


def test_a_broken_control_store(server: Server) -> None:
    """The line says what is in it, and what moving it away would cost."""
    server.stop()
    for path in server.data.glob("control.sqlite*"):
        path.write_bytes(b"a letter to somebody\n" * 500)
    _check_refused_untouched(server.data, "It holds the keys, sign-ins, the audit log")


def test_a_data_folder_that_is_a_file(tmp_path: Path) -> None:
    """The folder's name belongs to a file."""
    (tmp_path / "data").write_text("a note")
    _check_refused(_serve(tmp_path / "data"), "data")
    assert "a note" == (tmp_path / "data").read_text()


def test_a_control_store_of_somebody_else(server: Server) -> None:
    """Another program's SQLite file gets no table of ours; neither does one of a later version."""
    server.stop()
    path = server.data / "control.sqlite"
    with closing(sqlite3.connect(path)) as store:
        store.execute("INSERT INTO _sqlite_migrations (migration_set, name) VALUES ('control', '9999_later')")
        store.commit()
    _check_refused_untouched(server.data, "later version")
    path.unlink()
    with closing(sqlite3.connect(path)) as store:
        store.execute("CREATE TABLE keys (mine)")
    _check_refused_untouched(server.data, "not the appliance's")


def test_a_control_store_that_somebody_holds(server: Server) -> None:
    """That another program has it locked is no damage, and the line names the remedy."""
    server.stop()
    with closing(sqlite3.connect(server.data / "control.sqlite", isolation_level=None)) as store:
        store.execute("PRAGMA locking_mode = EXCLUSIVE")
        store.execute("DELETE FROM facts WHERE name = 'none'")
        _check_refused(_serve(server.data), "end that program")


@pytest.mark.parametrize("place", ["a/b/c", "with a space", "Käse 数据"])
def test_any_place_will_do(tmp_path: Path, place: str) -> None:
    """Missing parents are made, and spaces and other scripts are names like any other."""
    folder = tmp_path / place
    server = Server(folder.parent, {})
    server.process.data = server.data = folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    server.start()
    assert 202 == server.post({"event_type": "x", "user_id": "u"}).status
    assert [(1,)] == server.stored("SELECT count(*) FROM events")


def test_the_same_folder_by_another_way(server: Server) -> None:
    """Through a link it is the same folder, and in use."""
    link = server.data.parent / "link"
    link.symlink_to(server.data)
    _check_refused(_serve(link), "Another process has this data folder open")
    (server.data.parent / "dead").symlink_to(server.data.parent / "nowhere")
    _check_refused(_serve(server.data.parent / "dead"), "can't be made")


def test_two_at_the_same_moment(tmp_path: Path) -> None:
    """Of two that start together one serves, and the other refuses with its one line."""
    servers = [Server(tmp_path, {}), Server(tmp_path, {})]
    for server in servers:
        server.process.start()
    try:
        deadline = time.monotonic() + 60
        while all(server.process.running for server in servers):
            assert time.monotonic() < deadline
            time.sleep(0.05)
        (left,) = [server for server in servers if server.process.running]
        (refused,) = [server for server in servers if server is not left]
        left.process.wait_ready()
        assert 3 == refused.process.wait(1)
        left.stop()
    finally:
        for server in servers:
            if server.process.running:
                server.kill()
    assert "Another process has this data folder open" in refused.process.last_words()


@pytest.mark.parametrize("lost", [1, 300_000])
def test_a_file_that_lost_its_end(server: Server, lost: int) -> None:
    """It is refused at the start, before anybody reads what isn't there."""
    body = [{"event_type": "x", "user_id": f"u{n}", "properties": {"n": n}} for n in range(5_000)]
    assert 202 == server.post(body).status
    server.stop()
    path = server.data / "events.duckdb"
    os.truncate(path, path.stat().st_size - lost)
    _check_refused_untouched(server.data, f"lacks {lost:,} bytes at its end")


def test_a_damaged_file(server: Server) -> None:
    """Blocks overwritten with nonsense, the header among them."""
    for _ in range(3):
        assert 202 == server.post([{"event_type": "x", "user_id": f"u{n}"} for n in range(1_000)]).status
    server.stop()
    path = server.data / "events.duckdb"
    content = bytearray(path.read_bytes())
    content[4_096 : 3 * 4_096] = os.urandom(2 * 4_096)
    path.write_bytes(content)
    log = path.read_bytes()
    _check_refused(_serve(server.data), "Nothing was deleted")
    assert log == path.read_bytes()


def test_a_write_ahead_log_that_cannot_be_replayed(server: Server) -> None:
    """The line names the file and its size; both files stay as they are, however often it is tried."""
    for _ in range(3):
        assert 202 == server.post([{"event_type": "x", "user_id": f"u{n}"} for n in range(1_000)]).status
    server.kill()
    wal = server.data / "events.duckdb.wal"
    content = bytearray(wal.read_bytes())
    content[len(content) // 2] ^= 0xFF
    wal.write_bytes(content)
    before = {name: found for name, found in _contents(server.data).items() if name.startswith("events.duckdb")}
    assert 2 == len(before)
    for _ in range(2):
        told = _serve(server.data)
        _check_refused(told, "events.duckdb.wal")
        assert f"{len(content):,} bytes" in told.stderr
        assert before == {name: found for name, found in _contents(server.data).items() if name in before}


@pytest.mark.parametrize("place", [0, 1, 8, 20])
def test_a_write_ahead_log_whose_beginning_is_damaged(server: Server, place: int) -> None:
    """DuckDB alone would drop all of its events without a word; here the start is refused, and the file stays."""
    assert 202 == server.post([{"event_type": "x", "user_id": f"u{n}"} for n in range(1_000)]).status
    server.kill()
    wal = server.data / "events.duckdb.wal"
    content = bytearray(wal.read_bytes())
    content[place] ^= 0xFF
    wal.write_bytes(content)
    _check_refused(_serve(server.data), "events.duckdb.wal")

    assert content == wal.read_bytes()


def test_a_write_ahead_log_that_ends_in_the_middle(server: Server) -> None:
    """What a crash leaves is no damage: the torn end was never acknowledged, and everything before it is there."""
    assert 202 == server.post([{"event_type": "x", "user_id": f"u{n}"} for n in range(1_000)]).status
    wal = server.data / "events.duckdb.wal"
    acknowledged = wal.stat().st_size
    assert 202 == server.post([{"event_type": "x", "user_id": f"u{n}"} for n in range(1_000)]).status
    server.kill()
    os.truncate(wal, (acknowledged + wal.stat().st_size) // 2)
    torn = wal.read_bytes()[acknowledged:]
    server.start()
    (aside,) = server.data.glob("events.duckdb.wal.torn-*")

    assert aside.stat().st_size > 0
    assert torn.endswith(aside.read_bytes())

    assert [(1_000,)] == server.stored("SELECT count(*) FROM events")


@pytest.mark.skipif(os.getuid() != 0, reason="only root can start a process as somebody else")
def test_a_folder_that_may_not_be_written(tmp_path: Path) -> None:
    """Without the right to write, the line says so; that a backup be restored it does not say."""
    data = tmp_path / "data"
    assert 0 == run_command("import", "/dev/null", "--format", "ndjson", "--data", str(data)).returncode
    for path in (*data.iterdir(), data):
        path.chmod(0o555)
    arguments = ("--data", str(data), "--port", "0", "--ui-port", "0")
    try:
        told = subprocess.run(
            [*_bound_by_permissions(), sys.executable, "-m", "appliance", "serve", *arguments],
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
    finally:
        data.chmod(0o755)
    _check_refused(told, "Permission denied")
    assert "backup" not in told.stderr


def _bound_by_permissions() -> list[str]:
    """What to put before a command so that file permissions bind it, root's too."""
    if os.geteuid() != 0:
        return []
    if shutil.which("setpriv") is None:
        pytest.skip("root may write everywhere, and there is no setpriv to change that")
    return ["setpriv", "--bounding-set=-dac_override,-dac_read_search", "--inh-caps=-all", "--ambient-caps=-all"]
