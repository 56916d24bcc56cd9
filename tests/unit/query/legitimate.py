"""Queries as analysts write them, by name."""

from __future__ import annotations

import re
from pathlib import Path

_PARTS = re.split(r"^-- name: (\w+)$", Path(__file__).with_suffix(".sql").read_text("utf-8"), flags=re.MULTILINE)

QUERIES = {name: sql.strip() for name, sql in zip(_PARTS[1::2], _PARTS[2::2], strict=True)}
