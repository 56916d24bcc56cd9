"""The kinds of value that settings have: each checks its text and says in ``allowed`` what it takes."""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Annotated, Final
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, SecretStr, Strict
from pydantic import WithJsonSchema as Schema

from appliance.config.currencies import CURRENCIES

_BROKER: Final = re.compile(r"(?:\[[0-9a-fA-F:.]+\]|[^\s:/,\[\]]+)(?::\d{1,5})?")


class Section(BaseModel):
    """A named group of settings. Unknown names and values of another type are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, hide_input_in_errors=True)


@cache
def zone_names() -> frozenset[str]:
    """The IANA zones of the installed ``tzdata``, the same on every machine."""
    return frozenset(files("tzdata").joinpath("zones").read_text(encoding="utf-8").split())


def _zone(name: str) -> str:
    if name not in zone_names():
        raise ValueError("no such zone")
    return name


def _currency(code: str) -> str:
    if code.upper() not in CURRENCIES:
        raise ValueError("no such currency")
    return code.upper()


def _broker(address: str) -> str:
    if not _BROKER.fullmatch(address):
        raise ValueError("no host and port")
    return address


def _url(address: str) -> str:
    url = address if "://" in address else f"http://{address}"
    parts = urlsplit(url)
    # reading the port raises ValueError where it is none
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.port == 0:
        raise ValueError("no http address")
    return url.rstrip("/")


def _secret_url(address: SecretStr) -> SecretStr:
    if "://" not in address.get_secret_value():
        raise ValueError("no http address")
    _url(address.get_secret_value())
    return address


def _access_key(key: SecretStr) -> SecretStr:
    """A key as callers can send it; a file's last line end is not part of it."""
    text = key.get_secret_value().strip()
    if not text or not text.isascii() or not text.isprintable() or " " in text:
        raise ValueError("no key")
    return SecretStr(text)


def _network(value: object) -> IPv4Network | IPv6Network:
    if not isinstance(value, str):
        raise ValueError("no text")  # noqa: TRY004 - pydantic collects ValueError, a TypeError would escape
    return ip_network(value)


Text = Annotated[str, Field(min_length=1)]
Secret = Annotated[SecretStr, Field(min_length=1)]
Port = Annotated[int, Field(ge=1, le=65535)]
ListenPort = Annotated[int, Field(ge=0, le=65535)]
Count = Annotated[int, Field(ge=1)]
AccessKey = Annotated[
    SecretStr,
    AfterValidator(_access_key),
    Schema({"type": "string", "format": "password", "writeOnly": True, "allowed": "printable ASCII without blanks"}),
]
Rate = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Seconds = Annotated[float, Field(gt=0, allow_inf_nan=False)]
PathText = Annotated[Path, Strict(strict=False), Schema({"type": "string", "allowed": "a path"})]

ZoneName = Annotated[
    str, AfterValidator(_zone), Schema({"type": "string", "allowed": "an IANA time zone such as Europe/Berlin"})
]
CurrencyCode = Annotated[
    str, AfterValidator(_currency), Schema({"type": "string", "allowed": "an ISO 4217 code such as USD"})
]
ByteSize = Annotated[
    str,
    Field(pattern=r"^[0-9]+(\.[0-9]+)? ?([KMGT]i?)B$"),
    Schema({"type": "string", "allowed": "a size with its unit such as 512MB or 1GiB"}),
]
Broker = Annotated[
    str, AfterValidator(_broker), Schema({"type": "string", "allowed": "a host and port such as kafka:9092"})
]
HttpUrl = Annotated[
    str,
    AfterValidator(_url),
    Schema({"type": "string", "allowed": "a host and port or an http(s) address such as http://search:9200"}),
]
SecretUrl = Annotated[
    SecretStr,
    AfterValidator(_secret_url),
    Schema({"type": "string", "format": "password", "writeOnly": True, "allowed": "an http(s) address"}),
]
Network = Annotated[
    IPv4Network | IPv6Network,
    BeforeValidator(_network),
    PlainSerializer(str),
    Schema({"type": "string", "allowed": "an IP address or network such as 10.0.0.0/8"}),
]
