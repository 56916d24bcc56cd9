"""Believable history and live events for ``--demo``."""

from appliance.demo.history import history
from appliance.demo.live import Live

__all__ = ["Live", "history"]
