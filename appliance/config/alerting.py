"""Settings of the alerts: how often rules are evaluated, and where notifications go."""

from __future__ import annotations

from ipaddress import ip_address
from typing import Annotated, Literal, Self

from pydantic import Field, SecretStr, model_validator

from appliance.config.types import Count, PathText, Port, Secret, SecretUrl, Section, Text

Channel = Literal["email", "slack", "webhook"]
_MAIL_PORTS = {"starttls": 587, "tls": 465, "none": 25}


class EmailSettings(Section):
    """The mail server that takes notifications."""

    host: Text = Field(description="Mail server's host name or address.")
    port: Port | None = Field(
        default=None, description="Mail server's TCP port; where missing 587, 465 or 25 after `security`."
    )
    security: Literal["starttls", "tls", "none"] = Field(
        default="starttls",
        description="How the connection is secured; `none` takes no login but on a loopback address.",
    )
    username: Text | None = Field(default=None, description="Name to log in with; without it there is no login.")
    password: SecretStr | None = Field(default=None, description="Password of the login.")
    sender: Text = Field(alias="from", description="Address that notifications come from.")
    to: Annotated[list[Text], Field(min_length=1)] = Field(description="Addresses that notifications go to.")

    @property
    def effective_port(self) -> int:
        return self.port or _MAIL_PORTS[self.security]

    @model_validator(mode="after")
    def _login_is_safe(self) -> Self:
        if self.username and self.security == "none" and not _is_loopback(self.host):
            raise ValueError("a login over security: none is refused unless the server is on loopback")
        return self


class SlackSettings(Section):
    """The Slack channel that takes notifications."""

    webhook_url: SecretUrl = Field(description="Address of a Slack incoming webhook; it is a secret.")


class WebhookSettings(Section):
    """The web endpoint that takes notifications."""

    url: SecretUrl = Field(description="Address to post to; it may hold a secret, so it is treated as one.")
    secret: Secret | None = Field(
        default=None, description="Signing key (Standard Webhooks); without it nothing is signed."
    )
    format: Literal["standard", "alertmanager"] = Field(default="standard", description="Shape of the body.")
    allow_private: bool = Field(default=False, description="Whether the address may be in a private network.")


class AlertSettings(Section):
    """Alert rules and the channels of their notifications."""

    check_interval: Count = Field(default=60, description="Seconds between two evaluations of the rules.")
    notification_channels: list[Channel] = Field(
        default=["email", "slack", "webhook"], description="Channels to notify; one without settings is passed over."
    )
    rules_file: PathText | None = Field(default=None, description="YAML file of further alert rules.")
    email: EmailSettings | None = None
    slack: SlackSettings | None = None
    webhook: WebhookSettings | None = None

    def channels(self) -> list[Channel]:
        """The channels that are to be notified and can be."""
        return [name for name in self.notification_channels if getattr(self, name) is not None]

    def channels_without_settings(self) -> list[Channel]:
        """Channels that somebody named but gave no settings: worth a warning at the start."""
        if "notification_channels" not in self.model_fields_set:
            return []
        return [name for name in self.notification_channels if getattr(self, name) is None]


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
