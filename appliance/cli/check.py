"""``appliance check``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import typer

from appliance.cli.options import Config, Data, Json
from appliance.cli.printing import print_line, print_result
from appliance.cli.target import Where, load_settings
from appliance.errors import ConfigError

if TYPE_CHECKING:  # imported where it is used: the command line must start fast
    from appliance.cli.findings import Finding

_MARKS: Final = {"ok": "ok    ", "warning": "warn  ", "failed": "FAILED"}


def check(*, config: Config = None, data: Data = None, as_json: Json = False) -> None:
    """Check the configuration, this machine and every configured service, and say what to do.

    Ends with 1 on a bad setting, a service that can't be reached, or anything else that would keep the
    appliance from working.
    """
    findings = _findings(Where(data=data, config=config))
    ok = all(finding.status != "failed" for finding in findings)
    lines = [_line(finding) for finding in findings]
    print_result({"ok": ok, "findings": [finding.plain() for finding in findings]}, "\n".join(lines), as_json=as_json)
    if not as_json:
        print_line("nothing stands in the way" if ok else "something is to be done: see FAILED above")
    if not ok:
        raise typer.Exit(1)


def _findings(where: Where) -> list[Finding]:
    from appliance.cli import machine_check, service_check  # noqa: PLC0415
    from appliance.cli.findings import failed, passed  # noqa: PLC0415

    versions = machine_check.versions()
    try:
        settings = load_settings(where)
    except ConfigError as fault:
        return [
            *versions,
            failed("configuration", fault.message, "correct it; docs/configuration.md has every setting"),
        ]
    return [
        *versions,
        passed("configuration", str(where.config) if where.config is not None else "defaults and environment"),
        *machine_check.data_folder(settings),
        *machine_check.ports(settings),
        *service_check.services(settings),
    ]


def _line(finding: Finding) -> str:
    remedy = f": {finding.remedy}" if finding.remedy else ""
    return f"{_MARKS[finding.status]}  {finding.subject}: {finding.message}{remedy}"
