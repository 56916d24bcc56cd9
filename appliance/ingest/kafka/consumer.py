"""The thread that reads Kafka: sessions one after the other, whatever Kafka does."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import Final

import structlog

from appliance.clock import Clock
from appliance.config.kafka import KafkaSettings
from appliance.ingest.intake import Decoder
from appliance.ingest.kafka.counts import KafkaCounts, KafkaStatus
from appliance.ingest.kafka.health import Health
from appliance.ingest.kafka.messages import MessageDecoder
from appliance.ingest.kafka.owned import Ownership
from appliance.ingest.kafka.retry import pause_seconds
from appliance.ingest.kafka.words import KafkaFault, LibraryLog
from appliance.log.kafka_offsets import KafkaOffsets
from appliance.log.writer import Writer
from appliance.masking import Mask

_logger = structlog.get_logger(__name__)

_LEAVE_SECONDS: Final = 1.5


@dataclass(slots=True)
class KafkaIngest:
    """Takes events from Kafka into one log. ``offsets`` are those of the log that ``writer`` writes to.

    A broker that is down, slow or missing stops nothing: it is tried again for ever, and ``status`` tells.
    """

    settings: KafkaSettings
    decoder: Decoder
    offsets: KafkaOffsets
    writer: Writer
    clock: Clock
    mask: Mask = field(default_factory=Mask)
    counts: KafkaCounts = field(default_factory=KafkaCounts)
    _stopping: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None
    _health: Health = field(init=False)
    _complaints: LibraryLog = field(init=False)

    def __post_init__(self) -> None:
        self._complaints = LibraryLog(self.mask)
        self._health = Health(self.clock, self._complaints.take)

    def start(self) -> None:
        """Begin to read; returns at once."""
        self._thread = threading.Thread(target=self._run, name="kafka", daemon=True)
        self._thread.start()

    def stop(self, timeout: float | None = None) -> bool:
        """Read no more; what was read becomes durable and is committed where Kafka answers in time.

        ``False`` where the thread is still at it after ``timeout`` seconds; nothing is lost or doubled by that.
        """
        self._stopping.set()
        if self._thread is not None:
            self._thread.join(timeout)
        return self._thread is None or not self._thread.is_alive()

    def status(self) -> KafkaStatus:
        """How it stands; from any thread, without asking anybody."""
        return self._health.status()

    def _run(self) -> None:
        self._complaints.attach()
        failures = 0
        try:
            while not self._stopping.is_set():
                failures = 0 if self._one_session() else failures + 1
                self._stopping.wait(pause_seconds(max(1, failures)))
        finally:
            self._complaints.detach()

    def _one_session(self) -> bool:
        """Whether it got as far as being a member."""
        # imported here: the library takes a tenth of a second and 20 MB that only its users should pay
        from appliance.ingest.kafka.client import Client  # noqa: PLC0415
        from appliance.ingest.kafka.session import Session  # noqa: PLC0415

        ownership = Ownership(self.settings.group_id, self.offsets, self.writer, self.counts)
        own_id = self.offsets.consumer_id
        session = None
        try:
            client = Client(self.settings, own_id, ownership)
            self._health.waiting()
            decoder = MessageDecoder(self.decoder)
            session = Session(self.settings, client, decoder, ownership, self._health, self.counts, self.clock, own_id)
            session.run(self._stopping.is_set)
        except KafkaFault as fault:
            self._health.failed(self.mask(fault.message))
        except Exception as fault:
            _logger.exception("reading Kafka failed and begins anew")
            self._health.failed(f"it failed: {type(fault).__name__}")
        finally:
            if session is not None:
                session.finish(_LEAVE_SECONDS)
        return session is not None
