"""A row of a table as the JSON of an event."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from appliance.events.grammar import SyntaxFault, elements

_encode: Final = msgspec.json.Encoder(enc_hook=str).encode
_check_syntax: Final = msgspec.json.Decoder(msgspec.Raw).decode


def event_line(fields: dict[str, Any]) -> bytes:
    """The event whose fields are those of the row that have a value; ``properties`` may be text of JSON.

    Columns that are no field of an event stay beside the fields, from where they join the properties.
    Text of ``properties`` that is no JSON object stays text, which no event may have. Raises
    ``UnicodeEncodeError`` for text that has no UTF-8.
    """
    present = {name: value for name, value in fields.items() if value is not None}
    properties = present.get("properties")
    if isinstance(properties, str):
        present["properties"] = _object_or_text(properties)
    return _encode(present)


def _object_or_text(text: str) -> msgspec.Raw | str:
    raw = text.strip().encode()
    if raw[:1] != b"{":
        return text
    try:
        _check_syntax(raw)
    except (msgspec.DecodeError, RecursionError):
        # nested a thousand deep, or half a character: JSON all the same, and refused for what it is
        try:
            elements(raw)
        except SyntaxFault:
            return text
    return msgspec.Raw(raw)
