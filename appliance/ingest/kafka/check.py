"""A look at Kafka that reads nothing: whether it is there, lets one in, and has the topics."""

from __future__ import annotations

from dataclasses import dataclass

from kafka import KafkaConsumer, TopicPartition

from appliance.config.kafka import KafkaSettings
from appliance.ingest.kafka.connect import ASK_MS, explained, open_consumer


@dataclass(frozen=True, slots=True)
class Found:
    """The partitions of each topic that is configured and exists, and those that don't."""

    partitions: dict[str, int]
    missing: list[str]


def look(settings: KafkaSettings) -> Found:
    """Ask, without joining the group and without making a topic. Raises ``KafkaFault``."""
    consumer = open_consumer(settings, group_id=settings.group_id, enable_auto_commit=False)
    try:
        return _look(consumer, settings)
    except Exception as fault:
        raise explained(fault) from fault
    finally:
        consumer.close(autocommit=False, timeout_ms=ASK_MS)


def _look(consumer: KafkaConsumer, settings: KafkaSettings) -> Found:
    there = consumer.topics()
    partitions = {topic: len(consumer.partitions_for_topic(topic)) for topic in settings.topics if topic in there}
    for topic in partitions:
        # asks the group's coordinator and the topic's leader, who both may refuse
        consumer.committed(TopicPartition(topic, 0), timeout_ms=ASK_MS)
        consumer.end_offsets([TopicPartition(topic, 0)], timeout_ms=ASK_MS)
    return Found(partitions, [topic for topic in settings.topics if topic not in there])
