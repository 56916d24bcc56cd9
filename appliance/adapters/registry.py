"""Which mirrors there are, and how each is made from its section of the settings."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from typing import Any, Final

from appliance.adapters.protocol import Mirror, MirrorContext, MirrorFactory, Misconfigured
from appliance.config import Settings


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of mirror. Its class is imported by name when its runner begins: client libraries take seconds."""

    name: str
    """Also the name of its section of the settings."""
    module: str
    factory: str
    """The class: see ``MirrorFactory``."""
    takes_figures: bool = False
    """It is a ``FigureSink``."""


KINDS: Final = (
    Kind("redis", "appliance.adapters.redis", "RedisMirror", takes_figures=True),
    Kind("elasticsearch", "appliance.adapters.elasticsearch", "ElasticsearchMirror"),
    Kind("postgresql", "appliance.adapters.postgres", "PostgresMirror"),
)


@dataclass(frozen=True, slots=True)
class Configured:
    """A mirror that the settings name."""

    name: str
    make: Callable[[MirrorContext], Mirror]
    """Makes it; slow the first time. Raises ``Misconfigured`` where its client library is missing."""
    batch_events: int
    takes_figures: bool = False


def configured(settings: Settings) -> list[Configured]:
    """The mirrors whose sections the settings have."""
    sections = [(kind, getattr(settings, kind.name)) for kind in KINDS]
    return [
        Configured(kind.name, partial(_make, kind, section), section.batch_events, kind.takes_figures)
        for kind, section in sections
        if section is not None
    ]


def _make(kind: Kind, section: Any, context: MirrorContext) -> Mirror:
    try:
        factory: MirrorFactory = getattr(import_module(kind.module), kind.factory)
    except ImportError as fault:
        missing = fault.name or str(fault)
        raise Misconfigured(f"{missing} is not installed here, which mirroring to {kind.name} needs") from fault
    return factory(section, context)
