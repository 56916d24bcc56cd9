"""Which character stands between the columns of a CSV file."""

from __future__ import annotations

import csv
from collections.abc import Collection
from typing import Final

NAMES: Final = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}


def sniff_delimiter(header: str, known: Collection[str]) -> str:
    """The character that makes the most of a header: of the columns that are looked for first, then of any."""

    def yields(delimiter: str) -> tuple[int, int]:
        try:
            names = next(csv.reader([header], delimiter=delimiter), [])
        except csv.Error:
            return 0, 0
        return len(set(names) & set(known)), len(names)

    return max(NAMES, key=yields)
