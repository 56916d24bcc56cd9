"""The check of a configured Elasticsearch: whether the mirror could write to it as things are."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from appliance.cli.findings import Finding, failed, passed, warned
from appliance.config.services import ElasticsearchSettings
from appliance.errors import ApplianceError, TransientError

_NAME: Final = "elasticsearch"


def elasticsearch(settings: ElasticsearchSettings) -> Callable[[], Finding]:
    """Looks at Elasticsearch when called."""

    def probe() -> Finding:
        from appliance.adapters.elasticsearch_check import look  # noqa: PLC0415 - only where it is configured
        from appliance.adapters.elasticsearch_connection import shown  # noqa: PLC0415

        where = ", ".join(map(shown, settings.hosts))
        try:
            found = look(settings)
        except ApplianceError as fault:
            return _failed(where, fault)
        if found.silent:
            remedy = "start what is down, or take it out of elasticsearch.hosts; the other nodes are used meanwhile"
            return warned(_NAME, "; ".join(found.silent), remedy)
        if found.unfit:
            told = f"{len(found.unfit)} of its daily indices were made by somebody else and don't fit: {found.unfit[0]}"
            remedy = "delete or reindex them, or choose another elasticsearch.index_prefix"
            return warned(_NAME, told + (" is the first" if len(found.unfit) > 1 else ""), remedy)
        return passed(_NAME, f"{where} is Elasticsearch {found.version} with {found.indices} daily indices")

    return probe


def _failed(where: str, fault: ApplianceError) -> Finding:
    if not isinstance(fault, TransientError):
        remedy = "do what it says, correct the settings of elasticsearch, or take it out of the configuration"
        return failed(_NAME, f"{where}: {fault.message}", remedy)
    remedy = "start it, correct elasticsearch.hosts, or take elasticsearch out of the configuration"
    return failed(_NAME, f"{where} can't be mirrored to now: {fault.message}", remedy)
