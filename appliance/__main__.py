"""``python -m appliance`` is the ``appliance`` command."""

import sys
from typing import NoReturn

from appliance.stopping import PROCESS


def main() -> NoReturn:
    """The command; for ``serve`` a signal is a request to stop from here on."""
    serves = sys.argv[1:2] == ["serve"]
    if serves:
        # before the imports: they take a third of a second, and a signal would end the process meanwhile
        PROCESS.listen()
    from appliance.cli import main as command  # noqa: PLC0415

    try:
        command()
    finally:
        if serves:
            PROCESS.hold_back()


if __name__ == "__main__":
    main()
