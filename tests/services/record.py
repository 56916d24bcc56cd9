"""What is written down about a service in its folder, so that another process can stop it."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Self

from tests.services.processes import Process


@dataclass
class Record:
    """``service.json``. ``ports`` stay the same over restarts; ``pid`` and ``started`` are None after a stop."""

    ports: dict[str, int] = field(default_factory=dict)
    version: str = ""
    pid: int | None = None
    started: int | None = None

    @classmethod
    def read(cls, path: Path) -> Self:
        """An empty one when there is none."""
        try:
            found: dict[str, Any] = json.loads(path.read_text("utf-8"))
        except FileNotFoundError:
            return cls()
        return cls(**found)

    def write(self, path: Path) -> None:
        """Whole or not at all."""
        beside = path.with_suffix(".new")
        beside.write_text(json.dumps(asdict(self)), "utf-8")
        beside.replace(path)

    @property
    def process(self) -> Process | None:
        """The process, when it still runs."""
        if self.pid is None or self.started is None:
            return None
        process = Process(self.pid, self.started)
        return process if process.running else None

    def remember(self, process: Process | None) -> None:
        self.pid = process.pid if process else None
        self.started = process.started if process else None
