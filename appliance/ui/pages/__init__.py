"""The dashboard's pages, in the order of the navigation."""

from __future__ import annotations

from collections.abc import Sequence

from appliance.ui.pages.overview import OVERVIEW
from appliance.ui.shell import Page

PAGES: Sequence[Page] = (OVERVIEW,)
