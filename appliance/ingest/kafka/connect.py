"""A way to Kafka: a broker that can be reached, TLS, the login; and its refusals in words."""

from __future__ import annotations

import socket
from typing import Any, Final

import kafka.errors as library
from kafka import KafkaConsumer
from kafka.codec import has_lz4, has_snappy, has_zstd
from kafka.net.compat import KafkaNetClient

from appliance.config.kafka import KafkaSettings
from appliance.ingest.kafka.words import KafkaFault

ASK_MS: Final = 2_000
"""How long a question to Kafka may take."""


def open_consumer(settings: KafkaSettings, **options: Any) -> KafkaConsumer:
    """The library's consumer once it knows the brokers; nothing of it is left where that fails."""
    _require_codecs()
    _reach(settings)
    networks: list[Any] = []

    def network(**configs: Any) -> Any:
        networks.append(KafkaNetClient(**configs))
        return networks[-1]

    try:
        consumer = KafkaConsumer(
            bootstrap_servers=settings.bootstrap_servers,
            bootstrap_timeout_ms=ASK_MS,
            metrics_enabled=False,
            kafka_client=network,
            **_security(settings),
            **options,
        )
    except Exception as fault:
        refused = [each for made in networks for each in made._manager._auth_failures.values()]  # noqa: SLF001
        for made in networks:  # its thread would live on
            made.close()
        if refused or not isinstance(fault, library.KafkaTimeoutError):
            raise explained(refused[0] if refused else fault) from fault
        raise KafkaFault(_silence(settings)) from fault
    # the option of this name doesn't reach it: to ask for a topic would make it
    consumer._cluster.config["allow_auto_create_topics"] = False  # noqa: SLF001
    return consumer


def _reach(settings: KafkaSettings) -> None:
    """Find a broker that lets itself be connected to.

    The library could only say that nothing has come of it, and would leave a socket open for each try.
    """
    complaints = []
    for server in settings.bootstrap_servers:
        host, port = split_address(server)
        try:
            socket.create_connection((host, port), timeout=ASK_MS / 1_000).close()
        except OSError as fault:
            complaints.append(f"{server}: {fault.strerror or fault}")
        else:
            return
    raise KafkaFault(f"no broker answers: {'; '.join(complaints)}")


def _silence(settings: KafkaSettings) -> str:
    """Why a broker may be there and lead to nothing. One that refuses a login ends the connection without a word."""
    if settings.logs_in:
        remedy = "it refuses the login, hangs, or wants another kafka.security_protocol: look at kafka.sasl_username"
        return f"the broker takes the connection and leads to nothing: {remedy} and kafka.sasl_password first"
    return "the broker takes the connection and leads to nothing: it hangs, or wants another kafka.security_protocol"


def split_address(server: str) -> tuple[str, int]:
    """Host and port; Kafka's usual one where none is named."""
    host, colon, port = server.rpartition(":")
    if not colon or not port.isdigit():
        host, port = server, "9092"
    return host.strip("[]"), int(port)


def _security(settings: KafkaSettings) -> dict[str, Any]:
    """The library's options for TLS and for the login."""
    options: dict[str, Any] = {"security_protocol": settings.security_protocol}
    if settings.uses_tls:
        options |= {
            "ssl_check_hostname": settings.ssl_check_hostname,
            "ssl_cafile": _path(settings.ssl_ca_file),
            "ssl_certfile": _path(settings.ssl_cert_file),
            "ssl_keyfile": _path(settings.ssl_key_file),
            "ssl_password": settings.ssl_key_password.get_secret_value() if settings.ssl_key_password else None,
        }
    if settings.logs_in:
        options |= {
            "sasl_mechanism": settings.sasl_mechanism or "PLAIN",
            "sasl_plain_username": settings.sasl_username,
            "sasl_plain_password": settings.sasl_password.get_secret_value() if settings.sasl_password else None,
        }
    return options


def _path(path: object) -> str | None:
    return None if path is None else str(path)


def _require_codecs() -> None:
    needed = {"lz4": has_lz4(), "python-snappy": has_snappy(), "zstandard": has_zstd()}
    missing = [name for name, there in needed.items() if not there]
    if missing:
        raise KafkaFault(f"{' and '.join(missing)} is not installed here, which compressed messages need")


def explained(fault: Exception) -> KafkaFault:
    """The library's error in words."""
    if isinstance(fault, library.KafkaTimeoutError):
        return KafkaFault("no broker answers")
    if isinstance(fault, library.SaslAuthenticationFailedError):
        return KafkaFault("the broker refuses the login: look at kafka.sasl_username and kafka.sasl_password")
    if isinstance(fault, library.AuthorizationError):
        return KafkaFault(refusal(fault))
    return KafkaFault(f"{type(fault).__name__}: {fault}" if str(fault) else type(fault).__name__)


def refusal(fault: Exception) -> str:
    what = ", ".join(str(each) for each in fault.args) or "it"
    kind = "topic" if isinstance(fault, library.TopicAuthorizationFailedError) else "consumer group"
    return f"the login may not read the {kind} {what}: give it the right, or take it out of the configuration"
