"""Settings of Redis and PostgreSQL that contradict each other."""

from __future__ import annotations

from pathlib import Path

import pytest

from appliance.config import load
from appliance.errors import ConfigError


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("redis: {username: ada}", "username is set, but no password"),
        ("redis: {ssl_ca_file: /etc/hosts}", "ssl_ca_file is set, but tls is not true"),
        ("redis: {tls: true, ssl_ca_file: /nowhere.pem}", "ssl_ca_file names no file: /nowhere.pem"),
        ("postgresql: {ssl_ca_file: /etc/hosts}", "sslmode doesn't verify"),
        ("postgresql: {sslmode: verify-full, ssl_ca_file: /nowhere.pem}", "ssl_ca_file names no file: /nowhere.pem"),
        ("postgresql: {sslmode: sometimes}", "postgresql.sslmode"),
    ],
)
def test_contradictions(tmp_path: Path, text: str, told: str) -> None:
    """Each stops the start with a line that says what to change."""
    file = tmp_path / "config.yaml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match=told):
        load(file, {})
