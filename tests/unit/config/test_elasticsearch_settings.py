"""The settings of Elasticsearch that have to fit each other, and what an index may be called."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from appliance.config.services import ElasticsearchSettings


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"username": "me"}, "username and password go together"),
        ({"password": "geheim"}, "username and password go together"),
        ({"username": "me", "password": "geheim", "api_key": "a2V5"}, "username and api_key are both set"),
        ({"ssl_ca_file": __file__}, "not every host begins with https://"),
        ({"hosts": ["https://a"], "ssl_ca_file": "/nowhere/ca.pem"}, "ssl_ca_file names no file"),
        *(({"index_prefix": prefix}, "index_prefix") for prefix in ("", "Events", "-a", "_a", "a*", "a,b", "a b", "ü")),
    ],
)
def test_what_does_not_go_together(settings: dict[str, Any], words: str) -> None:
    """The fault is told with the setting, and without a secret."""
    with pytest.raises(ValidationError, match=words) as told:
        ElasticsearchSettings(**settings)
    assert "geheim" not in str(told.value)


def test_what_goes_together() -> None:
    """A login by name or by key, and an authority for nodes that all speak https."""
    here = Path(__file__)
    logins: list[dict[str, Any]] = [{"username": "me", "password": "geheim"}, {"api_key": "geheim"}]
    for login in logins:
        settings = ElasticsearchSettings(hosts=["https://a", "https://b:9200"], ssl_ca_file=here, **login)
        assert "geheim" not in repr(settings)
    assert "a.b_c-1" == ElasticsearchSettings(index_prefix="a.b_c-1").index_prefix
