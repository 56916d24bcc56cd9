"""Apache Kafka: one broker that is its own controller (KRaft), from Maven's registry."""

from __future__ import annotations

import socket
import struct
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar, Final

from tests.services import java, maven
from tests.services.errors import NotStarted, Unavailable
from tests.services.machine import run
from tests.services.proxy import Proxy
from tests.services.service import Service

VERSION: Final = "4.1.2"
USER: Final = "appliance"
PASSWORD: Final = "correct horse"
_INSTALL: Final = f"kafka-{VERSION}"
_POM: Final = Path(__file__).with_name("kafka-pom.xml")
_CLUSTER_ID: Final = "MkU3OEVBNTcwNTJENDM2Qk"
_STARTED: Final = b"Kafka Server started"
_API_VERSIONS: Final = struct.pack(">ihhih", 10, 18, 0, 1, -1)
"""Length, key, version, correlation, no client name."""
_HEAP: Final = "512m"
_LOGGING: Final = (
    "-Dorg.slf4j.simpleLogger.defaultLogLevel=info",
    "-Dorg.slf4j.simpleLogger.showDateTime=true",
    "-Dorg.slf4j.simpleLogger.dateTimeFormat=HH:mm:ss.SSS",
)


class Kafka(Service):
    """Topics are not made by themselves unless ``auto.create.topics.enable`` is among the options.

    Three ways in: ``address`` in the clear, ``sasl_address`` with ``USER`` and ``PASSWORD`` (SASL_PLAINTEXT, PLAIN),
    and the one behind ``proxy()``: a broker tells its clients where to connect, so that one tells them the proxy.
    A measurement of its speed sets ``java_options`` to nothing, and waits until it is warm.
    """

    name: ClassVar[str] = "kafka"
    port_names: ClassVar[Sequence[str]] = ("port", "controller", "sasl", "behind_proxy", "proxy")
    java_options = java.QUICK_START
    _log_began = 0

    @classmethod
    def missing_packages(cls) -> list[str]:
        return maven.missing_packages() if maven.installed(_INSTALL) is None or not java.is_here() else []

    @classmethod
    def install(cls) -> None:
        java.home()
        if maven.installed(_INSTALL) is None:
            maven.check_programs()
            maven.install(_INSTALL, _fetch)

    @classmethod
    def check(cls) -> None:
        java.home()
        if maven.installed(_INSTALL) is None:
            raise Unavailable("kafka: it isn't installed; run scripts/services install kafka")

    @property
    def url(self) -> str:
        return self.address

    @property
    def sasl_address(self) -> str:
        return f"127.0.0.1:{self._record.ports['sasl']}"

    def proxy(self) -> Proxy:
        """A way to it that can be slow, cut or silent; one at a time, since its address is known to the broker."""
        return Proxy(self._record.ports["behind_proxy"], port=self._record.ports["proxy"])

    def _version(self) -> str:
        return VERSION

    def _prepare(self) -> None:
        self._write_settings()
        if not (self.data / "meta.properties").exists():
            self._format()
        self._log_began = self.log.stat().st_size if self.log.exists() else 0

    def _write_settings(self) -> None:
        ports = {name: f"127.0.0.1:{port}" for name, port in self._record.ports.items()}
        clients = {"CLEAR": "port", "SASL": "sasl", "PROXIED": "behind_proxy"}
        told = {**clients, "PROXIED": "proxy"}
        listeners = [f"{name}://{ports[port]}" for name, port in clients.items()]
        settings = {
            "process.roles": "broker,controller",
            "node.id": "1",
            "controller.quorum.voters": f"1@{ports['controller']}",
            "listeners": ",".join([*listeners, f"CONTROLLER://{ports['controller']}"]),
            "advertised.listeners": ",".join(f"{name}://{ports[port]}" for name, port in told.items()),
            "listener.security.protocol.map": "CLEAR:PLAINTEXT,PROXIED:PLAINTEXT,SASL:SASL_PLAINTEXT,"
            "CONTROLLER:PLAINTEXT",
            "listener.name.sasl.sasl.enabled.mechanisms": "PLAIN",
            "listener.name.sasl.plain.sasl.jaas.config": "org.apache.kafka.common.security.plain.PlainLoginModule "
            f'required user_{USER}="{PASSWORD}";',
            "controller.listener.names": "CONTROLLER",
            "inter.broker.listener.name": "CLEAR",
            # after SIGKILL it is let in again only when its own session of before is over
            "broker.session.timeout.ms": "2000",
            "broker.heartbeat.interval.ms": "500",
            "log.dirs": str(self.data),
            "auto.create.topics.enable": "false",
            "offsets.topic.replication.factor": "1",
            "offsets.topic.num.partitions": "1",
            "transaction.state.log.replication.factor": "1",
            "transaction.state.log.min.isr": "1",
            "transaction.state.log.num.partitions": "1",
            "share.coordinator.state.topic.replication.factor": "1",
            "share.coordinator.state.topic.min.isr": "1",
            "group.initial.rebalance.delay.ms": "0",
            **self.options,
        }
        text = "".join(f"{name}={value}\n" for name, value in settings.items())
        self._settings.write_text(text, "utf-8")

    @property
    def _settings(self) -> Path:
        return self.folder / "server.properties"

    def _format(self) -> None:
        arguments = ["format", "--cluster-id", _CLUSTER_ID, "--config", str(self._settings)]
        try:
            run(_java("-Xmx128m", "kafka.tools.StorageTool", *arguments), as_service=True, folder=self.folder)
        except subprocess.CalledProcessError as fault:
            raise NotStarted(f"kafka: its folder can't be formatted: {fault.output[-1_500:].strip()}") from None

    def _command(self) -> list[str]:
        options = [
            f"-Xms{_HEAP}",
            f"-Xmx{_HEAP}",
            "-XX:+UseSerialGC",
            *self.java_options.split(),
            f"-Dkafka.logs.dir={self.folder}",
            *_LOGGING,
        ]
        return _java(*options, "kafka.Kafka", str(self._settings))

    def _answers(self) -> bool:
        """Whether it has said that it started, since it takes requests earlier, and says which requests it knows."""
        with self.log.open("rb") as log:
            log.seek(self._log_began)
            if _STARTED not in log.read():
                return False
        with socket.create_connection(("127.0.0.1", self.port), timeout=3) as connection:
            connection.sendall(_API_VERSIONS)
            return len(connection.recv(64)) > 8


def _java(*arguments: str) -> list[str]:
    libraries = maven.installed(_INSTALL)
    return [str(java.home() / "bin/java"), "-Djava.awt.headless=true", "-cp", f"{libraries}/*", *arguments]


def _fetch(work: Path, repository: Path) -> Path:
    libraries = work / "libraries"
    arguments = [f"-Dkafka.version={VERSION}", f"-DoutputDirectory={libraries}", "-DincludeScope=runtime"]
    maven.maven("copy-dependencies", repository, "-f", str(_POM), *arguments)
    return libraries
