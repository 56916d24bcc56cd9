"""What the Elasticsearch mirror makes of every kind of answer, given by a server that is told what to answer."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest
from pydantic import SecretStr

from appliance.adapters.elasticsearch import ElasticsearchMirror
from appliance.adapters.elasticsearch_bulk import Bulk
from appliance.adapters.elasticsearch_connection import Connection
from appliance.adapters.elasticsearch_documents import Document, action
from appliance.adapters.protocol import MirrorContext, MirrorError, Misconfigured, RefusedEvent, Unreachable
from appliance.config.services import ElasticsearchSettings
from appliance.log.position import Position
from appliance.testing import SettableClock
from tests.unit.adapters.fake_elasticsearch import (
    FakeElasticsearch,
    Reply,
    Request,
    all_taken,
    fake_elasticsearch,
    root,
)

_PLAIN = {"Content-Type": "application/json"}


class _NoCursor:
    def get(self) -> Position | None:
        return None

    def put(self, position: Position | None) -> None:
        raise AssertionError(position)


@pytest.fixture
def fake() -> Iterator[FakeElasticsearch]:
    """A server that takes everything until it is told otherwise."""
    with fake_elasticsearch() as fake:
        yield fake


@pytest.fixture
def connect(fake: FakeElasticsearch) -> Iterator[Callable[..., Connection]]:
    """Connections to it, with any settings."""
    made: list[Connection] = []

    def connect(**settings: Any) -> Connection:
        made.append(Connection(ElasticsearchSettings(**({"hosts": [fake.url]} | settings))))
        return made[-1]

    yield connect
    for connection in made:
        connection.close()


def _documents(count: int, size: int = 10) -> list[Document]:
    return [
        Document("i-2026.01.01", str(number), number, action("i-2026.01.01", str(number)) + b'"%b"\n' % (b"x" * size))
        for number in range(count)
    ]


def _written(connection: Connection, documents: list[Document]) -> tuple[list[RefusedEvent], list[float]]:
    pauses: list[float] = []
    return Bulk(connection, pause=pauses.append).write(documents), pauses


def _always(status: int, body: Any, request: Request, path: str = "/_bulk") -> Reply:
    return Reply(status, body) if request.path.startswith(path) else all_taken(request)


def _error(kind: str, reason: str = "", **more: Any) -> dict[str, Any]:
    return {"error": {"type": kind, "reason": reason, **more}}


@pytest.mark.parametrize(
    ("reply", "words"),
    [
        (Reply(200, root("7.17.29")), "it is Elasticsearch 7.17.29: version 8 or 9 is needed"),
        (Reply(200, root("10.0.0")), "it is Elasticsearch 10.0.0: version 8 or 9 is needed"),
        (Reply(200, root("2.19.0", distribution="opensearch"), _PLAIN), "what answers is opensearch 2.19.0, not"),
        (Reply(200, root("8.16.6"), _PLAIN), "calls itself 8.16.6, but is not Elasticsearch"),
        (Reply(200, {"hello": "world"}, _PLAIN), "what answers is not Elasticsearch: correct elasticsearch.hosts"),
        (Reply(200, b"<h1>It works!</h1>", {"Content-Type": "text/html"}), "what answers is not Elasticsearch"),
        (Reply(200, b"\xff\xfe", {"Content-Type": "image/png"}), "what answers is not Elasticsearch"),
        (Reply(301, b"", {"Location": "https://x"}), "it answers 301, as no Elasticsearch does"),
        (Reply(404, b"nothing here", {"Content-Type": "text/plain"}), "it answers 404, as no Elasticsearch does"),
        (Reply(401, _error("security_exception")), "it refuses the login: set elasticsearch.username"),
        (Reply(403, _error("security_exception")), "may not do what is needed: it needs the cluster privileges"),
    ],
)
def test_servers_that_will_not_do(fake: FakeElasticsearch, reply: Reply, words: str) -> None:
    """Other versions, other products and refused logins are told as a matter of the configuration, in words."""
    fake.answering = lambda _request: reply
    mirror = ElasticsearchMirror(ElasticsearchSettings(hosts=[fake.url]), MirrorContext(SettableClock(), _NoCursor()))
    with pytest.raises(Misconfigured) as told:
        mirror.setup()
    mirror.close()
    assert words in told.value.message
    assert ["/"] == [request.path for request in fake.requests]


@pytest.mark.parametrize("number", ["8.0.0", "8.19.3", "9.4.3"])
def test_servers_that_will_do(fake: FakeElasticsearch, connect: Callable[..., Connection], number: str) -> None:
    """Versions 8 and 9; both are asked to answer as 8."""
    fake.answering = lambda request: Reply(200, root(number)) if request.path == "/" else all_taken(request)
    connection = connect()
    assert number == connection.check_version()
    connection.ask("PUT", "/x", {})
    assert "compatible-with=8" in fake.requests[-1].headers["accept"]
    assert "compatible-with=8" in fake.requests[-1].headers["content-type"]


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, None),
        ({"username": "me", "password": SecretStr("söme:thing")}, "Basic bWU6c8O2bWU6dGhpbmc="),
        ({"api_key": SecretStr("a2V5")}, "ApiKey a2V5"),
        ({"hosts": ["http://m%65:s%C3%B6me:thing@{address}"]}, "Basic bWU6c8O2bWU6dGhpbmc="),
    ],
)
def test_logins(
    fake: FakeElasticsearch, connect: Callable[..., Connection], settings: dict[str, Any], expected: str | None
) -> None:
    """By name, by key, or before the host as some write it."""
    address = fake.url.removeprefix("http://")
    if "hosts" in settings:
        settings = {"hosts": [host.replace("{address}", address) for host in settings["hosts"]]}
    connect(**settings).check_version()
    assert expected == fake.requests[0].headers.get("authorization")


def test_only_what_was_turned_away_is_sent_again(fake: FakeElasticsearch, connect: Callable[..., Connection]) -> None:
    """Items answered with 429 or 5xx go again, alone and after a pause; 409 is as good as written; 400 is refused."""
    told = {"1": (429, "es_rejected_execution_exception"), "2": (503, "unavailable_shards_exception")}
    told |= {"3": (409, "version_conflict_engine_exception"), "4": (400, "document_parsing_exception")}

    def answer(request: Request) -> Reply:
        if not request.path.startswith("/_bulk") or len(fake.bulks) > 1:
            return all_taken(request)
        items = [
            {"index": {"status": told[one][0]} | _error(told[one][1])} if one in told else {"index": {"status": 201}}
            for one in request.ids
        ]
        return Reply(200, {"errors": True, "items": items})

    fake.answering = answer
    refused, pauses = _written(connect(), _documents(6))
    assert [RefusedEvent("4", 4, "Elasticsearch refuses it: document_parsing_exception")] == refused
    assert [["0", "1", "2", "3", "4", "5"], ["1", "2"]] == [bulk.ids for bulk in fake.bulks]
    assert 1 == len(pauses)


def test_it_does_not_try_for_ever(fake: FakeElasticsearch, connect: Callable[..., Connection]) -> None:
    """A server that stays busy is unreachable after a few tries, each longer waited for and with a smaller request."""
    fake.answering = partial(_always, 429, _error("circuit_breaking_exception", "Data too large"))
    with pytest.raises(Unreachable, match="lacks memory"):
        _written(connect(), _documents(8, size=1_000))
    sizes = [len(bulk.body) for bulk in fake.bulks]
    assert max(sizes) > 8_000
    assert min(sizes) < 2_000
    assert {str(number) for number in range(8)} == {one for bulk in fake.bulks for one in bulk.ids}


def test_a_request_that_is_too_large_is_halved(fake: FakeElasticsearch, connect: Callable[..., Connection]) -> None:
    """Down to the one document that is too large alone, which is refused; the others are written, each once."""
    taken: list[str] = []

    def answer(request: Request) -> Reply:
        if len(request.body) > 3_000:
            return Reply(413, b"<html>too large</html>", {"Content-Type": "text/html"})
        taken.extend(request.ids)
        return all_taken(request)

    fake.answering = answer
    documents = [*_documents(5, size=1_000), *(_documents(6, size=5_000)[5:])]
    refused, pauses = _written(connect(), documents)
    assert (["0", "1", "2", "3", "4"], ["5"], []) == (taken, [event.event_id for event in refused], pauses)


@pytest.mark.parametrize(
    ("status", "error", "kind", "words"),
    [
        (400, _error("index_closed_exception", index="i"), Misconfigured, "index i is closed"),
        (400, _error("validation_exception", "1000/1000 maximum normal shards open"), Misconfigured, "max_shards_per"),
        (400, _error("illegal_argument_exception", "no write index is defined for alias [i]"), Misconfigured, "alias"),
        (403, _error("security_exception", "action is unauthorized"), Misconfigured, "privileges"),
        (403, _error("cluster_block_exception", "FORBIDDEN/8/index write (api)"), Unreachable, "read-only"),
        (
            429,
            _error("cluster_block_exception", "TOO_MANY_REQUESTS/12/disk usage exceeded"),
            Unreachable,
            "disk is full",
        ),
        (404, _error("index_not_found_exception", index="i"), Unreachable, "index i has gone"),
        (500, _error("no_space_left"), Unreachable, "it answers 500 (no_space_left)"),
        (503, _error("cluster_block_exception", "state not recovered"), Unreachable, "no master, or is starting"),
    ],
)
def test_what_is_not_the_documents_fault(
    fake: FakeElasticsearch,
    connect: Callable[..., Connection],
    status: int,
    error: dict[str, Any],
    kind: type[MirrorError],
    words: str,
) -> None:
    """No document is refused for what is wrong with an index, the cluster or the login."""
    body = {"errors": True, "items": [{"index": {"status": status} | error}]}
    fake.answering = partial(_always, 200, body)
    with pytest.raises(kind) as told:
        _written(connect(), _documents(1))
    assert words in told.value.message


@pytest.mark.parametrize(
    "reply",
    [
        Reply(200, {"errors": False, "items": []}),
        Reply(200, {"errors": False, "items": [{"index": {"status": 201}}] * 3}),
        Reply(200, {"took": 1}),
        Reply(200, b"<html>"),
        Reply(200, b""),
        Reply(200, {"errors": False, "items": [{}, {}]}),
        Reply(502, b"<html>bad gateway</html>", {"Content-Type": "text/html"}),
    ],
)
def test_nonsense_is_no_success(fake: FakeElasticsearch, connect: Callable[..., Connection], reply: Reply) -> None:
    """An answer that doesn't tell what became of each document leaves all of them to be written again."""
    fake.answering = lambda _request: reply
    with pytest.raises(Unreachable):
        _written(connect(), _documents(2))


def test_bodies_are_bounded(
    fake: FakeElasticsearch, connect: Callable[..., Connection], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Many documents go in several requests, in their order, none larger than the bound unless one document is."""
    monkeypatch.setattr("appliance.adapters.elasticsearch_bulk.MOST_BYTES", 10_000)
    _written(connect(), [*_documents(20, size=1_500), *_documents(1, size=50_000)])
    sizes = [len(bulk.body) for bulk in fake.bulks]
    assert [*map(str, range(20)), "0"] == [one for bulk in fake.bulks for one in bulk.ids]
    assert (5, True) == (len(sizes), max(sizes[:-1]) <= 10_000 < sizes[-1])


def test_another_node_is_asked(fake: FakeElasticsearch, connect: Callable[..., Connection]) -> None:
    """Where one of two nodes answers that it can't now, the other is asked within the same request."""
    with fake_elasticsearch() as other:
        fake.answering = other.answering = lambda _request: Reply(503, _error("master_not_discovered_exception"))
        connection = connect(hosts=[fake.url, other.url])
        with pytest.raises(Unreachable, match="503"):
            connection.ask("GET", "/")
        assert (1, 1) == (len(fake.requests), len(other.requests))
        other.answering = all_taken
        for _ in range(4):
            connection.ask("GET", "/")
