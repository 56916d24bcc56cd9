"""What can go wrong with a service, as one line that says what to do."""

from __future__ import annotations


class Unavailable(Exception):
    """The service can't run here: something is missing and couldn't be installed."""


class NotStarted(Exception):
    """The service is installed but doesn't answer; the message ends with its last words."""
