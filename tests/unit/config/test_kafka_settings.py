"""Settings of Kafka that don't go together stop the start, with one line that names them and no secret."""

from __future__ import annotations

from pathlib import Path

import pytest

from appliance.config.loading import load
from appliance.errors import ConfigError


def _load(tmp_path: Path, settings: str) -> object:
    file = tmp_path / "appliance.yaml"
    file.write_text(f"kafka: {{{settings}}}", "utf-8")
    return load(file, {})


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ("sasl_username: me, sasl_password: hush-hush", "sasl_username is set, but security_protocol is not SASL"),
        ("security_protocol: SASL_SSL", "SASL_SSL needs sasl_username and sasl_password"),
        ("security_protocol: SASL_SSL, sasl_username: me", "SASL_SSL needs sasl_username and sasl_password"),
        ("security_protocol: SASL_SSL, sasl_password: hush-hush", "SASL_SSL needs sasl_username and sasl_password"),
        ("ssl_ca_file: FILE", "ssl_ca_file is set, but security_protocol is not SSL or SASL_SSL"),
        ("security_protocol: SSL, ssl_ca_file: /nowhere.pem", "ssl_ca_file names no file: /nowhere.pem"),
        ("security_protocol: SSL, ssl_cert_file: FILE", "ssl_cert_file and ssl_key_file go together"),
        ("security_protocol: SSL, ssl_key_password: hush-hush", "ssl_key_password is set, but no ssl_key_file"),
        ("security_protocol: TLS", "kafka.security_protocol: must be one of PLAINTEXT, SSL, SASL_PLAINTEXT, SASL_SSL"),
        ("topics: [a, b, a]", "topics names 'a' twice"),
    ],
)
def test_contradictions_are_named(tmp_path: Path, settings: str, told: str) -> None:
    """What is wrong, where, and what to do."""
    file = tmp_path / "some.pem"
    file.touch()
    with pytest.raises(ConfigError) as fault:
        _load(tmp_path, settings.replace("FILE", str(file)))

    assert told in fault.value.message
    assert fault.value.message.removeprefix(f"{tmp_path}/appliance.yaml: ").startswith("kafka")
    assert "hush-hush" not in fault.value.message
    assert "\n" not in fault.value.message


def test_what_goes_together_is_taken(tmp_path: Path) -> None:
    """A login over TLS, with the mechanism left out."""
    file = tmp_path / "some.pem"
    file.touch()
    login = "security_protocol: SASL_SSL, sasl_username: me, sasl_password: hush-hush"
    assert "hush-hush" not in repr(_load(tmp_path, f"{login}, ssl_ca_file: {file}"))
