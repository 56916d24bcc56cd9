"""What a long run came to, as the section of ``docs/performance.md`` that ``scripts/soak`` writes."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from tests.bench.report import SOAK_BEGINS
from tests.bench.soak_samples import SHORTEST_MINUTES, Sample, after_warm_up, memory_growth_mib
from tests.bench.soak_session import Session

_WHAT = (
    "Written by `scripts/soak --write`. One appliance, and on it at once: single events, batches, compressed lines, "
    "the same events again, late ones and rubbish; {viewers} dashboards that stay open and others that come and go; "
    "figures, SQL and runaway SQL, exports, imports, replays of mended events, keys made and revoked. Afterwards "
    "every acknowledged event has to be in the log once and no other, `appliance verify` has to find nothing, and "
    "`/v1/metrics` has to equal loops over plain events. `log.checkpoint_wal_bytes` is 4 MiB here, so that the run "
    "sees many checkpoints. Memory is level when after the first third its "
    "least-squares line climbs by no more than 5 % of the median or 16 MiB, and no sample lies above 1.25 medians."
)


def section(session: Session, samples: Sequence[Sample], found: Sequence[str], viewers: int) -> str:
    """The run as Markdown."""
    lines = [f"## {samples[-1].minute:.0f} minutes of everything at once", "", _WHAT.format(viewers=viewers), ""]
    lines += ["| request | answers | p50 ms | p99 ms |", "|---|---|--:|--:|", *_requests(session), ""]
    lines += ["| | start of the last two thirds | median | largest | end |", "|---|--:|--:|--:|--:|"]
    level = after_warm_up(samples)
    lines += [
        _course("resident memory, MiB", [one.memory_mib for one in level]),
        _course("open files", [one.files for one in level]),
        _course("threads", [one.threads for one in level]),
        _course("data folder, MiB", [one.disk_mib for one in level]),
    ]
    judged = "" if samples[-1].minute >= SHORTEST_MINUTES else f", not judged in less than {SHORTEST_MINUTES} minutes"
    lines += ["", f"- memory's line climbs by {memory_growth_mib(level):+.1f} MiB{judged}"]
    lines += [f"- events acknowledged: {len(session.acknowledged):,}", f"- findings: {len(found)}"]
    return "\n".join(lines) + "\n"


def write(path: Path, text: str) -> None:
    """Put the section in place of the last run's, at the end of the page."""
    before = path.read_text("utf-8").partition(SOAK_BEGINS)[0].rstrip("\n")
    path.write_text(f"{before}\n\n{SOAK_BEGINS}\n\n{text}", "utf-8")


def _requests(session: Session) -> list[str]:
    by_kind: dict[str, Counter[int]] = {}
    for (what, status), count in session.answers.items():
        by_kind.setdefault(what, Counter())[status] += count
    lines = []
    for what, statuses in sorted(by_kind.items()):
        seconds = sorted(session.seconds[what])
        answers = ", ".join(f"{count:,} of {status}" for status, count in sorted(statuses.items()))
        p50, p99 = (seconds[min(len(seconds) - 1, int(len(seconds) * part))] * 1000 for part in (0.5, 0.99))
        lines.append(f"| {what} | {answers} | {p50:,.1f} | {p99:,.1f} |")
    return lines


def _course(name: str, values: Sequence[float]) -> str:
    cells = (values[0], statistics.median(values), max(values), values[-1])
    return f"| {name} | {' | '.join(f'{value:,.0f}' for value in cells)} |"
