"""Real-time analytics for growth and e-mail teams in one process: durable, truthful, light."""

__version__ = "0.1.0"
