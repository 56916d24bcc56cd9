"""``appliance version``."""

from __future__ import annotations

import platform
from importlib.metadata import version as version_of

from appliance import __version__
from appliance.cli.options import Json
from appliance.cli.printing import print_result


def version(*, as_json: Json = False) -> None:
    """Print the version of the appliance, of Python and of DuckDB."""
    result = {"appliance": __version__, "python": platform.python_version(), "duckdb": version_of("duckdb")}
    text = f"appliance {result['appliance']}, Python {result['python']}, DuckDB {result['duckdb']}"
    print_result(result, text, as_json=as_json)
