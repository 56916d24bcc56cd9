"""Reading settings: what wins over what, and what switches a service on."""

from __future__ import annotations

from ipaddress import ip_network
from pathlib import Path

import pytest

from appliance.config import Settings, load, loading
from appliance.config.reference import EXAMPLE
from appliance.errors import ConfigError


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "settings.yaml"
    path.write_text(EXAMPLE, encoding="utf-8")
    return path


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "settings.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_the_known_shape_loads_unchanged(file: Path) -> None:
    """The file that teams already have switches all four services on, with the values it gives."""
    settings = load(file, {})
    assert settings.kafka
    assert settings.redis
    assert settings.elasticsearch
    assert settings.postgresql
    assert ["kafka:9092"] == settings.kafka.bootstrap_servers
    assert (0, 1, 2, 3) == tuple(settings.redis.databases.model_dump().values())
    assert ["http://elasticsearch:9200"] == settings.elasticsearch.hosts
    assert "analytics_password" == settings.postgresql.password.get_secret_value()
    assert ["realtime", "minute", "hour", "day"] == settings.metrics.aggregation_levels
    assert 60 == settings.alerts.check_interval


def test_nothing_given_means_the_defaults() -> None:
    """Without file and environment the settings are the defaults, and every service is off."""
    settings = load(None, {})
    assert Settings() == settings
    assert (None, None, None, None) == (settings.kafka, settings.redis, settings.elasticsearch, settings.postgresql)
    assert (395, 8080, 8501) == (settings.log.retention_days, settings.server.port, settings.server.ui_port)


def test_environment_wins_over_file_and_options_over_both(tmp_path: Path) -> None:
    """The order is file, environment, command line; an option that is None was not given."""
    path = written(tmp_path, "server: {host: 10.0.0.1, port: 1, ui_port: 1}")
    environ = {"APPLIANCE__SERVER__PORT": "2", "APPLIANCE__SERVER__UI_PORT": "2"}
    server = load(path, environ, {"server": {"host": None, "ui_port": 3}}).server
    assert ("10.0.0.1", 2, 3) == (server.host, server.port, server.ui_port)


def test_variables_take_the_type_of_their_setting() -> None:
    """Text from the environment becomes a number, a truth value or a list, as the setting asks."""
    settings = load(
        None,
        {
            "APPLIANCE__LOG__RETENTION_DAYS": "0",
            "APPLIANCE__ANALYTICS__SNAPSHOT_INTERVAL_SECONDS": "0.5",
            "APPLIANCE__POSTGRESQL__EXPIRE": "true",
            "APPLIANCE__KAFKA__TOPICS": "a, b",
            "APPLIANCE__SERVER__TRUSTED_PROXIES": "10.0.0.0/8,::1",
            "APPLIANCE__REDIS__DATABASES__CACHE": "9",
        },
    )
    assert settings.postgresql
    assert settings.kafka
    assert settings.redis
    assert 0 == settings.log.retention_days
    assert 0.5 == settings.analytics.snapshot_interval_seconds
    assert settings.postgresql.expire is True
    assert ["a", "b"] == settings.kafka.topics
    assert [ip_network("10.0.0.0/8"), ip_network("::1")] == settings.server.trusted_proxies
    assert (0, 9) == (settings.redis.databases.events, settings.redis.databases.cache)


def test_well_known_variables_switch_their_service_on() -> None:
    """A host variable is enough for a service, which then has the example's other values."""
    settings = load(
        None,
        {"KAFKA_BOOTSTRAP_SERVERS": "a:1,b:2", "REDIS_HOST": "r", "ELASTICSEARCH_HOSTS": "e", "POSTGRES_HOST": "p"},
    )
    assert settings.kafka
    assert settings.redis
    assert settings.elasticsearch
    assert settings.postgresql
    assert ["a:1", "b:2"] == settings.kafka.bootstrap_servers
    assert ("r", 6379) == (settings.redis.host, settings.redis.port)
    assert ["http://e"] == settings.elasticsearch.hosts
    assert ("p", 5432, "ia_bulk_analytics") == (
        settings.postgresql.host,
        settings.postgresql.port,
        settings.postgresql.database,
    )


def test_the_prefixed_variable_wins_over_the_well_known_one() -> None:
    """APPLIANCE__REDIS__HOST is the more precise word than REDIS_HOST."""
    redis = load(None, {"APPLIANCE__REDIS__HOST": "mine", "REDIS_HOST": "other"}).redis
    assert redis
    assert "mine" == redis.host


def test_what_kubernetes_injects_is_ignored() -> None:
    """Service links and empty variables neither switch a service on nor stop the start."""
    environ = {"REDIS_PORT": "tcp://10.0.0.1:6379", "APPLIANCE_PORT": "tcp://10.0.0.2:80", "REDIS_HOST": ""}
    assert Settings() == load(None, environ)


def test_pgpassword_belongs_to_a_service_that_is_on() -> None:
    """PGPASSWORD gives the password of a named PostgreSQL and switches none on."""
    assert load(None, {"PGPASSWORD": "x"}).postgresql is None
    postgresql = load(None, {"PGPASSWORD": "x", "POSTGRES_HOST": "p"}).postgresql
    assert postgresql
    assert "x" == postgresql.password.get_secret_value()


def test_an_empty_section_names_its_service(tmp_path: Path) -> None:
    """`redis:` with nothing below it is Redis with its defaults; an empty part of the alerts stays left out."""
    settings = load(written(tmp_path, "redis:\nalerts:\n  slack:\n"), {})
    assert settings.redis
    assert settings.alerts.slack is None


def test_the_image_file_is_read_when_no_other_is_named(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without --config the well-known file counts where it exists, and another one replaces it."""
    monkeypatch.setattr(loading, "DEFAULT_FILE", file)
    assert load(None, {}).kafka
    other = file.with_name("other.yaml")
    other.write_text("", encoding="utf-8")
    assert load(other, {}).kafka is None


def test_the_two_keys_come_from_their_variables() -> None:
    """APPLIANCE_ADMIN_KEY and APPLIANCE_WRITE_KEY are settings like others."""
    server = load(None, {"APPLIANCE_ADMIN_KEY": "aa_admin_1", "APPLIANCE_WRITE_KEY": "aa_write_2"}).server
    assert server.admin_key
    assert server.write_key
    assert ("aa_admin_1", "aa_write_2") == (server.admin_key.get_secret_value(), server.write_key.get_secret_value())


def test_a_named_channel_without_settings_is_told(tmp_path: Path) -> None:
    """Channels that somebody named but gave no settings are listed; by default none was named."""
    path = written(tmp_path, "alerts: {notification_channels: [email, slack], slack: {webhook_url: 'https://h/x'}}")
    alerts = load(path, {}).alerts
    assert (["email"], ["slack"]) == (alerts.channels_without_settings(), alerts.channels())
    assert [] == load(None, {}).alerts.channels_without_settings()


@pytest.mark.parametrize(("security", "port"), [("starttls", 587), ("tls", 465), ("none", 25)])
def test_a_mail_servers_port_follows_its_security(tmp_path: Path, security: str, port: int) -> None:
    """A mail server without a port gets the one that its kind of connection usually has."""
    path = written(tmp_path, f"alerts: {{email: {{host: m, security: {security}, from: a@b, to: [c@d]}}}}")
    email = load(path, {}).alerts.email
    assert email
    assert port == email.effective_port


def test_a_key_is_taken_as_callers_can_send_it() -> None:
    """The line end of a file that held it is no part of it; what no header can carry is refused, and so are twins."""
    server = load(None, {"APPLIANCE_ADMIN_KEY": "an-admin-key-from-a-file\n"}).server
    assert server.admin_key is not None
    assert "an-admin-key-from-a-file" == server.admin_key.get_secret_value()
    for bad in ("two words", "ключ", " \n"):
        with pytest.raises(ConfigError, match="printable ASCII") as refusal:
            load(None, {"APPLIANCE_ADMIN_KEY": bad})
        assert bad.strip() == "" or bad not in refusal.value.message
    with pytest.raises(ConfigError, match="same"):
        load(None, {"APPLIANCE_ADMIN_KEY": "one-and-the-same", "APPLIANCE_WRITE_KEY": "one-and-the-same"})
