"""The API keeps what its OpenAPI document says, whatever it is asked."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.checks import CheckContext
from schemathesis.core.transport import Response
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from appliance.api.application import make_routes
from tests.acceptance.server import Server
from tests.bench.wire_events import bodies

EXAMPLES = int(os.environ.get("OPENAPI_EXAMPLES", "25"))
"""Calls of each operation and kind; more of them for a longer look."""


@pytest.fixture(scope="module")
def busy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """An open server with events, dead letters and a key in it, which nobody's limits slow down."""
    server = Server(tmp_path_factory.mktemp("busy"), {"APPLIANCE__INGEST__BODY_TIMEOUT_SECONDS": "2"})
    server.start()
    for body in bodies(20, 100, ids=True):
        assert 202 == server.post(body).status
    assert 400 == server.post([{"event_type": "Bad", "user_id": "u"}] * 5).status
    yield server
    server.stop()
    assert "Traceback" not in (server.data.parent / "output.txt").read_text()


# the endless stream has no whole answer to look at
DOCUMENT = schemathesis.openapi.from_dict(make_routes().openapi()).exclude(path="/v1/stream")


@schemathesis.serializer("application/x-ndjson")
def lines(_context: schemathesis.SerializationContext, value: Any) -> bytes:
    """The text of an NDJSON body, or JSON where the document is broken on purpose."""
    return value.encode("utf-8", "replace") if isinstance(value, str) else json.dumps(value).encode()


def no_undocumented_server_error(_context: CheckContext, response: Response, case: schemathesis.Case[Any]) -> None:
    """503 and 504 are answers where the document has them; no other 5xx is."""
    documented = {str(status) for status in case.operation.definition.raw["responses"]} & {"503", "504"}
    assert response.status_code < 500 or str(response.status_code) in documented, response.text


@pytest.mark.slow
@DOCUMENT.parametrize()
@settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)
def test_every_operation_keeps_its_word(case: schemathesis.Case[Any], busy: Server) -> None:
    """No server error, no status, content type or shape that the document doesn't have."""
    case.call_and_validate(
        base_url=busy.url,
        checks=[
            no_undocumented_server_error,
            status_code_conformance,
            content_type_conformance,
            response_schema_conformance,
        ],
        timeout=60,
    )
