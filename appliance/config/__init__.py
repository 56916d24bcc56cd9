"""The appliance's settings: what there is, where they are read from, and what is wrong with them."""

from appliance.config.loading import load
from appliance.config.settings import Settings

__all__ = ["Settings", "load"]
