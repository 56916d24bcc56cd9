"""From the bytes of a body to a batch for the writer, the same for every way in."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from appliance.clock import DAY_US, SECOND_US, Clock
from appliance.config.settings import Settings
from appliance.events.batch import Framing, IdempotencyIds, Judged, judge, judge_array, split
from appliance.events.custom_types import CustomTypes
from appliance.events.normalise import Intake
from appliance.events.parsed import WireLimits


@dataclass(frozen=True)
class Decoder:
    """Splits, checks and normalises bodies by the settings in force."""

    settings: Settings
    clock: Clock
    custom_types: CustomTypes | None = None
    """Those of the log that the events are for."""

    def decode(
        self,
        body: bytes,
        framing: Framing,
        source: str,
        *,
        idempotency: IdempotencyIds | None = None,
        restore_received: bool = False,
    ) -> Judged:
        """Judge every event of a body; raises ``BodyError`` for a body that can't be taken as a whole."""
        limits, most = self.wire_limits, self.settings.ingest.max_events
        intake = self.intake(source, restore_received=restore_received)
        if framing == "json" and idempotency is None:
            judged = judge_array(body, limits, intake, most)
            if judged is not None:
                return judged
        return judge(split(body, framing, most), limits, intake, idempotency)

    @cached_property
    def wire_limits(self) -> WireLimits:
        """The bounds on one event."""
        return WireLimits(self.settings.ingest.max_properties_bytes, self.settings.ingest.max_depth)

    def intake(self, source: str, *, restore_received: bool = False) -> Intake:
        """The conditions under which an event that comes in now is judged."""
        now_us = self.clock.now_us()
        days = self.settings.log.retention_days
        return Intake(
            received_us=now_us,
            source=source,
            base_currency=self.settings.analytics.base_currency,
            oldest_us=now_us - days * DAY_US if days else None,
            latest_us=now_us + self.settings.ingest.future_tolerance_seconds * SECOND_US,
            restore_received=restore_received,
            custom_types=self.custom_types,
        )
