"""The reference of all settings, as Markdown."""

from __future__ import annotations

import json
from typing import Any, Final

from appliance.config.catalogue import Setting, catalogue, dotted, variable
from appliance.config.sources import WELL_KNOWN

EXAMPLE: Final = """\
kafka:
  bootstrap_servers: ["kafka:9092"]
  topics: [analytics-events, user-actions, email-events, conversion-events]
redis:
  host: redis
  port: 6379
  databases: {events: 0, metrics: 1, cache: 2, alerts: 3}
elasticsearch:
  hosts: ["elasticsearch:9200"]
  index_prefix: "analytics-events"
  index_pattern: "analytics-events-*"
postgresql:
  host: postgres
  database: ia_bulk_analytics
  user: analytics_user
  password: analytics_password
metrics:
  calculation_interval: 60      # seconds
  retention_period: 30          # days that minute rollups are kept
  aggregation_levels: [realtime, minute, hour, day]
alerts:
  check_interval: 60            # seconds
  notification_channels: [email, slack, webhook]
"""
"""A file that switches every service on, with the values they have where nothing else is said."""

_HEAD: Final = f"""\
# Configuration

<!-- Made by scripts/docs from the settings in appliance/config; change it there. -->

Nothing has to be configured. What is, comes from three places, and a later one wins over an earlier one:

1. a YAML file: the one that `--config` names, else `/app/config/analytics_config.yaml` where there is one;
2. environment variables: each setting has one, `APPLIANCE__SECTION__KEY`; a list is written with commas between;
3. the options of `appliance serve`: `--data`, `--host`, `--port` and `--ui-port`.

An unknown setting, or a value of the wrong type, stops the start with one line that names it. Secrets appear in no log,
error or page.

Kafka, Redis, Elasticsearch and PostgreSQL are off until something names them: their section in the file (it may be
empty: all of their settings have defaults) or one of their variables.

```yaml
{EXAMPLE}```
"""


def page() -> str:
    """The whole page."""
    sections = [_section(path) for path in catalogue().sections]
    return "\n".join([_HEAD, _well_known(), *sections])


def _well_known() -> str:
    rows = [f"| `{name}` | `{dotted(path)}` |" for name, path in WELL_KNOWN.items()]
    head = (
        "## Variables without the prefix\n\n"
        "These few are read too, unless they are empty. Those with a host switch their service on; `PGPASSWORD` alone\n"
        "does not. Where both are there, the variable with the prefix wins.\n\n"
        "| variable | setting |\n|---|---|\n"
    )
    return head + "\n".join(rows) + "\n"


def _section(path: tuple[str, ...]) -> str:
    rows = [_row(setting) for setting in catalogue().settings.values() if setting.path[:-1] == path]
    lines = [
        f"## `{dotted(path)}`",
        "",
        " ".join(catalogue().sections[path].split()),
        "",
        "| setting and variable | default | takes | meaning |",
        "|---|---|---|---|",
        *rows,
        "",
    ]
    return "\n".join(lines)


def _row(setting: Setting) -> str:
    name = f"`{dotted(setting.path)}`<br>`{variable(setting.path)}`"
    return f"| {name} | {_default(setting)} | {setting.allowed} | {setting.description} |"


def _default(setting: Setting) -> str:
    if setting.required:
        return "required"
    if setting.default is None:
        return "not set"
    if setting.secret:
        return "as in the example"
    size = f" ({_size(setting.default)})" if setting.path[-1].endswith("_bytes") else ""
    return f"`{_yaml(setting.default)}`{size}"


def _yaml(value: Any) -> str:
    """A value as the file would hold it, on one line."""
    if isinstance(value, list):
        return f"[{', '.join(map(_yaml, value))}]"
    return value if isinstance(value, str) else json.dumps(value)


def _size(size_bytes: int) -> str:
    mebibytes, rest = divmod(size_bytes, 1024 * 1024)
    return f"{size_bytes // 1024} KiB" if rest else f"{mebibytes} MiB"
