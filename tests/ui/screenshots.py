"""``scripts/screenshots``: start the demo, wait until it has something to show, and take the pictures of the docs."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from playwright.sync_api import Browser, sync_playwright

from tests.process import ApplianceProcess
from tests.ui.conftest import ARGUMENTS, CHROMIUM

_FOLDER: Final = Path(__file__).resolve().parents[2] / "docs" / "images"
_TIMEOUT_SECONDS: Final = 120.0
_POLL_SECONDS: Final = 0.5
_DRAWN: Final = """() => document.documentElement.dataset.figures === "fresh"
    && globalThis.Bokeh?.documents[0]?.get_model_by_name("rates")?.data.start.length === 24"""


class NothingToShow(Exception):
    """The demo or its page wasn't ready in time."""


@dataclass(frozen=True)
class Picture:
    """One file: how large the window is, in which colours, and at how many dots a pixel."""

    name: str
    width: int
    height: int
    scheme: Literal["light", "dark"] = "light"
    scale: float = 1.0


PICTURES: Final = (
    Picture("overview.png", 1440, 1000),
    Picture("overview-dark.png", 1440, 1000, scheme="dark"),
    Picture("overview-phone.png", 390, 1400, scale=1.5),
)


def main() -> int:
    """Take every picture; 3 when that can't be done."""
    options = _options()
    options.folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="screenshots-") as work:
        demo = ApplianceProcess(
            Path(work) / "data",
            port=options.port,
            ui_port=options.port + 1,
            output=Path(work) / "output",
            arguments=["--demo"],
        )
        with demo, sync_playwright() as playwright:
            demo.start()
            demo.wait_ready(_TIMEOUT_SECONDS)
            _wait_for_history(demo)
            browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=ARGUMENTS)
            for picture in PICTURES:
                _take(browser, picture, demo.ui_port, options.folder)
                sys.stdout.write(f"{options.folder / picture.name}\n")
            browser.close()
            demo.stop()
    return 0


def _wait_for_history(demo: ApplianceProcess) -> None:
    """Return when the thirty days are stored, and shown."""
    deadline = time.monotonic() + _TIMEOUT_SECONDS
    while "history is stored" not in demo.last_words():
        if time.monotonic() > deadline:
            raise NothingToShow(f"the demo's history did not come: {demo.last_words()}")
        time.sleep(_POLL_SECONDS)
    metrics = json.loads(demo.get("/v1/metrics")[1])["metrics"]
    if not metrics["conversions_24h"]["value"]:
        raise NothingToShow("the demo stored its history and shows no conversions")


def _take(browser: Browser, picture: Picture, port: int, folder: Path) -> None:
    context = browser.new_context(
        viewport={"width": picture.width, "height": picture.height},
        color_scheme=picture.scheme,
        device_scale_factor=picture.scale,
        reduced_motion="reduce",
    )
    page = context.new_page()
    page.goto(f"http://127.0.0.1:{port}/")
    deadline = time.monotonic() + _TIMEOUT_SECONDS
    while not page.evaluate(_DRAWN):
        if time.monotonic() > deadline:
            raise NothingToShow(f"the page showed no figures for {picture.name}")
        page.wait_for_timeout(200)
    page.wait_for_timeout(1_500)  # charts are painted a moment after their figures came
    page.screenshot(path=folder / picture.name)
    context.close()


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="scripts/screenshots", description=__doc__)
    parser.add_argument("--folder", type=Path, default=_FOLDER, help="where the pictures go (docs/images)")
    parser.add_argument("--port", type=int, default=18_610, help="port of the demo's API; the next is the dashboard's")
    return parser.parse_args()


if __name__ == "__main__":
    try:
        sys.exit(main())
    except NothingToShow as fault:
        sys.stderr.write(f"scripts/screenshots: {fault}\n")
        sys.exit(3)
