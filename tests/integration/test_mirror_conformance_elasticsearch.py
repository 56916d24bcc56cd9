"""The Elasticsearch mirror on the real server, held to the same suite as all mirrors."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.integration.elasticsearch_target import ElasticsearchTarget
from tests.integration.mirror_conformance import Harness, MirrorConformance
from tests.services.elasticsearch import Elasticsearch


class TestElasticsearch(MirrorConformance):
    """The suite on Elasticsearch."""

    @pytest.fixture
    def harness(self, elasticsearch: Elasticsearch) -> Iterator[Harness]:
        target = ElasticsearchTarget(elasticsearch)
        yield target
        target.clear()
