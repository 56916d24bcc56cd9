"""Redis and PostgreSQL over TLS: encrypted and verified, and refused where the certificate isn't the right one."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest

from appliance.adapters.protocol import Misconfigured
from tests.integration.postgres_target import PostgresTarget
from tests.integration.redis_target import RedisTarget
from tests.services import machine
from tests.services.ports import free_port
from tests.services.postgresql import PostgreSQL
from tests.services.redis import Redis
from tests.services.session import Session


def _certificate(folder: Path, name: str) -> tuple[Path, Path]:
    """A certificate for 127.0.0.1 that vouches for itself, and its key."""
    machine.make_folder(folder)
    certificate, key = folder / f"{name}.pem", folder / f"{name}-key.pem"
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    command += ["-keyout", str(key), "-out", str(certificate), "-days", "2", "-subj", "/CN=here"]
    subprocess.run([*command, "-addext", "subjectAltName=IP:127.0.0.1"], check=True, capture_output=True)
    key.chmod(0o600)
    return certificate, key


@pytest.mark.usefixtures("redis")
def test_redis(service_session: Session) -> None:
    """The authority that is named decides; without one the system's do, and they don't know this server."""
    service = service_session.new(Redis)
    certificate, key = _certificate(service.folder, "server")
    other, _ = _certificate(service.folder, "other")
    tls_port = free_port()
    service.options |= {
        "tls-port": str(tls_port),
        "tls-cert-file": str(certificate),
        "tls-key-file": str(key),
        "tls-auth-clients": "no",
    }
    service.start()
    with RedisTarget.made_on(service) as target:
        target.connect(port=tls_port, tls=True, ssl_ca_file=certificate).setup()
        wrong: list[dict[str, Any]] = [{}, {"ssl_ca_file": other}]
        for settings in wrong:
            with pytest.raises(Misconfigured, match="no TLS with Redis"):
                target.connect(port=tls_port, tls=True, **settings).setup()
    service.kill()


@pytest.mark.usefixtures("postgres")
def test_postgresql(service_session: Session) -> None:
    """`verify-full` wants a certificate that the named authority vouches for; `require` takes any."""
    service = service_session.new(PostgreSQL)
    certificate, key = _certificate(service.folder, "server")
    other, _ = _certificate(service.folder, "other")
    service.options |= {"ssl": "on", "ssl_cert_file": str(certificate), "ssl_key_file": str(key)}
    service.start()
    with PostgresTarget.made_on(service) as target:
        target.connect(sslmode="verify-full", ssl_ca_file=certificate).setup()
        target.connect(sslmode="require").setup()
        with pytest.raises(Misconfigured, match="certificate verify failed"):
            target.connect(sslmode="verify-full", ssl_ca_file=other).setup()
    service.kill()
