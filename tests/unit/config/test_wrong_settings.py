"""Wrong settings: one line that names the setting as it was written, and never a secret."""

from __future__ import annotations

import traceback
from pathlib import Path

import pytest

from appliance.config import load
from appliance.errors import ConfigError

SECRET = "geheim"


def refusal(tmp_path: Path, text: str = "", environ: dict[str, str] | None = None) -> str:
    """The message that the file and the environment get, without the file's own path."""
    path = tmp_path / "f.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load(path, environ or {})
    message = caught.value.message
    assert 1 == len(message.splitlines())
    assert SECRET not in "".join(traceback.format_exception(caught.value))
    return message.removeprefix(f"{path}: ").removeprefix(str(path))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("log: {retention_dayz: 3}", "log.retention_dayz: there is no such setting; did you mean log.retention_days?"),
        ("logs: {retention_days: 3}", "logs: there is no such setting; did you mean log?"),
        ("log: {timezone: UTC}", "log.timezone: there is no such setting; did you mean analytics.timezone?"),
        ("log: {retention_days: soon}", "log.retention_days: must be a whole number, at least 0, not 'soon'"),
        ("log: {retention_days: true}", "log.retention_days: must be a whole number, at least 0, not True"),
        ("log: {retention_days: '5'}", "log.retention_days: must be a whole number, at least 0, not '5'"),
        ("log: {retention_days: }", "log.retention_days: must be a whole number, at least 0, not null"),
        ("log: 5", "log: is a section: give it settings such as log.retention_days"),
        ("server: {port: 70000}", "server.port: must be a whole number from 0 to 65535, not 70000"),
        ("server: {auth: none}", "server.auth: must be one of auto, keys, open, not 'none'"),
        (
            "kafka: {topics: events}",
            "kafka.topics: must be a list, each text, not 'events'",
        ),
        ("kafka: {topics: []}", "kafka.topics: must not be an empty list"),
        (
            "analytics: {timezone: Europe/Berlim}",
            "analytics.timezone: must be an IANA time zone such as Europe/Berlin, not 'Europe/Berlim'",
        ),
        (
            "analytics: {base_currency: euro}",
            "analytics.base_currency: must be an ISO 4217 code such as USD, not 'euro'",
        ),
        (
            "metrics: {aggregation_levels: [week]}",
            "metrics.aggregation_levels: must be a list, each one of realtime, minute, hour, day, not 'week'",
        ),
        (
            "analytics: {snapshot_interval_seconds: .inf}",
            "analytics.snapshot_interval_seconds: must be a number above 0, not inf",
        ),
        (
            "log: {dedup_min_ids: 5, dedup_max_ids: 3}",
            "log: dedup_min_ids must not be above dedup_max_ids",
        ),
        ("alerts: {slack: {}}", "alerts.slack.webhook_url: is missing; it must be an http(s) address"),
        ("alerts: {check_interval: 0}", "alerts.check_interval: must be a whole number, at least 1, not 0"),
    ],
)
def test_the_line_names_the_setting_of_the_file(tmp_path: Path, text: str, message: str) -> None:
    """A wrong setting in the file is named by its dotted path, with what is allowed."""
    assert message == refusal(tmp_path, text)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        (
            "APPLIANCE__LOG__RETENTION_DAY",
            "3",
            "APPLIANCE__LOG__RETENTION_DAY: there is no such setting; did you mean APPLIANCE__LOG__RETENTION_DAYS?",
        ),
        (
            "APPLIANCE__LOG__RETENTION_DAYS",
            "soon",
            "APPLIANCE__LOG__RETENTION_DAYS: must be a whole number, at least 0, not 'soon'",
        ),
        (
            "APPLIANCE__LOG",
            "3",
            "APPLIANCE__LOG: is a section: give it settings such as APPLIANCE__LOG__RETENTION_DAYS",
        ),
        (
            "KAFKA_BOOTSTRAP_SERVERS",
            "tcp://k:1",
            "KAFKA_BOOTSTRAP_SERVERS: must be a list, each a host and port such as kafka:9092, not 'tcp://k:1'",
        ),
    ],
)
def test_the_line_names_the_variable(tmp_path: Path, name: str, value: str, message: str) -> None:
    """A wrong value behind a variable is named by the variable, and suggestions are variables too."""
    assert message == refusal(tmp_path, environ={name: value})


def test_an_unknown_name_lists_what_there_is(tmp_path: Path) -> None:
    """Where no name is near, the names of the section are given."""
    message = refusal(tmp_path, environ={"APPLIANCE__METRICS__X": "1"})
    assert message.startswith("APPLIANCE__METRICS__X: there is no such setting; there are APPLIANCE__METRICS__")
    assert "APPLIANCE__METRICS__RETENTION_PERIOD" in message


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("postgresql: {password: [geheim]}", "postgresql.password"),
        ("postgresql: geheim", "postgresql"),
        ("postgresql: {pasword: geheim}", "postgresql.pasword"),
        ("alerts: {slack: {webhook_url: geheim}}", "alerts.slack.webhook_url"),
        ("alerts: {slack: https://hooks/geheim}", "alerts.slack"),
        ("alerts: {webhook: {url: 'ftp://geheim'}}", "alerts.webhook.url"),
        ("elasticsearch: {hosts: ['ftp://me:geheim@search']}", "elasticsearch.hosts"),
        ("postgresql:\n  password: *geheim\n", "line 2"),
        ("postgresql:\n  password: !geheim x\n", "line 2"),
        ("postgresql:\n  password: geheim: x\n", "line 2"),
        (
            "alerts: {email: {host: mail, security: none, username: x, password: geheim, from: a@b, to: [c@d]}}",
            "alerts.email",
        ),
    ],
)
def test_no_secret_is_echoed(tmp_path: Path, text: str, named: str) -> None:
    """However wrong the place or the syntax, the line names the place and not what stands there."""
    assert named in refusal(tmp_path, text)


def test_no_secret_shows_in_a_repr() -> None:
    """Neither keys nor passwords, nor logins inside addresses, are part of the settings' text."""
    settings = load(
        None,
        {
            "APPLIANCE_ADMIN_KEY": SECRET,
            "POSTGRES_HOST": "p",
            "PGPASSWORD": SECRET,
            "ELASTICSEARCH_HOSTS": f"https://me:{SECRET}@search",
            "APPLIANCE__ALERTS__SLACK__WEBHOOK_URL": f"https://hooks/{SECRET}",
        },
    )
    assert SECRET not in f"{settings!r} {settings}"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: b: c\n", ", line 1: not valid YAML: mapping values are not allowed here"),
        (
            "log:\n  retention_days: 1\n  retention_days: 2\n",
            ", line 3: not valid YAML: 'retention_days' is given twice",
        ),
        ("? [a]\n: b\n", ", line 1: not valid YAML"),
        ("- a\n", "must be a mapping of sections, such as 'log:' with settings below it"),
    ],
)
def test_broken_yaml_is_told_with_its_line(tmp_path: Path, text: str, message: str) -> None:
    """A file that is no YAML gets one line with the file and the number of the line."""
    assert message == refusal(tmp_path, text)


def test_an_unreadable_file_is_told(tmp_path: Path) -> None:
    """A named file that isn't there stops the start, and bytes that are no UTF-8 do too."""
    with pytest.raises(ConfigError, match=r"missing\.yaml: can't be read: No such file"):
        load(tmp_path / "missing.yaml", {})
    (tmp_path / "f.yaml").write_bytes(b"log: \xff")
    with pytest.raises(ConfigError, match="not valid YAML in UTF-8"):
        load(tmp_path / "f.yaml", {})


def test_a_wrong_option_is_named_as_an_option() -> None:
    """What the command line gave is named as it was typed."""
    with pytest.raises(ConfigError, match=r"^--ui-port: must be a whole number from 0 to 65535, not -1$"):
        load(None, {}, {"server": {"ui_port": -1}})
