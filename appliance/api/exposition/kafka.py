"""What is taken from Kafka."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from appliance.api.parts import Parts


def metrics(parts: Parts) -> Iterator[Metric]:
    kafka = parts.kafka
    if kafka is None:
        return
    counts = kafka.counts
    up = float(kafka.status().state == "up")
    yield GaugeMetricFamily("appliance_kafka_up", "1 while events can be taken from Kafka.", value=up)
    yield CounterMetricFamily(
        "appliance_kafka_messages", "Messages of Kafka that are dealt with for good.", value=counts.messages
    )
    yield CounterMetricFamily("appliance_kafka_bytes", "Bytes of their values.", value=counts.size_bytes)
    yield CounterMetricFamily(
        "appliance_kafka_null_messages", "Messages without a value, which are passed over.", value=counts.nulls
    )
    yield CounterMetricFamily(
        "appliance_kafka_poison", "Dead letters made of messages or of events in them.", value=counts.poison
    )
    yield CounterMetricFamily(
        "appliance_kafka_rebalances", "Times that the group gave this consumer its partitions.", value=counts.rebalances
    )
    yield CounterMetricFamily(
        "appliance_kafka_fenced",
        "Batches that were not stored because the log had moved on without them.",
        value=counts.fenced,
    )
    yield CounterMetricFamily(
        "appliance_kafka_retries",
        "Batches that the log could not take, and whose messages were read again.",
        value=counts.retries,
    )
    yield CounterMetricFamily(
        "appliance_kafka_expired", "Offsets that Kafka let go before they were read.", value=counts.expired
    )
    yield CounterMetricFamily(
        "appliance_kafka_restarts",
        "Partitions that began anew: their topic was made anew, or they lost their end.",
        value=counts.restarts,
    )
