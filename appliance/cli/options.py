"""Options that several commands have."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Data = Annotated[
    Path | None,
    typer.Option(help="Data folder. While a server has it open, that server is asked. [default: var]", metavar="DIR"),
]
Config = Annotated[Path | None, typer.Option(help="Configuration file in YAML.", metavar="FILE")]
Url = Annotated[
    str | None, typer.Option(help="Address of a running server to ask, instead of a data folder.", metavar="URL")
]
Key = Annotated[str | None, typer.Option(help="Admin key for the server at --url.", metavar="KEY")]
Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
