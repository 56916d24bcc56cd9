"""Settings of Kafka, from whose topics events are taken."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from appliance.config.types import Broker, PathText, Secret, Section, Text

SecurityProtocol = Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"]
SaslMechanism = Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"]


class KafkaSettings(Section):
    """Kafka, from whose topics events are taken, beginning with the earliest message."""

    bootstrap_servers: Annotated[list[Broker], Field(min_length=1)] = Field(
        default=["kafka:9092"], description="Brokers to ask first, as host:port."
    )
    topics: Annotated[list[Text], Field(min_length=1)] = Field(
        default=["analytics-events", "user-actions", "email-events", "conversion-events"], description="Topics to read."
    )
    group_id: Text = Field(default="analytics-appliance", description="Consumer group.")
    security_protocol: SecurityProtocol = Field(
        default="PLAINTEXT", description="How brokers are spoken to: `SSL` is TLS, `SASL_…` logs in."
    )
    ssl_ca_file: PathText | None = Field(
        default=None, description="PEM file of the authorities that may vouch for brokers; where missing the system's."
    )
    ssl_cert_file: PathText | None = Field(
        default=None, description="PEM file of the certificate to show to brokers that ask for one."
    )
    ssl_key_file: PathText | None = Field(default=None, description="PEM file of that certificate's private key.")
    ssl_key_password: Secret | None = Field(default=None, description="Password of the private key's file.")
    ssl_check_hostname: bool = Field(
        default=True, description="Whether a broker's certificate must name the host that was asked for."
    )
    sasl_mechanism: SaslMechanism | None = Field(
        default=None, description="How to log in; where missing `PLAIN`, with a `SASL_…` protocol."
    )
    sasl_username: Text | None = Field(default=None, description="Name to log in with.")
    sasl_password: Secret | None = Field(default=None, description="Password of the login.")

    @property
    def uses_tls(self) -> bool:
        return self.security_protocol.endswith("SSL")

    @property
    def logs_in(self) -> bool:
        return self.security_protocol.startswith("SASL")

    @model_validator(mode="after")
    def _goes_together(self) -> Self:
        files = {name: getattr(self, name) for name in ("ssl_ca_file", "ssl_cert_file", "ssl_key_file")}
        login = {name: getattr(self, name) for name in ("sasl_mechanism", "sasl_username", "sasl_password")}
        _refuse(files, unless=self.uses_tls, protocols="SSL or SASL_SSL")
        _refuse(login, unless=self.logs_in, protocols="SASL_SSL or SASL_PLAINTEXT")
        if self.logs_in and not (self.sasl_username and self.sasl_password):
            raise ValueError(f"{self.security_protocol} needs sasl_username and sasl_password")
        if (self.ssl_cert_file is None) != (self.ssl_key_file is None):
            raise ValueError("ssl_cert_file and ssl_key_file go together: set both or neither")
        if self.ssl_key_password is not None and self.ssl_key_file is None:
            raise ValueError("ssl_key_password is set, but no ssl_key_file that it could open")
        _require_readable(files)
        return self

    @model_validator(mode="after")
    def _topics_are_different(self) -> Self:
        twice = next((topic for topic in self.topics if self.topics.count(topic) > 1), None)
        if twice is not None:
            raise ValueError(f"topics names {twice!r} twice")
        return self


def _refuse(settings: dict[str, object], *, unless: bool, protocols: str) -> None:
    named = next((name for name, value in settings.items() if value is not None), None)
    if named is not None and not unless:
        raise ValueError(f"{named} is set, but security_protocol is not {protocols}: set that too, or take it out")


def _require_readable(files: dict[str, Path | None]) -> None:
    for name, path in files.items():
        if path is not None and not path.is_file():
            raise ValueError(f"{name} names no file: {path}")
