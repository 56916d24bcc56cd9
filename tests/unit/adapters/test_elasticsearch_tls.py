"""The Elasticsearch mirror over https: verified against the named authority, and against nothing where that is said."""

from __future__ import annotations

import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from appliance.adapters.elasticsearch_connection import Connection
from appliance.adapters.protocol import Misconfigured
from appliance.config.services import ElasticsearchSettings
from tests.unit.adapters.fake_elasticsearch import FakeElasticsearch, fake_elasticsearch


def _certificate(folder: Path, name: str, address: str = "IP:127.0.0.1") -> Path:
    """A certificate that vouches for itself, and its key, in one file."""
    file, key = folder / f"{name}.pem", folder / f"{name}-key.pem"
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    command += ["-keyout", str(key), "-out", str(file), "-days", "2", "-subj", "/CN=here"]
    subprocess.run([*command, "-addext", f"subjectAltName={address}"], check=True, capture_output=True)
    file.write_text(file.read_text() + key.read_text())
    return file


def _server(certificate: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """The server's own."""
    return _certificate(tmp_path, "server")


@pytest.fixture
def fake(certificate: Path) -> Iterator[FakeElasticsearch]:
    """A server that speaks https."""
    with fake_elasticsearch(_server(certificate)) as fake:
        yield fake


def _version(fake: FakeElasticsearch, *, ssl_ca_file: Path | None = None, ssl_verify: bool = True) -> str:
    settings = ElasticsearchSettings(hosts=[fake.url], ssl_ca_file=ssl_ca_file, ssl_verify=ssl_verify)
    connection = Connection(settings)
    try:
        return connection.check_version()
    finally:
        connection.close()


def test_the_named_authority_decides(fake: FakeElasticsearch, certificate: Path, tmp_path: Path) -> None:
    """The right one lets it be asked; another, or the system's, which don't know it, do not."""
    assert "8.16.6" == _version(fake, ssl_ca_file=certificate)
    for other in (_certificate(tmp_path, "other"), None):
        with pytest.raises(Misconfigured, match=r"certificate can't be verified.*ssl_ca_file"):
            _version(fake, ssl_ca_file=other)
    assert 1 == len(fake.requests)


def test_verification_can_be_left_out(fake: FakeElasticsearch) -> None:
    """For trials any certificate does."""
    assert "8.16.6" == _version(fake, ssl_verify=False)


def test_the_name_is_verified(tmp_path: Path) -> None:
    """A certificate of the right authority for another name won't do."""
    certificate = _certificate(tmp_path, "elsewhere", "DNS:search.example")
    with fake_elasticsearch(_server(certificate)) as fake, pytest.raises(Misconfigured, match="can't be verified"):
        _version(fake, ssl_ca_file=certificate)
