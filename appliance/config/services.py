"""Settings of the services beside the appliance. Each is off until it is named; naming one setting is enough."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, SecretStr

from appliance.config.types import Broker, HttpUrl, Port, Secret, Section, Text

DatabaseNumber = Annotated[int, Field(ge=0)]


class KafkaSettings(Section):
    """Kafka, from whose topics events are taken, beginning with the earliest message."""

    bootstrap_servers: Annotated[list[Broker], Field(min_length=1)] = Field(
        default=["kafka:9092"], description="Brokers to ask first, as host:port."
    )
    topics: Annotated[list[Text], Field(min_length=1)] = Field(
        default=["analytics-events", "user-actions", "email-events", "conversion-events"], description="Topics to read."
    )
    group_id: Text = Field(default="analytics-appliance", description="Consumer group.")


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


class ElasticsearchSettings(Section):
    """Elasticsearch, which mirrors events into daily indices."""

    hosts: Annotated[list[HttpUrl], Field(min_length=1)] = Field(
        default=["http://elasticsearch:9200"], description="Nodes; one without a scheme means http.", repr=False
    )
    index_prefix: Text = Field(default="analytics-events", description="Indices are named `{prefix}-YYYY.MM.DD`.")
    index_pattern: Text = Field(default="analytics-events-*", description="Indices that the index template applies to.")


class PostgresSettings(Section):
    """PostgreSQL, which mirrors events into the table `analytics_events`."""

    host: Text = Field(default="postgres", description="Host name or address.")
    port: Port = Field(default=5432, description="TCP port.")
    database: Text = Field(default="ia_bulk_analytics", description="Database name.")
    user: Text = Field(default="analytics_user", description="Role to log in as.")
    password: Secret = Field(default=SecretStr("analytics_password"), description="The role's password.")
    expire: bool = Field(
        default=False, description="Whether rows older than the log's retention are deleted from the table."
    )
