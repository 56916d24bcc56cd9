"""``appliance serve``."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any

import typer


def serve(
    data: Annotated[Path | None, typer.Option(help="Data folder, made when missing. [default: var]")] = None,
    host: Annotated[str | None, typer.Option(help="Address to listen on. [default: 127.0.0.1]")] = None,
    port: Annotated[int | None, typer.Option(help="Port of the API. [default: 8080]")] = None,
    ui_port: Annotated[int | None, typer.Option(help="Port of the dashboard. [default: 8501]")] = None,
    config: Annotated[Path | None, typer.Option(help="Configuration file in YAML.")] = None,
    *,
    demo: Annotated[bool, typer.Option("--demo", help="Show believable data: 30 days, then live.")] = False,
) -> None:
    """Run the appliance until SIGTERM or Ctrl-C."""
    given = {"data": data, "host": host, "port": port, "ui_port": ui_port}
    server: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    from appliance.stopping import PROCESS  # noqa: PLC0415 - `--help` starts faster without it

    # before anything that takes time: a signal while starting is a stop like any other
    PROCESS.listen()
    from appliance.config import load  # noqa: PLC0415
    from appliance.config.secrets import secret_values  # noqa: PLC0415
    from appliance.observability import configure_logging  # noqa: PLC0415

    settings = load(config, os.environ, {"server": server} if server else None)
    configure_logging(settings.server.log_level, secret_values(settings))
    import duckdb  # noqa: PLC0415

    from appliance.app import Appliance  # noqa: PLC0415
    from appliance.errors import LogDamaged  # noqa: PLC0415

    if PROCESS.is_made:
        return
    try:
        Appliance(settings, demo=demo, stop_request=PROCESS).run(_announce, typer.echo)
    except duckdb.Error as fault:
        # a part of the file that only who came to read it finds damaged
        first_line = str(fault).partition("\n")[0]
        raise LogDamaged(f"the event log can't be read: {first_line}. Nothing was deleted. Restore a backup") from fault


def _announce(api: str, dashboard: str) -> None:
    typer.echo(f"API        {api}   (documentation: {api}/docs)")
    typer.echo(f"Dashboard  {dashboard}")
