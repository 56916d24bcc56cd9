"""What the browser loads, served as it lies here: ES modules, style sheets, the icon."""

from __future__ import annotations

import hashlib
from pathlib import Path

ASSETS = Path(__file__).parent / "browser"


def _digest() -> str:
    """Names the contents of all assets, so that a browser may keep them for ever."""
    digest = hashlib.sha256()
    for path in sorted(ASSETS.rglob("*")):
        if path.suffix in {".js", ".css", ".svg"}:
            digest.update(path.relative_to(ASSETS).as_posix().encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:12]


DIGEST = _digest()
