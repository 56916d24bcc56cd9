"""Settings of the services beside the appliance. Each is off until it is named; naming one setting is enough."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, SecretStr, model_validator
from pydantic import WithJsonSchema as Schema

from appliance.config.types import HttpUrl, PathText, Port, Secret, Section, Text

SslMode = Literal["disable", "allow", "prefer", "require", "verify-ca", "verify-full"]
DatabaseNumber = Annotated[int, Field(ge=0)]
BatchEvents = Annotated[int, Field(ge=1, le=100_000)]
IndexPrefix = Annotated[
    str,
    Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,199}$"),
    Schema({"type": "string", "allowed": "lower-case letters, digits and . _ -, beginning with a letter or a digit"}),
]


class RedisDatabases(Section):
    """Which of Redis' numbered databases holds what."""

    events: DatabaseNumber = Field(default=0, description="Database number of the event and user counters.")
    metrics: DatabaseNumber = Field(default=1, description="Database number of the current metric values.")
    cache: DatabaseNumber = Field(default=2, description="Database number of the copy of the metric values for caches.")
    alerts: DatabaseNumber = Field(default=3, description="Database number of the firing alerts.")


class RedisSettings(Section):
    """Redis, which mirrors counters, metrics and alerts."""

    host: Text = Field(default="redis", description="Host name or address.")
    port: Port = Field(default=6379, description="TCP port.")
    databases: RedisDatabases = Field(default_factory=RedisDatabases)
    username: Text | None = Field(default=None, description="Name to log in with; where missing the default user.")
    password: Secret | None = Field(default=None, description="Password of the login; where missing there is none.")
    tls: bool = Field(default=False, description="Whether the connection is encrypted and the server's name verified.")
    ssl_ca_file: PathText | None = Field(
        default=None, description="PEM file of the authorities that may vouch for it; where missing the system's."
    )
    batch_events: BatchEvents = Field(default=5_000, description="Events written at once, at most.")

    @model_validator(mode="after")
    def _goes_together(self) -> Self:
        if self.username is not None and self.password is None:
            raise ValueError("username is set, but no password: set both, or take it out")
        if self.ssl_ca_file is not None and not self.tls:
            raise ValueError("ssl_ca_file is set, but tls is not true: set that too, or take it out")
        _require_file(self.ssl_ca_file)
        return self


class ElasticsearchSettings(Section):
    """Elasticsearch, which mirrors events into daily indices."""

    hosts: Annotated[list[HttpUrl], Field(min_length=1)] = Field(
        default=["http://elasticsearch:9200"], description="Nodes; one without a scheme means http.", repr=False
    )
    index_prefix: IndexPrefix = Field(
        default="analytics-events", description="Indices are named `{prefix}-YYYY.MM.DD`."
    )
    index_pattern: Text = Field(default="analytics-events-*", description="Indices that the index template applies to.")
    username: Text | None = Field(default=None, description="Name to log in with; where missing there is no login.")
    password: Secret | None = Field(default=None, description="Password of the login.")
    api_key: Secret | None = Field(default=None, description="API key in its encoded form, instead of a name.")
    ssl_ca_file: PathText | None = Field(
        default=None, description="PEM file of the authorities that may vouch for it; where missing the system's."
    )
    ssl_verify: bool = Field(default=True, description="Whether the server's certificate and name are verified.")
    batch_events: BatchEvents = Field(default=5_000, description="Events written at once, at most.")

    @model_validator(mode="after")
    def _goes_together(self) -> Self:
        if (self.username is None) != (self.password is None):
            raise ValueError("username and password go together: set both, or take both out")
        if self.username is not None and self.api_key is not None:
            raise ValueError("username and api_key are both set: take one out")
        if self.ssl_ca_file is not None and not all(host.startswith("https://") for host in self.hosts):
            raise ValueError(
                "ssl_ca_file is set, but not every host begins with https://: correct hosts, or take it out"
            )
        _require_file(self.ssl_ca_file)
        return self


class PostgresSettings(Section):
    """PostgreSQL, which mirrors events into the table `analytics_events`."""

    host: Text = Field(default="postgres", description="Host name or address.")
    port: Port = Field(default=5432, description="TCP port.")
    database: Text = Field(default="ia_bulk_analytics", description="Database name.")
    user: Text = Field(default="analytics_user", description="Role to log in as.")
    password: Secret = Field(default=SecretStr("analytics_password"), description="The role's password.")
    sslmode: SslMode = Field(
        default="prefer", description="Whether the connection is encrypted and the server verified, in libpq's words."
    )
    ssl_ca_file: PathText | None = Field(
        default=None, description="PEM file of the authorities that may vouch for the server, for the `verify-…` modes."
    )
    expire: bool = Field(
        default=False, description="Whether rows older than the log's retention are deleted from the table."
    )
    batch_events: BatchEvents = Field(default=5_000, description="Events written at once, at most.")

    @model_validator(mode="after")
    def _goes_together(self) -> Self:
        if self.ssl_ca_file is not None and self.sslmode in {"disable", "allow", "prefer"}:
            raise ValueError("ssl_ca_file is set, but sslmode doesn't verify: set verify-full, or take it out")
        _require_file(self.ssl_ca_file)
        return self


def _require_file(path: Path | None) -> None:
    if path is not None and not path.is_file():
        raise ValueError(f"ssl_ca_file names no file: {path}")
