"""``appliance healthcheck``."""

from __future__ import annotations

from typing import Any

import typer

from appliance.cli.options import Config, Data, Json, Key, Url
from appliance.cli.printing import print_result
from appliance.cli.target import Where, load_settings, running_server

_TIMEOUT_SECONDS = 5.0
_ANY_ADDRESS = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}  # noqa: S104 - asked on loopback, not bound to


def healthcheck(
    *, data: Data = None, config: Config = None, url: Url = None, key: Key = None, as_json: Json = False
) -> None:
    """Ask a server whether it is alive and ready; ends with 1 when it isn't.

    The server is the one at --url, else the one that has the data folder open, else the one that the
    configuration describes.
    """
    result = _ask(_address(Where(data, config, url, key)), key)
    if result["ready"]:
        text = "ready"
    else:
        text = ("alive, not ready: " if result["alive"] else "not alive: ") + "; ".join(result["reasons"])
    print_result(result, f"{result['url']}: {text}", as_json=as_json)
    if not result["ready"]:
        raise typer.Exit(1)


def _address(where: Where) -> str:
    if where.url is not None:
        return where.url if "://" in where.url else f"http://{where.url}"
    settings = load_settings(where)
    running = running_server(settings.server.data)
    if running is not None:
        return running.url
    host = _ANY_ADDRESS.get(settings.server.host, settings.server.host)
    return f"http://{f'[{host}]' if ':' in host and '[' not in host else host}:{settings.server.port}"


def _ask(url: str, key: str | None) -> dict[str, Any]:
    import httpx  # noqa: PLC0415 - `--help` starts faster without it

    result: dict[str, Any] = {"url": url, "alive": False, "ready": False, "reasons": []}
    headers = {"authorization": f"Bearer {key}"} if key is not None else {}
    try:
        with httpx.Client(base_url=url, timeout=_TIMEOUT_SECONDS, headers=headers, trust_env=False) as client:
            result["alive"] = client.get("/health").status_code == 200
            answer = client.get("/ready")
            result["ready"] = result["alive"] and answer.status_code == 200
            result["reasons"] = [] if result["ready"] else _reasons(answer)
    except (httpx.HTTPError, httpx.InvalidURL) as fault:
        result["reasons"] = [str(fault) or type(fault).__name__]
    return result


def _reasons(answer: Any) -> list[str]:
    try:
        reasons = answer.json()["reasons"]
    except (ValueError, KeyError, TypeError):
        reasons = []
    return [str(reason) for reason in reasons] or [f"/ready answered {answer.status_code}"]
