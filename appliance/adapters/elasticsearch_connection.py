"""Requests to Elasticsearch, through the HTTP layer of its own client.

The client itself would double the memory, and its ways of retrying, warning and reading answers aren't a mirror's.
"""

from __future__ import annotations

import logging
import re
import ssl
from base64 import b64encode
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Final, TypeVar
from urllib.parse import unquote, urlsplit

import msgspec
import urllib3
from elastic_transport import (
    ConnectionTimeout,
    NodeConfig,
    SerializerCollection,
    TlsError,
    Transport,
    TransportError,
    Urllib3HttpNode,
)

from appliance.adapters.elasticsearch_errors import fault_in, meaning
from appliance.adapters.protocol import MirrorError, Misconfigured, Unreachable
from appliance.config.services import ElasticsearchSettings

# what fails is told once, by the mirror
logging.getLogger("elastic_transport").setLevel(logging.ERROR)

T = TypeVar("T")

CONNECT_SECONDS: Final = 5.0
READ_SECONDS: Final = 30.0
# A newer major version answers these as version 8 does.
_JSON: Final = "application/vnd.elasticsearch+json; compatible-with=8"
_NDJSON: Final = "application/vnd.elasticsearch+x-ndjson; compatible-with=8"
_MAJORS: Final = {"8", "9"}
_ERRNO: Final = re.compile(r"\[Errno -?\d+\] ([^)'\"]+)")


class _Version(msgspec.Struct):
    number: str = ""
    distribution: str = ""


class _Root(msgspec.Struct):
    version: _Version


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back."""

    status: int
    is_elasticsearch: bool
    """It carries the header that every answer of Elasticsearch has."""
    body: bytes

    def read(self, kind: type[T]) -> T:
        """The body as ``kind``; raises ``Unreachable`` where it is anything else."""
        try:
            return msgspec.json.decode(self.body, type=kind)
        except (msgspec.DecodeError, UnicodeDecodeError) as fault:
            raise Unreachable("it answers what no Elasticsearch answers: is there a proxy between?") from fault


class Connection:
    """To one of the configured nodes, another one where that fails. For one thread."""

    def __init__(self, settings: ElasticsearchSettings) -> None:
        nodes = [_node(host, settings) for host in settings.hosts]
        self._transport = Transport(
            nodes,
            node_class=_Node,
            # every request here may be repeated, so another node may be asked whatever became of the first
            max_retries=len(nodes) - 1,
            retry_on_status=(502, 503, 504),
            retry_on_timeout=True,
        )
        self._transport.serializers = _AsItIs()
        self._login = _login(settings)

    def check_version(self) -> str:
        """The server's version; raises ``Misconfigured`` where it is one that this mirror doesn't know."""
        # in plain JSON, which older and other servers understand too
        answer = self._ask("GET", "/", None, "application/json")
        try:
            version = msgspec.json.decode(answer.body, type=_Root).version
        except (msgspec.DecodeError, UnicodeDecodeError):
            raise Misconfigured("what answers is not Elasticsearch: correct elasticsearch.hosts") from None
        told = f"{version.distribution} {version.number}".strip()
        if version.distribution:
            raise Misconfigured(f"what answers is {told}, not Elasticsearch: Elasticsearch 8 or 9 is needed")
        if version.number.partition(".")[0] not in _MAJORS:
            raise Misconfigured(f"it is Elasticsearch {told}: version 8 or 9 is needed")
        if not answer.is_elasticsearch:
            raise Misconfigured(f"what answers calls itself {told}, but is not Elasticsearch: 8 or 9 of that is needed")
        return version.number

    def ask(self, method: str, path: str, body: object = None, *, also: Collection[int] = ()) -> Answer:
        """Send a request, ``body`` as JSON or bytes as NDJSON; the answer to one that succeeded.

        Answers whose status is in ``also`` are returned too. Raises ``MirrorError``.
        """
        if body is None or isinstance(body, bytes):
            return self._ask(method, path, body, _JSON, also)
        return self._ask(method, path, msgspec.json.encode(body), _JSON, also, content=_JSON)

    def close(self) -> None:
        self._transport.close()

    def _ask(
        self,
        method: str,
        path: str,
        body: bytes | None,
        accept: str,
        also: Collection[int] = (),
        content: str = _NDJSON,
    ) -> Answer:
        headers = {"accept": accept, **self._login}
        if body is not None:
            headers["content-type"] = content
        try:
            meta, text = self._transport.perform_request(method, path, body=body, headers=headers)
        except (TransportError, OSError, urllib3.exceptions.HTTPError) as fault:
            raise _unreachable(fault) from None
        answer = Answer(meta.status, meta.headers.get("x-elastic-product") == "Elasticsearch", text or b"")
        if not 200 <= meta.status < 300 and meta.status not in also:
            raise meaning(meta.status, fault_in(answer.body))
        return answer


class _AsItIs(SerializerCollection):
    """Bodies stay bytes, whatever kind they claim to be: how they are read is known where they are asked for."""

    def dumps(self, data: bytes, mimetype: str | None = None) -> bytes:  # noqa: ARG002 - as the transport calls it
        return data

    def loads(self, data: bytes, mimetype: str | None = None) -> bytes:  # noqa: ARG002
        return data


class _Node(Urllib3HttpNode):
    """Connecting may take a shorter time than answering, and only the named authorities vouch for the server."""

    def __init__(self, config: NodeConfig) -> None:
        super().__init__(config)
        self.pool.timeout = urllib3.Timeout(connect=CONNECT_SECONDS, read=READ_SECONDS)
        if isinstance(self.pool, urllib3.HTTPSConnectionPool):
            self.pool.ca_certs = None


def shown(host: str) -> str:
    """An address of the settings without the login that may stand in it."""
    parts = urlsplit(host)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()


def _node(url: str, settings: ElasticsearchSettings) -> NodeConfig:
    parts = urlsplit(url)
    secure: dict[str, Any] = {}
    if parts.scheme == "https":
        context = ssl.create_default_context(cafile=settings.ssl_ca_file)
        if not settings.ssl_verify:
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        secure = {"ssl_context": context, "verify_certs": settings.ssl_verify, "ssl_show_warn": False}
    return NodeConfig(
        parts.scheme,
        parts.hostname or "",
        parts.port or (443 if parts.scheme == "https" else 80),
        path_prefix=parts.path.rstrip("/"),
        connections_per_node=1,
        **secure,
    )


def _login(settings: ElasticsearchSettings) -> dict[str, str]:
    if settings.api_key is not None:
        return {"authorization": f"ApiKey {settings.api_key.get_secret_value()}"}
    name, password = settings.username, settings.password.get_secret_value() if settings.password is not None else ""
    if name is None:
        parts = next((parts for parts in map(urlsplit, settings.hosts) if parts.username), None)
        if parts is None:
            return {}
        name, password = unquote(parts.username or ""), unquote(parts.password or "")
    return {"authorization": "Basic " + b64encode(f"{name}:{password}".encode()).decode()}


def _unreachable(fault: Exception) -> MirrorError:
    if isinstance(fault, ConnectionTimeout):
        return Unreachable(f"no answer within {READ_SECONDS:.0f} s")
    text = fault.message if isinstance(fault, TransportError) else str(fault)
    if isinstance(fault, TlsError) and "certificate verify failed" in text.lower():
        return Misconfigured("its certificate can't be verified: name its authority in elasticsearch.ssl_ca_file")
    if isinstance(fault, TlsError):
        return Unreachable("no encrypted connection can be made: does it speak https there?")
    found = _ERRNO.search(text)
    return Unreachable(f"it can't be reached: {found[1]}" if found else "the connection to it broke")
