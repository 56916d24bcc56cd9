"""What waits to be published by a mirror that takes figures: the newest figures, and alerts in order."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Any, Final

from appliance.adapters.pace import Pace
from appliance.adapters.protocol import Figure, FigureSink, Mirror
from appliance.clock import Clock

PUBLISH_SECONDS: Final = 1.0
_MOST_ALERTS: Final = 1_000


class Outbox:
    """Filled from any thread, without ever blocking; emptied in the runner's."""

    def __init__(self, clock: Clock) -> None:
        self._figures: Mapping[str, Figure] | None = None
        self._alerts: deque[Mapping[str, Any]] = deque(maxlen=_MOST_ALERTS)
        self._pace = Pace(PUBLISH_SECONDS, clock)

    def offer_figures(self, figures: Mapping[str, Figure]) -> None:
        """Current figures, to be published soon, or newer ones instead of them."""
        self._figures = figures

    def offer_alert(self, alert: Mapping[str, Any]) -> None:
        """An alert to be published soon; beyond a thousand that wait the oldest go."""
        self._alerts.append(alert)

    def publish(self, mirror: Mirror) -> None:
        """Publish what waits, figures at most once a second; what fails is kept. Raises what the mirror raises."""
        if not isinstance(mirror, FigureSink):
            return
        while self._alerts:
            alert = self._alerts[0]
            mirror.publish_alert(alert)
            # the bound may have taken it meanwhile
            if self._alerts and self._alerts[0] is alert:
                self._alerts.popleft()
        figures = self._figures
        if figures is not None and self._pace.is_due():
            mirror.publish(figures)
            if self._figures is figures:
                self._figures = None
