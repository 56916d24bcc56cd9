"""The dashboard's design tokens, for light and dark, as CSS variables.

Text reaches a contrast of 4.5 : 1 on cards in both, lines and marks 3 : 1. There are two accents; green, amber and red
only tell good from bad, and never alone. The ``--bk-`` names are those from which Bokeh paints its axes and grids.
"""

from __future__ import annotations

from collections.abc import Mapping

FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', 'DejaVu Sans', Arial, sans-serif"
MONO = "ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace"

# Painted on canvases, where one colour has to do for both themes.
ACCENT = "#3b7ff0"
SECOND = "#0d9488"
QUIET = "#8a93a3"

LIGHT: Mapping[str, str] = {
    "page": "#f5f6f8",
    "card": "#ffffff",
    "raised": "#ffffff",
    "line": "#e2e6ec",
    "grid": "#eceff3",
    "ink": "#121826",
    "muted": "#566072",
    "accent": ACCENT,
    "accent-ink": "#1d5fd0",
    "second": SECOND,
    "quiet": QUIET,
    "track": "#edf0f5",
    "good": "#0a7a4b",
    "good-soft": "#e4f5ec",
    "late": "#8a5300",
    "late-soft": "#fdf1da",
    "bad": "#b3261e",
    "bad-soft": "#fdeceb",
    "heat-0": "#f0f2f6",
    "heat-1": "#d6e4fd",
    "heat-2": "#adc9fa",
    "heat-3": "#7eaaf6",
    "heat-4": "#4c86ef",
    "heat-5": "#1f5fd6",
    "shadow": "0 1px 2px rgb(16 24 40 / 6%), 0 1px 3px rgb(16 24 40 / 5%)",
    "lifted": "0 8px 24px rgb(16 24 40 / 16%)",
}

DARK: Mapping[str, str] = {
    "page": "#0d1117",
    "card": "#161c26",
    "raised": "#1f2734",
    "line": "#2a3342",
    "grid": "#222b38",
    "ink": "#eef2f8",
    "muted": "#a1acbd",
    "accent": "#5b97f7",
    "accent-ink": "#8db6fb",
    "second": "#2bb8a8",
    "quiet": QUIET,
    "track": "#252e3c",
    "good": "#4ccf92",
    "good-soft": "#123326",
    "late": "#f2b84b",
    "late-soft": "#392a0d",
    "bad": "#ff8f85",
    "bad-soft": "#41191a",
    "heat-0": "#1e2633",
    "heat-1": "#1d3357",
    "heat-2": "#20467f",
    "heat-3": "#285ead",
    "heat-4": "#3b7ff0",
    "heat-5": "#8fb9ff",
    "shadow": "0 1px 2px rgb(0 0 0 / 40%)",
    "lifted": "0 8px 28px rgb(0 0 0 / 60%)",
}

_SHARED: Mapping[str, str] = {
    "font": FONT,
    "mono": MONO,
    # Under white text.
    "press": "#1d5fd0",
    "radius": "12px",
    "gap": "16px",
    "bk-background-fill-color": "transparent",
    "bk-border-fill-color": "transparent",
    "bk-outline-line-color": "transparent",
    "bk-major-label-text-color": "var(--muted)",
    "bk-axis-line-color": "var(--line)",
    "bk-grid-line-color": "var(--grid)",
}


def css() -> str:
    """The style sheet of the tokens: the system's choice, unless ``data-theme`` on the page says another."""
    return "\n".join(
        [
            f":root {{ color-scheme: light; {_declared(_SHARED)} {_declared(LIGHT)} }}",
            f"@media (prefers-color-scheme: dark) {{ :root:not([data-theme='light']) {{ {_dark()} }} }}",
            f":root[data-theme='dark'] {{ {_dark()} }}",
        ]
    )


def _dark() -> str:
    return f"color-scheme: dark; {_declared(DARK)}"


def _declared(tokens: Mapping[str, str]) -> str:
    return " ".join(f"--{name}: {value};" for name, value in tokens.items())
