"""All settings as one frozen object; a service that was not named is ``None``."""

from __future__ import annotations

from pydantic import Field
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from appliance.config.alerting import AlertSettings
from appliance.config.core import AnalyticsSettings, IngestSettings, LogSettings, MetricsSettings, ServerSettings
from appliance.config.kafka import KafkaSettings
from appliance.config.querying import QuerySettings
from appliance.config.services import ElasticsearchSettings, PostgresSettings, RedisSettings


class Settings(BaseSettings):
    """What the appliance is told. ``Settings()`` are the defaults; ``load`` reads file and environment."""

    model_config = SettingsConfigDict(
        case_sensitive=True, extra="forbid", frozen=True, strict=True, hide_input_in_errors=True
    )

    server: ServerSettings = Field(default_factory=ServerSettings)
    log: LogSettings = Field(default_factory=LogSettings)
    ingest: IngestSettings = Field(default_factory=IngestSettings)
    analytics: AnalyticsSettings = Field(default_factory=AnalyticsSettings)
    metrics: MetricsSettings = Field(default_factory=MetricsSettings)
    query: QuerySettings = Field(default_factory=QuerySettings)
    kafka: KafkaSettings | None = None
    redis: RedisSettings | None = None
    elasticsearch: ElasticsearchSettings | None = None
    postgresql: PostgresSettings | None = None
    alerts: AlertSettings = Field(default_factory=AlertSettings)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003 - the signature is the library's
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Nothing is read behind ``load``'s back: it knows where each value was written, for its messages."""
        return (init_settings,)
