"""The design tokens' contrasts, as WCAG 2.2 measures them."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise

import pytest

from appliance.ui.theme import ACCENT, DARK, LIGHT, QUIET, SECOND

THEMES = pytest.mark.parametrize("theme", [LIGHT, DARK], ids=["light", "dark"])
TEXT, GRAPHICS = 4.5, 3.0
HEAT = [f"heat-{level}" for level in range(6)]


def luminance(color: str) -> float:
    """Relative luminance of ``#rrggbb``; https://www.w3.org/TR/WCAG22/#dfn-relative-luminance."""
    channels = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    """From 1 to 21; https://www.w3.org/TR/WCAG22/#dfn-contrast-ratio."""
    dark, light = sorted([luminance(one), luminance(other)])
    return (light + 0.05) / (dark + 0.05)


def too_weak(theme: Mapping[str, str], inks: list[str], grounds: list[str], least: float) -> list[tuple[str, str]]:
    return [(ink, ground) for ink in inks for ground in grounds if contrast(theme[ink], theme[ground]) < least]


def test_contrast_is_measured_as_defined() -> None:
    """Black on white is 21 : 1, and #767676 on white just passes for text."""
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#767676", "#ffffff") == pytest.approx(4.54, abs=0.01)


@THEMES
def test_text_can_be_read(theme: Mapping[str, str]) -> None:
    """Each colour of text has 4.5 : 1 on each ground that it stands on."""
    grounds = ["page", "card", "raised", "track"]
    assert [] == too_weak(theme, ["ink", "muted", "accent-ink", "good", "late", "bad"], grounds, TEXT)
    for level in ["good", "late", "bad"]:
        assert [] == too_weak(theme, [level], [f"{level}-soft"], TEXT)


@THEMES
def test_bars_and_lines_can_be_seen(theme: Mapping[str, str]) -> None:
    """Bars have 3 : 1 on their tracks, lines and focus rings on cards, and so have the colours of canvases."""
    assert [] == too_weak(theme, ["accent", "second"], ["page", "card", "track"], GRAPHICS)
    assert [] == too_weak(theme, ["quiet"], ["card"], GRAPHICS)
    assert [] == [color for color in (ACCENT, SECOND, QUIET) if contrast(color, theme["card"]) < GRAPHICS]


@THEMES
def test_heat_has_an_order(theme: Mapping[str, str]) -> None:
    """Each level of heat stands out more than the one below it; the highest two have 3 : 1 on the card."""
    ratios = [contrast(theme[level], theme["card"]) for level in HEAT]
    assert ratios == sorted(ratios)
    assert all(high / low > 1.1 for low, high in pairwise(ratios))
    assert [] == too_weak(theme, HEAT[-2:], ["card"], GRAPHICS)
