"""SQL kept as SQL: named blocks read from ``.sql`` files that lie beside the code that runs them.

A block begins with a line ``-- name: NAME`` followed by comment lines that say what it answers.
"""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files

_NAME = re.compile(r"^-- name: (\w+)[ \t]*$", re.MULTILINE)


@cache
def queries(package: str, file: str) -> dict[str, str]:
    """The blocks of ``file`` in ``package``, by name; raises ``ValueError`` for a file without any."""
    text = files(package).joinpath(file).read_text(encoding="utf-8")
    parts = _NAME.split(text)
    if len(parts) < 3:
        raise ValueError(f"{package}/{file} holds no '-- name:' block")
    return {name: body.strip() for name, body in zip(parts[1::2], parts[2::2], strict=True)}
