"""Random JSON texts of events, written in every style that the grammar allows and in some that it doesn't."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

TYPES: Final = [
    "user_registration",
    "email_sent",
    "email_delivered",
    "email_deferred",
    "email_dropped",
    "email_opened",
    "email_clicked",
    "email_bounced",
    "email_complained",
    "email_unsubscribed",
    "referral_made",
    "contest_joined",
    "conversion",
    "error",
    "api_request",
    "x",
    "a.b:c-d_9",
    "page_view",
]
_PLAIN: Final = re.compile(r'[^"\\\x00-\x1f\ud800-\udfff]*')
_BLANKS: Final = ("", "", "", "", " ", "  ", "\n", "\r\n", "\t", " \r \n\t")


@dataclass(frozen=True)
class Verbatim:
    """JSON, or what looks like it, put down as it is."""

    text: str


class Members(list[tuple[str, Any]]):
    """An object whose keys may repeat."""


class Writer:
    """Writes values with blanks and escapes where they may stand."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._blank_rate = rng.choice((0, 0, 0.1, 0.5))
        self._escape_rate = rng.choice((0, 0, 0, 0.02, 0.5))

    def write(self, value: Any) -> str:
        if isinstance(value, Verbatim):
            return value.text
        if isinstance(value, Members):
            inner = ",".join(f"{self._text(key)}:{self._spaced(item)}" for key, item in value)
            return "{" + inner + self.blank() + "}"
        if isinstance(value, list):
            return "[" + ",".join(self._spaced(item) for item in value) + self.blank() + "]"
        if isinstance(value, str):
            return self._text(value)
        if value is None or isinstance(value, bool):
            return {None: "null", True: "true", False: "false"}[value]
        return repr(value)

    def blank(self) -> str:
        return self._rng.choice(_BLANKS) if self._rng.random() < self._blank_rate else ""

    def _spaced(self, value: Any) -> str:
        return f"{self.blank()}{self.write(value)}{self.blank()}"

    def _text(self, text: str) -> str:
        if not self._escape_rate and _PLAIN.fullmatch(text):
            return f'{self.blank()}"{text}"{self.blank()}'
        return self.blank() + '"' + "".join(map(self._character, text)) + '"' + self.blank()

    def _character(self, character: str) -> str:
        code = ord(character)
        if character in '"\\' or code < 32 or 0xD800 <= code <= 0xDFFF or self._rng.random() < self._escape_rate:
            return self._escaped(character)
        return character

    def _escaped(self, character: str) -> str:
        short = {'"': '\\"', "\\": "\\\\", "/": "\\/", "\n": "\\n", "\t": "\\t", "\b": "\\b", "\f": "\\f", "\r": "\\r"}
        if character in short and self._rng.random() < 0.7:
            return short[character]
        units = character.encode("utf-16-be", "surrogatepass")
        pattern = self._rng.choice(("\\u{:04x}", "\\u{:04X}"))
        return "".join(pattern.format(int.from_bytes(units[at : at + 2], "big")) for at in range(0, len(units), 2))


_ODD_TEXTS: Final = (
    "", " ", "\u00a0", "\u3000\t", "a", "é", "日本", "😀", "a\0b", "\0", "\ud800", "\udc00x", "x\ud83d", "\u017f",
    "\u200b",
    "\x7f", "\u2028", "\\u0000", "a\"b", "</script>", "null", "0", "-1", "\ufeff", "\x01", "u" * 199, "u" * 200,
    "u" * 201, "é" * 200, "😀" * 200, "😀" * 201, " x ", "x\n",
)  # fmt: skip
_ODD_NUMBERS: Final = (
    "0", "-0", "-0.0", "1", "-1", "1.5", "1e3", "1E+2", "1e-7", "1e999", "-1e999", "1e-999", "1e308", "1.8e308",
    "9007199254740993", "18446744073709551616", "123456789012345678901234567890", "1" * 200, "1" * 201, "9" * 308,
    "9" * 309, "7" * 5_000, "0.1", "100000000000", "99999999999", "99999999999999", "100000000000000",
)  # fmt: skip
_NOT_JSON: Final = (
    "NaN", "Infinity", "-Infinity", "01", "-", "+1", "1.", ".5", "1e", "tru", "nulll", "True", "'a'", "undefined",
    '"\\x"', '"\\u12G4"', '"a', '"\n"', '"\x01"', "[1,]", "{,}", '{"a" 1}', '{"a":1,}', "{1:2}", "[1 2]", "//x\n1",
    "]", "}", ":", "1_0", "0x1", '"\\', "[", "{", '{"a"', '{"a":', "", "\0", "\ufeff1", "\u00a01", "\uff11",
)  # fmt: skip
_TIMES: Final = (
    "2026-01-31", "2026-01-31T12:00:00Z", "2026-01-31t12:00:00z", "2026-01-31 12:00", "2026-01-31T12:00:00.5",
    "2026-01-31T12:00:00.1234567890123Z", "2026-01-31T12:00:00.999999999+02:00", "2026-01-31T12:00:00+0530",
    "2026-01-31T12:00:00-05", "2026-01-31T12:00:00+05:99", "2026-01-31T12:00:00+24:00", "2026-01-31T12:00:00-00:00",
    "2026-02-29T00:00:00Z", "2024-02-29T23:59:59.999999Z", "2026-01-31T24:00:00Z", "2026-01-31T23:59:60Z",
    "20260131T120000Z", "20260131T120000.25+0100", "20260131", "2026-0131T12:00:00Z", "2026-01-31T1200Z",
    "2026-01-31T12Z", "2026-01-31T12.5Z", "2026-01-31T12:00,5Z", "2026-01-31T12:00:00,5Z", "2026-01-31T12:0030Z",
    "2026-W05-6", "2026-W05-6T12:00:00Z", "2026-031", "0001-01-01T00:00:00+10:00", "0000-01-01", "9999-12-31T23:59:59Z",
    "9999-12-31T23:59:59-10:00", "2026-01-31T12:00:00 Z", " 2026-01-31", "2026-01-31T12:00:00Z\n", "2026-01-31T",
    "2026-01-31TZ", "2026-01-31T12:00:00.Z", "2026-01-31T12:00:00.1.2Z", "2026-01-31T12:00+05:00Z", "2026-1-31",
    "2026-01-31X12:00:00Z", "1767225600", "now", "\u0662\u0660\u0662\u0666-\u0660\u0661-\u0663\u0661",
    "2026-01-31T12:00:00ZZ", "2026-01-31T12:00:00+00:00:30",
    "2026-01-31T-1:00:00Z", "2026-01-31T12+05:00Z", "2026-01-31T1200+05Z", "2026-01-31T12:00:00.5+1Z",
    "2026-01-31T12:00,00Z", "2026-01-31T12:00:00.1234567:00Z",
    "2026-01-31T12+05:00.5Z", "2026-01-31T12:00:00.12x4Z", "2026-01-31T+1:00:00Z", "2026-01-31T12:00:00.000001",
)  # fmt: skip
_MONEY: Final = (
    "19.99", "0.00005", "0.00015", "-5", "1e2", "+1", ".5", "5.", "1,5", "$1", "99999999999999.9999",
    "99999999999999.99995", "100000000000000", "0.3333333333333333333333333333333333333333333333333333", "1e999",
    "1e-400", "0.0000500000000000000000000000000000000000000000000001", "NaN", "Infinity", " 1", "", "  ", "\u0661",
)  # fmt: skip
_MONEY_NUMBERS: Final = (
    "19.99", "0", "-12.5", "12345678901234.5678", "-12345678901234.56785", "99999999999999.9999", "1e14", "1e13",
    "99999999999999.99994", "99999999999999.99996", "1.00014999999999999999", "1.00015000000000000001", "0.00005",
    "0.00015", "0.00025000000000000000", "2.675e0", "1234567890.12345", "9999999999.99995", "123456789012345678e-4",
    "12345678901234567e-3", "1e-30", "100000000000000", "99999999999999",
)  # fmt: skip
_CURRENCIES: Final = ("USD", "eur", "Jpy", "XYZ", "US", "u\u017fd", "", " ", "US D", "€")
_UUIDS: Final = (
    "0190b2a8-7c1e-7d3a-9c52-000000000001", "0190B2A8-7C1E-7D3A-9C52-00000000000A",
    "{0190b2a8-7c1e-7d3a-9c52-000000000001}",
    "0190b2a87c1e7d3a9c52000000000001", "urn:uuid:0190b2a8-7c1e-7d3a-9c52-000000000001",
    "0190b2a8-7c1e-7d3a-9c52-00000000000g", "00000000-0000-0000-0000-000000000000", "order-1",
    "\u0660190b2a8-7c1e-7d3a-9c52-000000000001",
)  # fmt: skip


class EventSoup:
    """Events: mostly right, wrong in a way or two as often as ``wrongness`` says."""

    def __init__(self, rng: random.Random, now_us: int) -> None:
        self._rng = rng
        self._now_us = now_us
        self._wrongness = rng.choice((0, 0.03, 0.1, 0.3))
        self._kinds: dict[str, Callable[[], Any]] = {
            "event_type": lambda: rng.choice(TYPES),
            "user_id": self._user,
            "timestamp": self._time,
            "session_id": lambda: rng.choice(("s-1", 7, "", None, "s" * 200)),
            "campaign_id": lambda: rng.choice(("spring", 12, " ", None)),
            "event_id": lambda: rng.choice((*_UUIDS, 42, None, "")),
            "received_at": lambda: rng.choice(("2026-01-01T00:00:00Z", "rubbish", 5, None)),
            "properties": self._properties,
        }

    def event(self) -> Any:
        rng = self._rng
        if rng.random() < self._wrongness / 3:
            return self.value(2)
        names = ["event_type", "user_id", *(name for name in self._kinds if rng.random() < 0.4)]
        if rng.random() > self._wrongness:
            names = list(dict.fromkeys(names))
        rng.shuffle(names)
        event = Members((name, self._field(self._kinds[name])) for name in names)
        while rng.random() < 0.15:
            event.insert(rng.randint(0, len(event)), (self._name(), self.value(2)))
        return event

    def value(self, levels: int) -> Any:  # noqa: PLR0911 - one return a kind
        """Any JSON value, and once in a while none."""
        rng, roll = self._rng, self._rng.random()
        if roll < 0.05 * self._wrongness:
            return Verbatim(rng.choice(_NOT_JSON))
        if roll < 0.3 * self._wrongness:
            return _nested(rng, rng.choice((2, 31, 32, 33, 34, 100)))
        if roll < 0.35:
            return rng.choice(_ODD_TEXTS if rng.random() < self._wrongness else ("a", "é", "日本😀", "x y", 'a"b\\c/d'))
        if roll < 0.55:
            return Verbatim(rng.choice(_ODD_NUMBERS if rng.random() < self._wrongness else _ODD_NUMBERS[:9]))
        if roll < 0.7 or levels == 0:
            return rng.choice((None, True, False, rng.randint(-5, 5), rng.random()))
        if roll < 0.85:
            return [self.value(levels - 1) for _ in range(rng.randint(0, 3))]
        return Members((self._name(), self.value(levels - 1)) for _ in range(rng.randint(0, 3)))

    def _field(self, usual: Callable[[], Any]) -> Any:
        return self.value(3) if self._rng.random() < self._wrongness / 2 else usual()

    def _user(self) -> Any:
        rng = self._rng
        return (
            rng.choice(_ODD_TEXTS) if rng.random() < self._wrongness else rng.choice(("u1", "ann@gmail.com", 17, "é"))
        )

    def _time(self) -> Any:
        rng = self._rng
        if rng.random() < 0.4:
            return rng.choice(_TIMES if rng.random() < 0.7 else ("", None, True, " "))
        instant = self._now_us + rng.choice((0, -1, 599_999_999, 600_000_000, 600_000_001, -(10**12), -(10**14), 1))
        unit = rng.choice((1, 1_000, 1_000_000))
        whole, rest = divmod(instant, unit)
        digits = len(str(unit)) - 1
        return Verbatim(rng.choice((str(whole), f"{whole}.{rest:0{digits}d}"))) if digits else Verbatim(str(whole))

    def _properties(self) -> Any:
        rng = self._rng
        if rng.random() < 0.1:
            return rng.choice(
                (None, Members(), "", " ", [], "x") if rng.random() < self._wrongness else (None, Members())
            )
        found = Members((self._name(), self.value(2)) for _ in range(rng.randint(0, 3)))
        if rng.random() < 0.5:
            money = rng.choice(_MONEY) if rng.random() < 0.3 else Verbatim(rng.choice(_MONEY_NUMBERS))
            found.append((rng.choice(("revenue", "amount", "value")), money))
            if rng.random() < 0.5:
                found.append(("currency", rng.choice(_CURRENCIES if rng.random() < 0.4 else _CURRENCIES[:3])))
        rng.shuffle(found)
        return found

    def _name(self) -> str:
        rng = self._rng
        odd: Sequence[str] = (
            "a",
            "a",
            "",
            "é",
            "type",
            'a"',
            "revenue",
            "\ud800",
            "k\0",
            "a" * 300,
            "event_type",
            "user_id",
        )
        return rng.choice(odd) if rng.random() < 0.3 + self._wrongness else f"p{rng.randint(0, 99)}"


def _nested(rng: random.Random, levels: int) -> Verbatim:
    opening, closing = rng.choice((("[", "]"), ('{"a":', "}"), ('[{"":', "}]")))
    times = levels // 2 if opening.startswith("[{") else levels
    return Verbatim(opening * times + rng.choice(("1", '""', "[]")) + closing * times)
