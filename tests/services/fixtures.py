"""Real services as fixtures, for every test: ``kafka``, ``redis``, ``elasticsearch``, ``postgres``.

Each is started at its first use and shared by the whole run: use topics, keys, indices and tables of your own. A test
may stop, kill or pause it; what it leaves that way is started again after it. ``start_service`` makes one for the test
alone, with options or on a small disk. Where a service can't be had its tests are skipped, in CI they fail.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from typing import Any, NoReturn

import pytest

from tests.acceptance.small_disk import mounted
from tests.services import machine
from tests.services.elasticsearch import Elasticsearch
from tests.services.errors import Unavailable
from tests.services.kafka import Kafka
from tests.services.postgresql import PostgreSQL
from tests.services.redis import Redis
from tests.services.session import AnyService, Session

StartService = Callable[..., Any]


@pytest.fixture(scope="session")
def service_session() -> Iterator[Session]:
    """The services of this run; they end with it."""
    session = Session()
    yield session
    session.end()


@pytest.fixture(scope="session")
def kafka(service_session: Session) -> Kafka:
    return _shared(service_session, Kafka)


@pytest.fixture(scope="session")
def redis(service_session: Session) -> Redis:
    return _shared(service_session, Redis)


@pytest.fixture(scope="session")
def elasticsearch(service_session: Session) -> Elasticsearch:
    return _shared(service_session, Elasticsearch)


@pytest.fixture(scope="session")
def postgres(service_session: Session) -> PostgreSQL:
    return _shared(service_session, PostgreSQL)


@pytest.fixture
def start_service(service_session: Session) -> Iterator[StartService]:
    """``start_service(Redis, {"maxmemory": "4mb"}, disk_mebibytes=64)``: one for this test alone, started.

    The small disk holds its data and nothing else; it needs root, and skips the test without.
    """
    with ExitStack() as ends:

        def start(
            kind: type[AnyService], options: Mapping[str, str] | None = None, disk_mebibytes: int = 0
        ) -> AnyService:
            try:
                service = service_session.new(kind, options)
            except Unavailable as reason:
                _not_here(reason)
            if disk_mebibytes:
                machine.make_folder(service.folder)
                ends.enter_context(mounted(service.data, disk_mebibytes))
            ends.callback(service.kill)
            service.start()
            return service

        yield start


@pytest.fixture(autouse=True)
def _mended_services(request: pytest.FixtureRequest) -> Iterator[None]:
    """The next test finds running what this one may have ended."""
    yield
    if "service_session" in request.fixturenames:
        request.getfixturevalue("service_session").mend()


def _shared(session: Session, kind: type[AnyService]) -> AnyService:
    try:
        return session.shared(kind)
    except Unavailable as reason:
        _not_here(reason)


def _not_here(reason: Unavailable) -> NoReturn:
    if os.environ.get("CI") == "true":
        pytest.fail(f"CI needs every service: {reason}")
    pytest.skip(f"NOT TESTED WITH THE REAL SERVICE: {reason}")
