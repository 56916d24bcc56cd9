"""Which indices the Elasticsearch mirror makes, takes over, turns away and removes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from appliance.adapters.protocol import Misconfigured
from appliance.cli.check_elasticsearch import elasticsearch as elasticsearch_check
from appliance.clock import DAY_US
from appliance.testing import make_row
from tests.integration.elasticsearch_target import TAKEN_DAY_US, ElasticsearchTarget
from tests.integration.mirror_conformance import Told, Written, nothing_refused
from tests.services.elasticsearch import Elasticsearch

_DAY = "2025.01.01"


@pytest.fixture
def target(elasticsearch: Elasticsearch) -> Iterator[ElasticsearchTarget]:
    """Indices of the test's own."""
    target = ElasticsearchTarget(elasticsearch)
    yield target
    target.clear()


def _write(target: ElasticsearchTarget, *days: int, **fields: Any) -> list[dict[str, Any]]:
    """Mirror an event on each day, counted from the taken one; returns the events."""
    log = Written()
    target.kept.put(None)
    log.append([make_row(timestamp_us=TAKEN_DAY_US + day * DAY_US, **fields) for day in days])
    (batch,) = log.batches(None)
    target.ready().write(batch, nothing_refused)
    events: list[dict[str, Any]] = batch.events.to_pylist()
    return events


def test_the_template_and_the_index_have_the_mappings(target: ElasticsearchTarget) -> None:
    """Fields are typed, free properties are flattened and can't add any; a team's own indices get the template too."""
    _write(target, 0)
    assert target.ask("PUT", f"/{target.prefix}-by-hand").status_code == 200
    mapped = target.ask("GET", f"/{target.prefix}-*/_mapping").json()
    ours, by_hand = (mapped[name]["mappings"] for name in (target.index(_DAY), f"{target.prefix}-by-hand"))
    assert ours == by_hand
    kinds = {name: field["type"] for name, field in ours["properties"].items()}
    assert ("false", "date", "double", "keyword", "flattened") == (
        ours["dynamic"],
        *(kinds[name] for name in ("timestamp", "amount", "user_id", "properties")),
    )
    assert {"event_id", "received_at", "campaign_id", "session_id", "currency", "link", "label"} < set(kinds)


def test_properties_and_money_are_found(target: ElasticsearchTarget) -> None:
    """What is in properties can be searched for by its path, and amounts can be added up."""
    for number in range(3):
        _write(target, number, amount=12_345, properties={"device": {"os": "ios" if number else "android"}})
    target.effects()
    query = {"query": {"term": {"properties.device.os": "ios"}}, "aggs": {"money": {"sum": {"field": "amount"}}}}
    found = target.ask("POST", f"/{target.prefix}-*/_search", query).json()
    assert (2, 2.469) == (found["hits"]["total"]["value"], found["aggregations"]["money"]["value"])


def test_properties_at_every_limit_are_taken(target: ElasticsearchTarget) -> None:
    """The longest names and values that the log takes, and numbers too long for its parser, which become text."""
    long_number = "0." + "3" * 3_000
    texts = [
        json.dumps({"k" * 32_762: 1}),
        json.dumps({"a" * 16_000: {"b" * 16_000: "v"}}),
        json.dumps({"k": "日" * 10_900}, ensure_ascii=False),
    ]
    log = Written()
    rows = [(*make_row()[:-1], text) for text in [*texts, f'{{"n":{long_number},"m":[-1.50]}}']]
    log.append(rows)
    (batch,) = log.batches(None)
    target.ready().write(batch, nothing_refused)
    *rest, last = batch.events.to_pylist()
    held = target.effects()
    assert {"n": long_number, "m": [-1.5]} == held.pop(str(last["event_id"]))["properties"]
    assert target.expected(rest) == held


def test_names_that_look_alike_are_left_alone(target: ElasticsearchTarget) -> None:
    """Expiry and reset drop what is named exactly as a daily index, and neither relatives nor what an alias means."""
    _write(target, 0, 1, 2)
    alike = ["2025.01.01-old", "2025.13.01", "x-2025.01.01", "2025.1.1", "2025-01-01", "2025.02.30", "precious"]
    for name in alike:
        assert target.ask("PUT", f"/{target.index(name)}").status_code == 200
    target.ask("PUT", f"/{target.index('precious')}/_alias/{target.index('2024.12.30')}")
    mirror = target.ready()
    assert 1 == mirror.expire(TAKEN_DAY_US + DAY_US)
    names = [name for name in target.indices() if name.startswith(target.prefix)]
    assert sorted(map(target.index, [*alike, "2025.01.02", "2025.01.03"])) == names
    mirror.reset()
    names = [name for name in target.indices() if name.startswith(target.prefix)]
    assert sorted(map(target.index, alike)) == names


def test_an_index_of_somebody_else_is_completed(target: ElasticsearchTarget) -> None:
    """It gets the fields that it lacks, keeps its own documents through a reset, and goes with the retention."""
    target.make_index(_DAY, {"user_id": {"type": "keyword"}, "event_type": {"type": "text"}})
    target.ask("PUT", f"/{target.index(_DAY)}/_doc/mine", {"user_id": "ada", "event_type": "old"})
    theirs = {"mine": {"_index": target.index(_DAY), "user_id": "ada", "event_type": "old"}}
    events = _write(target, 0, 0, user_id="bob")
    assert target.expected(events) | theirs == target.effects()
    assert 2 == target.ready().erase("bob")
    _write(target, 0, user_id="bob")
    target.ready().reset()
    assert theirs == target.effects()
    target.ready().expire(TAKEN_DAY_US + DAY_US)
    assert target.index(_DAY) not in target.indices()


@pytest.mark.parametrize("kind", [{"type": "text"}, {"type": "keyword", "ignore_above": 20}])
def test_an_index_from_which_nobody_could_be_erased(target: ElasticsearchTarget, kind: dict[str, Any]) -> None:
    """It is turned away by its name before anything is written, and when it has gone the mirror goes on."""
    target.make_index(_DAY, {"user_id": kind})
    with pytest.raises(Misconfigured, match=f"{target.index(_DAY)} was made by somebody else.*user_id"):
        _write(target, 0, 1)
    assert {} == target.effects()
    assert target.kept.get() is None
    target.ask("DELETE", f"/{target.index(_DAY)}")
    assert target.expected(_write(target, 0, 1)) == target.effects()


def test_an_alias_in_the_way(target: ElasticsearchTarget) -> None:
    """Where an alias has the name of a day nothing is written through it."""
    target.ask("PUT", f"/{target.index('precious')}")
    target.ask("PUT", f"/{target.index('precious')}/_alias/{target.index(_DAY)}")
    with pytest.raises(Misconfigured, match=f"{target.index(_DAY)} is an alias"):
        _write(target, 0)
    assert {} == target.effects()


def test_a_template_in_the_way(target: ElasticsearchTarget) -> None:
    """One of our name by somebody else is not overwritten; one of the same priority is named."""
    path = f"/_index_template/{target.prefix}"
    theirs = {"index_patterns": [f"{target.prefix}-*"], "priority": 200}
    try:
        target.ask("PUT", f"{path}-appliance", theirs)
        with pytest.raises(Misconfigured, match="made by somebody else"):
            target.ready()
        target.ask("DELETE", f"{path}-appliance")
        target.ask("PUT", f"{path}-theirs", theirs)
        with pytest.raises(Misconfigured, match=f"{target.prefix}-theirs has the same priority"):
            target.ready()
    finally:
        target.ask("DELETE", f"{path}-theirs")


def test_a_closed_index(target: ElasticsearchTarget) -> None:
    """Nothing can be written there, nor anybody be erased: both say so, and neither passes for done."""
    _write(target, 0)
    target.ask("POST", f"/{target.index(_DAY)}/_close")
    with pytest.raises(Misconfigured, match=f"{target.index(_DAY)} is closed"):
        _write(target, 0)
    with pytest.raises(Misconfigured, match=f"{target.index(_DAY)} is closed"):
        target.ready().erase("u1")


def test_more_days_than_the_cluster_has_shards(target: ElasticsearchTarget) -> None:
    """What the cluster refuses to make is nobody's dead letter; with more shards the mirror goes on."""
    try:
        target.ask("PUT", "/_cluster/settings", {"persistent": {"cluster.max_shards_per_node": 1}})
        with pytest.raises(Misconfigured, match="max_shards_per_node"):
            _write(target, *range(3))
    finally:
        target.ask("PUT", "/_cluster/settings", {"persistent": {"cluster.max_shards_per_node": None}})
    assert target.expected(_write(target, *range(3))) == target.effects()


def test_refusals_do_not_quote_the_event(target: ElasticsearchTarget) -> None:
    """A dead letter names the field and how it is mapped, and nothing that the event holds."""
    log, told = Written(), Told()
    log.append([target.refusable(), make_row(timestamp_us=TAKEN_DAY_US)])
    (batch,) = log.batches(None)
    target.ready().write(batch, told)
    (refused,) = told.events
    assert "Elasticsearch refuses it: document_parsing_exception: field session_id, which is mapped as long" == (
        refused.reason
    )
    assert target.expected(batch.events.to_pylist()[1:]) == target.effects()


def test_erasing_keeps_every_digit(target: ElasticsearchTarget, monkeypatch: pytest.MonkeyPatch) -> None:
    """Others' events lose the name, however it is written, page by page, and no other digit or letter."""
    monkeypatch.setattr("appliance.adapters.elasticsearch_erasure._PAGE", 3)
    monkeypatch.setattr("appliance.adapters.elasticsearch_erasure._PAGE_READ", 3)
    others = '"n":123456789012345678901234567890.10,"z":-0.0,"é\\u0001":[1e-7]'
    names = ['"42"', "42", '["41","42"]', '"41"', '"4 2"', "[]", "420", '{"x":"42"}']
    texts = [f'{{"referred_user_id":{name},{others}}}' for name in names for _ in range(4)]
    log = Written()
    bobs = make_row(user_id="bob", amount=10**18 - 1, referred_user_id="42")
    rows = [(*bobs[:-1], text) for text in texts]
    log.append([*rows, *(make_row(user_id="42") for _ in range(10))])
    mirror = target.ready()
    for batch in log.batches(None):
        mirror.write(batch, nothing_refused)
    events = batch.events.to_pylist()[: len(rows)]
    assert 10 == mirror.erase("42")
    for event, text in zip(events, texts, strict=True):
        event["referred_user_id"] = None
        event["properties"] = text if texts.index(text) >= 12 else f"{{{others}}}"
    assert target.expected(events) == target.effects()


def test_the_check_tells_what_it_found(target: ElasticsearchTarget) -> None:
    """Version and indices where all is well; a dead node and an index that doesn't fit are warnings; no change."""
    before = target.indices()
    with target.service.proxy() as proxy:
        dead = proxy.address
    finding = elasticsearch_check(target.settings())()
    assert ("ok", True) == (finding.status, "is Elasticsearch 8.16.6 with 0 daily indices" in finding.message)
    assert before == target.indices()
    finding = elasticsearch_check(target.settings(target.service.url, f"http://me:geheim@{dead}"))()
    assert ("warning", f"http://{dead}: it can't be reached: Connection refused") == (finding.status, finding.message)
    target.make_index(_DAY, {"user_id": {"type": "text"}})
    finding = elasticsearch_check(target.settings())()
    assert ("warning", True) == (finding.status, finding.message.endswith(target.index(_DAY)))
    finding = elasticsearch_check(target.settings(f"http://{dead}"))()
    assert ("failed", True) == (finding.status, "Connection refused" in finding.message)
