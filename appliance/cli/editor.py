"""A text given to the person at the terminal to change."""

from __future__ import annotations

import os
import shlex
import subprocess
import tempfile
from pathlib import Path

from appliance.errors import ApplianceError


class EditorFailed(ApplianceError):
    """The editor could not be started, or ended with an error. Name another one in EDITOR."""

    code = "editor_failed"


def edit(text: str, suffix: str) -> str | None:
    """The text as it is saved in ``$VISUAL`` or ``$EDITOR``; ``None`` when it was left as it was."""
    editor = shlex.split(os.environ.get("VISUAL") or os.environ.get("EDITOR") or "vi")
    with tempfile.TemporaryDirectory(prefix="appliance-") as folder:
        path = Path(folder, f"event{suffix}")
        path.write_text(text, encoding="utf-8")
        try:
            status = subprocess.run([*editor, str(path)], check=False).returncode  # noqa: S603 - the person's own editor
        except OSError as fault:
            raise EditorFailed(f"{editor[0]} can't be started: {fault.strerror}. Name an editor in EDITOR") from fault
        if status != 0:
            raise EditorFailed(f"{editor[0]} ended with {status}: nothing was changed")
        changed = path.read_text(encoding="utf-8")
    return None if changed == text else changed
