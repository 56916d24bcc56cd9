"""The ``appliance`` command."""

from appliance.cli.root import main

__all__ = ["main"]
