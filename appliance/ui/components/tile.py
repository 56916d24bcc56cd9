"""Tiles: parts of a page that the browser draws from each snapshot."""

from __future__ import annotations

from typing import Any, ClassVar

import param
from panel.custom import JSComponent

from appliance.ui.assets import DIGEST


class Tile(JSComponent):  # type: ignore[misc, unused-ignore]
    """Draws ``kind``, a name in ``browser/tiles/all.js``, with that tile's own ``options``."""

    kind = param.String(doc="Which tile.")
    options = param.Dict(default={}, doc="What the tile is told; plain data.")

    _esm: ClassVar[str] = """
        export function render({ model, el }) {
          const end = globalThis.appliance.mount(model.kind, el, model.options);
          model.on("remove", end);
        }
    """


def tile(kind: str, **options: Any) -> Tile:
    """A tile as wide as its section, with the tiles' style sheet in its shadow root."""
    sheet = f"./assets/{DIGEST}/tiles.css"
    return Tile(  # type: ignore[no-untyped-call]
        kind=kind, options=options, sizing_mode="stretch_width", stylesheets=[sheet], margin=0
    )
