"""Which services there are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from tests.services.elasticsearch import Elasticsearch
from tests.services.kafka import Kafka
from tests.services.postgresql import PostgreSQL
from tests.services.redis import Redis
from tests.services.service import Service

SERVICES: Final[Mapping[str, type[Service]]] = {
    service.name: service for service in (Kafka, Redis, Elasticsearch, PostgreSQL)
}
