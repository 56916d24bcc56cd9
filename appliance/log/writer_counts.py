"""What the writer has done since it started, for the metrics page."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from appliance.durations import Durations
from appliance.events.row import FIELDS
from appliance.log.protocol import Batch, Receipt

_SOURCE = FIELDS.index("source")


@dataclass(slots=True)
class Outcomes:
    """What became of the events of one source."""

    accepted: int = 0
    duplicate: int = 0
    rejected: int = 0


@dataclass(slots=True)
class WriterCounts:
    """The writer's thread counts; any may read."""

    commits: int = 0
    failures: int = 0
    checkpoints: int = 0
    last_failure: str | None = None
    commit_durations: Durations = field(default_factory=Durations)
    by_source: dict[str, Outcomes] = field(default_factory=lambda: {"http": Outcomes()})

    def committed(self, outcomes: Iterable[tuple[Batch, Receipt]], seconds: float) -> None:
        """Count a group that is durable; ``seconds`` is what its commit took."""
        self.commits += 1
        self.commit_durations.add(seconds)
        self.last_failure = None
        for batch, receipt in outcomes:
            if receipt.fenced:
                continue
            of_source = self.by_source.setdefault(_source(batch), Outcomes())
            of_source.accepted += receipt.accepted
            of_source.duplicate += receipt.duplicates
            of_source.rejected += len(batch.dead_letters)


def _source(batch: Batch) -> str:
    """The way in of a batch; all of one batch came by one way."""
    if batch.rows:
        return str(batch.rows[0][_SOURCE])
    if batch.offsets:
        return "kafka"
    return batch.dead_letters[0].source if batch.dead_letters else "replay"
