"""The checks before a start."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from appliance.cli import machine_check, service_check
from appliance.cli.findings import Finding
from appliance.config import Settings, load


def _settings(tmp_path: Path, text: str) -> Settings:
    file = tmp_path / "config.yaml"
    file.write_text(text)
    return load(file, {}, {"server": {"data": tmp_path / "data"}})


def _listening() -> socket.socket:
    return socket.create_server(("127.0.0.1", 0))


def test_services_that_are_not_there(tmp_path: Path) -> None:
    """Every named service gets a finding, which says what to do."""
    with _listening() as gone:
        port = gone.getsockname()[1]
    kafka = f"kafka: {{bootstrap_servers: ['127.0.0.1:{port}']}}"
    address = f"{{host: 127.0.0.1, port: {port}}}"
    found = service_check.services(_settings(tmp_path, f"{kafka}\nredis: {address}\npostgresql: {address}"))
    assert ["kafka", "redis", "postgresql"] == [one.subject for one in found]
    assert {"failed"} == {one.status for one in found}
    assert found[0].remedy == "start it, correct kafka.bootstrap_servers, or take kafka out of the configuration"
    assert found[1].remedy == "start it, correct redis.host and redis.port, or take redis out of the configuration"
    assert "refused" in found[2].message


def test_services_that_are_not_named_are_not_asked(tmp_path: Path) -> None:
    """Without services there is nothing to find."""
    assert [] == service_check.services(_settings(tmp_path, ""))


def test_the_login_of_an_address_is_not_shown(tmp_path: Path) -> None:
    """A finding about Elasticsearch never shows the password in its address."""
    found = service_check.services(_settings(tmp_path, "elasticsearch: {hosts: ['http://me:secret@127.0.0.1:9']}"))
    assert ["failed"] == [one.status for one in found]
    assert "secret" not in str(found)


def test_a_port_in_use_is_found(tmp_path: Path) -> None:
    """A port that something else has is named with the option that changes it."""
    with _listening() as taken:
        port = taken.getsockname()[1]
        found = list(machine_check.ports(_settings(tmp_path, f"server: {{port: {port}, ui_port: 0}}")))
    assert [("port", "failed"), ("ui-port", "ok")] == [(one.subject, one.status) for one in found]
    assert found[0].remedy == "name another one with --port"


@pytest.mark.parametrize(("free_bytes", "status"), [(0, "ok"), (2**62, "failed")])
def test_room_is_compared_with_the_setting(tmp_path: Path, free_bytes: int, status: str) -> None:
    """Less room than log.min_free_bytes keeps the appliance from taking events."""
    settings = _settings(tmp_path, f"log: {{min_free_bytes: {free_bytes}}}")
    assert status == _of(list(machine_check.data_folder(settings)), "free space").status


def test_a_folder_of_other_files_is_doubted(tmp_path: Path) -> None:
    """A missing folder will be made; one with foreign files is a warning; a file in its place is a failure."""
    settings = _settings(tmp_path, "")
    folder = settings.server.data
    assert "ok" == _of(list(machine_check.data_folder(settings)), "data folder").status
    folder.mkdir()
    (folder / "holiday.jpg").touch()
    assert "warning" == _of(list(machine_check.data_folder(settings)), "data folder").status
    (folder / "holiday.jpg").unlink()
    folder.rmdir()
    folder.touch()
    assert "failed" == _of(list(machine_check.data_folder(settings)), "data folder").status


def _of(findings: list[Finding], subject: str) -> Finding:
    return next(one for one in findings if one.subject == subject)
